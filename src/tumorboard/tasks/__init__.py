"""One file per clinical question: outcome rule, what the network's outputs mean, loss, metrics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from tumorboard.records import Cohort, Floats, Outcomes
from tumorboard.study_keys import Loss, TaskTable

if TYPE_CHECKING:
    import torch


class Task(ABC):
    """A clinical question. `__init__` takes the study's `[task]` table."""

    #: What turns a branch's outputs into what a decision-level fusion may average.
    link: ClassVar[Literal["softmax", "identity"]]

    def __init__(self, keys: TaskTable) -> None:
        self.keys = keys

    @abstractmethod
    def read(self, cohort: Cohort, *, classes: tuple[str, ...] = ()) -> Outcomes:
        """Read the outcome of every row.

        Args:
            cohort: The patients.
            classes: Class names of a fitted model; a cohort with other labels is refused.

        Raises:
            InputError: Column absent, rows of one patient that disagree, labels that are unknown.
        """

    @abstractmethod
    def n_outputs(self, outcomes: Outcomes) -> int:
        """Number of outputs K of the network's head."""

    @abstractmethod
    def class_weights(
        self, target: torch.Tensor, weight: torch.Tensor, loss: Loss, n_outputs: int
    ) -> torch.Tensor:
        """(K,) weights of the classes, from the training part."""

    @abstractmethod
    def loss(
        self, outputs: torch.Tensor, target: torch.Tensor, *, weight: torch.Tensor,
        class_weights: torch.Tensor, loss: Loss,
    ) -> torch.Tensor:  # fmt: skip
        """Scalar loss of a batch: outputs (B, K), target (B,), weight (B,)."""

    @abstractmethod
    def predict(self, outputs: torch.Tensor) -> torch.Tensor:
        """Outputs (B, K) to what the prediction table holds, such as probabilities (B, K)."""

    @abstractmethod
    def average(self, predictions: Floats, unit: Floats) -> Floats:
        """Predictions (rows, K) of the rows of each unit to one prediction per unit."""
