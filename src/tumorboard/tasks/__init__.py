"""One file per clinical question: outcome rule, meaning of the network's outputs, loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from tumorboard.records import Cohort, Outcomes
from tumorboard.study_keys import Loss, TaskTable

if TYPE_CHECKING:
    import torch


class Task(ABC):
    """A clinical question; `__init__` takes the study's `[task]` table."""

    #: What turns a branch's outputs into what a decision-level fusion may average.
    link: ClassVar[Literal["softmax", "identity"]]

    def __init__(self, keys: TaskTable) -> None:
        self.keys = keys

    @abstractmethod
    def read(self, cohort: Cohort, *, values: Mapping[str, str] | None = None) -> Outcomes:
        """Read the outcome of every row.

        Args:
            cohort: The patients.
            values: Label -> class of a fitted model; a cohort with other labels is refused.

        Raises:
            StudyError: The study's positive class or its classes are not in the data.
            InputError: Column absent, rows of one patient that disagree, unknown labels.
        """

    @abstractmethod
    def n_outputs(self, classes: tuple[str, ...]) -> int:
        """Number of outputs K of the network's head."""

    @abstractmethod
    def class_weights(
        self, target: torch.Tensor, weight: torch.Tensor, *, loss: Loss, n_outputs: int
    ) -> torch.Tensor:
        """(K,) class weights from the training rows: target (n,), weight (n,)."""

    @abstractmethod
    def loss(
        self,
        outputs: torch.Tensor,
        target: torch.Tensor,
        *,
        class_weights: torch.Tensor,
        loss: Loss,
    ) -> torch.Tensor:
        """Loss of every row (B,): outputs (B, K), target (B,)."""

    @abstractmethod
    def predict(self, outputs: torch.Tensor) -> torch.Tensor:
        """Outputs (B, K) to what the prediction table holds, such as probabilities (B, K)."""
