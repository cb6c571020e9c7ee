"""One file per kind of measurement: read it, check it, fit its preprocessing, hand it over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tumorboard.cache import Cache
from tumorboard.formats.lesion_masks import LesionMasks
from tumorboard.records import (
    ArraySpec,
    Bools,
    Cohort,
    FileRecord,
    FittedState,
    Floats,
    Ints,
    Layout,
    Rejection,
)

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Measured:
    """What one modality read from a cohort, one entry per row, before anything is fitted.

    A modality subclasses it with what it needs (parsed columns, cache keys of images).

    Args:
        present: (rows,) True where the row has this measurement.
        rejections: Files that were named and could not be used.
        records: What became of each file of this modality.
    """

    present: Bools
    rejections: tuple[Rejection, ...] = ()
    records: tuple[FileRecord, ...] = ()


class Modality(ABC):
    """One kind of measurement of a patient. Keyword arguments of `__init__` are its configuration.

    Life: `read` once per cohort (nothing fitted, so it may be cached); `fit` on training rows;
    `arrays` for any rows; `finish` on the device, with augmentation while training.
    """

    layout: ClassVar[Layout]

    @property
    def pattern(self) -> str:
        """Pattern of this modality's files with `{column}` names; "none" where it reads none."""
        return "none"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the cohort table that are predictors of this modality."""
        return ()

    @abstractmethod
    def read(self, cohort: Cohort, *, name: str, cache: Cache) -> Measured:
        """Read and check every row of the cohort.

        Raises:
            InputError: A column is absent or a cell cannot be read; every row at fault is named.
        """

    @abstractmethod
    def fit(self, measured: Measured, rows: Ints, *, weight: Floats) -> ArraySpec:
        """Fit on the training rows alone and say what the encoder will get.

        Args:
            measured: What `read` gave.
            rows: Training rows; rows where the modality is absent are ignored.
            weight: (rows,) weight of each of these rows; the rows of a patient sum to 1.
        """

    @abstractmethod
    def arrays(self, measured: Measured, rows: Ints) -> NDArray[Any]:
        """Arrays (len(rows), *spec.sizes); rows where the modality is absent are undefined."""

    def finish(self, batch: torch.Tensor, *, generator: torch.Generator | None) -> torch.Tensor:
        """Stored batch, on its device, to what the encoder sees; a generator augments it."""
        return batch.float()

    @abstractmethod
    def state(self) -> FittedState:
        """What `fit` learned."""

    @abstractmethod
    def restore(self, state: FittedState) -> ArraySpec:
        """Take up a fitted state again; gives the same `ArraySpec` as `fit` did."""

    @property
    def origins(self) -> tuple[str, ...]:
        """Column that each feature of the array comes from, once fitted; empty for an image."""
        return ()

    def notes(self, measured: Measured, rows: Ints) -> tuple[str, ...]:
        """Sentences about rows that training had not seen, such as an unknown category."""
        return ()

    def lesion_masks(self, cohort: Cohort, rows: Ints, *, name: str) -> LesionMasks | None:
        """Where the lesions of these rows are, in the geometry that the encoder sees; or None.

        Predictors never see them: they judge what a model looks at.
        """
        return None

    def poor(self, measured: Measured, rows: Ints) -> Bools:
        """(len(rows),) True where the measurement is worse than training saw: not to be trusted."""
        return np.zeros(len(rows), dtype=np.bool_)


def row_weights(patient_id: tuple[str, ...], rows: Ints) -> Floats:
    """Weight of each row so that every patient weighs 1: one over the patient's number of rows."""
    ids = np.asarray([patient_id[int(row)] for row in rows], dtype=object)
    _, inverse, counts = np.unique(ids.astype(str), return_inverse=True, return_counts=True)
    return 1.0 / counts[inverse]
