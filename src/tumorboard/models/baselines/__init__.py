"""One file per classical baseline: vectors of training patients -> predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tumorboard.records import FittedState

#: Rows that a fit may watch and never learns from: features, class index and weight of each.
Validation = tuple[NDArray[np.float64], NDArray[Any], NDArray[np.float64]]


class Baseline(ABC):
    """A classical model of vectors. Keyword arguments of `__init__` are its configuration.

    Absent modalities arrive as NaN: a baseline says itself how it treats them.
    """

    #: Tasks that it answers.
    tasks: ClassVar[frozenset[str]] = frozenset({"classification"})

    @property
    def takes_missing(self) -> bool:
        """Whether it gets tables before imputation, with NaN where a value is missing."""
        return False

    @abstractmethod
    def fit(
        self,
        x: NDArray[np.float64],
        target: NDArray[Any],
        *,
        weight: NDArray[np.float64],
        n_classes: int,
        seed: int,
        validation: Validation | None = None,
        task: str = "classification",
    ) -> None:
        """Fit on training rows.

        Args:
            x: (n, F) features; NaN where a modality is absent.
            target: (n,) class index; survival: (n, 2) time in days and event; regression: (n, K).
            weight: (n,) weight of each row.
            n_classes: Number of classes K; of targets K of a regression.
            seed: Seed of whatever is random.
            validation: Rows of validation patients, for baselines that stop early on them.
            task: What is asked, one of `tasks`.
        """

    @abstractmethod
    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities (n, K); survival: log-hazards (n, 1); regression: values (n, K)."""

    @abstractmethod
    def state(self) -> FittedState:
        """What `fit` learned, as plain data."""

    @abstractmethod
    def restore(self, state: FittedState) -> None:
        """Take up a fitted state again."""
