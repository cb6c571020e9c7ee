"""One file per kind of measurement: read it, check it, fit its preprocessing, hand it over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from tumorboard import registry
from tumorboard.cache import Cache
from tumorboard.errors import StudyError
from tumorboard.formats.image_fingerprints import Fingerprints
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
    Structure,
)
from tumorboard.transforms.cases import Cases

if TYPE_CHECKING:
    import torch

#: Pictures (B, C, H, W) in 0..1 and the row of each to the same pictures, changed.
Change = Callable[["torch.Tensor", Ints], "torch.Tensor"]


@dataclass(frozen=True)
class Measured:
    """What one modality read from a cohort, one entry per row, before anything is fitted.

    A modality subclasses it with what it needs (parsed columns, cache keys of images).

    Args:
        present: (rows,) True where the row has this measurement.
        rejections: Files that were named and could not be used.
        records: What became of each file of this modality.
        notes: Sentences about what was read.
    """

    present: Bools
    rejections: tuple[Rejection, ...] = ()
    records: tuple[FileRecord, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MeasuredPictures(Measured, ABC):
    """Measurements that are pictures: what the audit, probes and error pages read of any of them.

    Args:
        name: The modality's name in the study.
        index: (rows, n) number of each of the row's pictures among `sources`, -1 for none.
        patient_id: One per row.
        change: Makes pictures worse before they are handed over, to see what a model makes of it:
            (B, C, H, W) float32 in 0..1 and their rows to the same; None leaves them.
    """

    name: str = ""
    index: Ints = field(default_factory=lambda: np.empty((0, 1), dtype=np.int64))
    patient_id: tuple[str, ...] = ()
    change: Change | None = None
    #: Whether a row shows a part of its file only; see `picture`.
    shows_parts: ClassVar[bool] = False

    @property
    @abstractmethod
    def sources(self) -> tuple[Path, ...]:
        """The file of each picture."""

    @abstractmethod
    def fingerprints(self) -> Fingerprints:
        """Fingerprints of the pictures, in the order of `sources`.

        Raises:
            InputError: A picture was changed or removed during the run.
        """

    @abstractmethod
    def grey_levels(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation (rows,) of what each row shows, in grey, 0..1; else NaN."""

    def picture(self, row: int) -> NDArray[np.uint8] | None:
        """What a row shows of its file, (H, W, 3); None where that is the whole file."""
        return None


@dataclass(frozen=True)
class MeasuredProfiles(Measured):
    """Long profiles of numbers (genes, ready features), one per patient, of everybody in a table.

    Args:
        name: The modality's name in the study.
        table: The file.
        names: One per column: gene symbols, names of features.
        profiles: (profiles, columns) float32, NaN where missing; also of patients who are not in
            the cohort, since what was computed over all patients shows only there.
        index: (rows,) number of each row's profile, -1 for none.
        patient_id: One per row.
        scale: Unit of the numbers as it was declared, such as "tpm" or "z"; "" where it has none.
        root: Folder that further files of the modality start from.
    """

    name: str = ""
    table: Path = Path()
    names: tuple[str, ...] = ()
    profiles: NDArray[np.float32] = field(
        default_factory=lambda: np.empty((0, 0), dtype=np.float32)
    )
    index: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    patient_id: tuple[str, ...] = ()
    scale: str = ""
    root: Path = Path()

    @classmethod
    def nobody(cls, cohort: Cohort, *, name: str, note: str) -> Self:
        """Of a cohort without such a table: nobody has a profile."""
        return cls(
            present=np.zeros(cohort.n_rows, dtype=np.bool_), notes=(note,), name=name,
            index=np.full(cohort.n_rows, -1, dtype=np.int64), patient_id=cohort.patient_id,
            root=cohort.root,
        )  # fmt: skip

    @property
    def is_nobodys(self) -> bool:
        """Whether there is no table at all."""
        return len(self.profiles) == 0

    @property
    def values(self) -> NDArray[np.float32]:
        """(rows, columns) the profile of each row; NaN where a value or the profile is missing."""
        if self.is_nobodys:
            return np.full((len(self.index), len(self.names)), np.nan, dtype=np.float32)
        found = self.profiles[self.index]
        found[self.index < 0] = np.nan
        return found

    def of_patients(self, rows: Ints) -> NDArray[np.float32]:
        """(patients, columns) profiles of these rows, each patient's once, in the table's order."""
        index = np.unique(self.index[rows])
        return self.profiles[index[index >= 0]]


class Modality(ABC):
    """One kind of measurement of a patient. Keyword arguments of `__init__` are its configuration.

    Life: `read` once per cohort (nothing fitted, so it may be cached); `fit` on training rows;
    `arrays` for any rows; `finish` on the device, with augmentation while training.
    """

    #: What the encoder gets; set by the class, or by `__init__` where a setting decides it.
    layout: Layout
    #: Whether what it reads is pictures, as `MeasuredPictures` has them.
    is_picture: ClassVar[bool] = False
    #: What the encoder of the arm needs besides arrays; set before `fit` and kept in the state.
    asked: frozenset[Structure] = frozenset()

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

    def unimputed(self, measured: Measured, rows: Ints) -> NDArray[Any]:
        """As `arrays`, with NaN where a value is missing: for models that handle that themselves.

        By default the arrays as they are: only tables fill values in.
        """
        return self.arrays(measured, rows)

    def finish(self, batch: torch.Tensor, *, generator: torch.Generator | None) -> torch.Tensor:
        """Stored batch, on its device, to what the encoder sees; a generator augments it."""
        return batch.float()

    def shown(self, batch: torch.Tensor) -> torch.Tensor:
        """What `finish` gave, as a person is shown it: pictures in 0..1."""
        return batch

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

    def cases(self, cohort: Cohort, measured: Measured, *, name: str) -> Cases:
        """The rows as cases of a segmentation: their masks, and the geometry between both grids.

        Raises:
            StudyError: It cannot be segmented.
        """
        raise StudyError(f"modalities.{name}: only images and volumes can be segmented.")

    def patch(
        self, measured: Measured, row: int, start: tuple[int, ...], size: tuple[int, ...]
    ) -> NDArray[Any]:
        """(C, *size) of the array of one row from `start` on, inside of it."""
        box = tuple(slice(s, s + n) for s, n in zip(start, size, strict=True))
        array = self.arrays(measured, np.asarray([row], dtype=np.int64))[0]
        return array[(slice(None), *box)]

    def case_shape(self, measured: Measured, row: int) -> tuple[int, ...]:
        """Pixels or voxels of a row's image as the segmenter sees it, without channels."""
        return self.arrays(measured, np.asarray([row], dtype=np.int64)).shape[2:]

    def augment_case(
        self, images: torch.Tensor, numbers: torch.Tensor, places: torch.Tensor,
        generator: torch.Generator,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
        """Images and masks of a training batch changed alike; as they are by default.

        Args:
            images: (B, C, *space), finished.
            numbers: (B, *space) of their masks.
            places: (B, A, 2) where they lie in the whole image; ends change places when mirrored.
            generator: On the CPU.
        """
        return images, numbers, places

    def poor(self, measured: Measured, rows: Ints) -> Bools:
        """(len(rows),) True where the measurement is worse than training saw: not to be trusted."""
        return np.zeros(len(rows), dtype=np.bool_)


def picture_modalities(tables: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Names of the modalities of a study that read pictures, of whatever kind."""
    return tuple(
        name
        for name, table in tables.items()
        if registry.find("modalities", str(table["kind"]), Modality).is_picture
    )


def changed(pictures: NDArray[Any], rows: Ints, change: Change) -> NDArray[Any]:
    """Pictures made worse in 0..1 and stored as they were: bytes stay bytes."""
    import torch

    is_bytes = pictures.dtype == np.uint8
    unit = torch.from_numpy(np.ascontiguousarray(pictures)).float()
    worse = change(unit / 255 if is_bytes else unit, rows).clamp(0.0, 1.0)
    return (worse * 255).round().byte().numpy() if is_bytes else worse.numpy()


def row_weights(patient_id: tuple[str, ...], rows: Ints) -> Floats:
    """Weight of each row so that every patient weighs 1: one over the patient's number of rows."""
    ids = np.asarray([patient_id[int(row)] for row in rows], dtype=object)
    _, inverse, counts = np.unique(ids.astype(str), return_inverse=True, return_counts=True)
    return 1.0 / counts[inverse]
