"""One file per clinical question: outcome rule, meaning of the network's outputs, loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from numpy.typing import NDArray

from tumorboard.records import Cohort, FittedState, Floats, Outcomes
from tumorboard.study_keys import Loss, TaskTable

if TYPE_CHECKING:
    import torch


class Task(ABC):
    """A clinical question; `__init__` takes the study's `[task]` table.

    Life: `read` once per cohort; `prepare` on the training rows before a fit; `loss` while a
    network trains; `finish` on the training rows after it; `predict` for any rows. What `prepare`
    and `finish` learned travels with the model.
    """

    #: What turns a branch's outputs into what a decision-level fusion may average.
    link: ClassVar[Literal["softmax", "identity"]]

    def __init__(self, keys: TaskTable) -> None:
        self.keys = keys
        self.learned = FittedState()

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
        """Number of outputs K of the network's head, once `prepare` has seen the outcomes."""

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

    def weighted_loss(
        self, outputs: torch.Tensor, target: torch.Tensor, *, weight: torch.Tensor,
        class_weights: torch.Tensor, loss: Loss,
    ) -> torch.Tensor:  # fmt: skip
        """As `loss`, of rows that will be weighed by `weight` (B,): for losses that compare rows.

        By default a row's loss is its own, whatever the others weigh.
        """
        return self.loss(outputs, target, class_weights=class_weights, loss=loss)

    @abstractmethod
    def predict(self, outputs: torch.Tensor) -> torch.Tensor:
        """Outputs (B, K) to what the prediction table holds, such as probabilities (B, K)."""

    def predict_baseline(self, outputs: Floats) -> Floats:
        """What a baseline gave (n, K) to what the prediction table holds; by default the same."""
        return outputs

    def columns(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """Names of the columns that `predict` gives; one per class by default."""
        return classes

    def prepare(
        self, target: NDArray[Any], weight: Floats, *, values: Mapping[str, str] | None = None
    ) -> None:
        """Learn from the training outcomes what the loss needs; nothing by default.

        Args:
            target: (n, ...) of the training rows.
            weight: (n,) weight of each row; the rows of a patient sum to 1.
            values: `Outcomes.values` of the cohort, which every fold of a study shares.
        """
        self.learned = FittedState()

    def finish(  # noqa: B027 - most tasks have nothing to learn here
        self, outputs: Floats, target: NDArray[Any], weight: Floats
    ) -> None:
        """Learn how outputs (n, K) of the training rows become predictions; nothing by default."""

    def state(self) -> FittedState:
        """What `prepare` and `finish` learned."""
        return self.learned

    def restore(self, state: FittedState) -> None:
        """Take up a learned state again."""
        self.learned = state
