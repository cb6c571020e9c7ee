"""Radiomics: features of a lesion in a volume, as one vector."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.cache import Cache
from tumorboard.errors import InputError
from tumorboard.formats.file_progress import FileProgress
from tumorboard.formats.row_files import RowFiles
from tumorboard.formats.volume_masks import read_mask
from tumorboard.formats.volumes import read_volume_files
from tumorboard.modalities import Measured, Modality
from tumorboard.records import (
    ArraySpec,
    Cohort,
    FileRecord,
    FittedState,
    Floats,
    Ints,
    Rejection,
)
from tumorboard.transforms.radiomics import (
    FAMILIES,
    Family,
    RadiomicsSettings,
    check_settings,
    radiomics,
    refuse_unknown_size,
)

#: Standard deviations beyond which a feature is unlike the training patients'.
_FAR = 5.0


@dataclass(frozen=True)
class MeasuredRadiomics(Measured):
    """Features of a cohort.

    Args:
        name: The modality's name in the study.
        names: (F,) features.
        values: (rows, F), NaN where a feature is not defined or the row has none.
        patient_id: One per row.
    """

    name: str = ""
    names: tuple[str, ...] = ()
    values: Floats = field(default_factory=lambda: np.empty((0, 0)))
    patient_id: tuple[str, ...] = ()


class Radiomics(Modality):
    """Radiomics features of a lesion: shape, intensities and texture, as the IBSI defines them.

    Each volume is cut to its mask, resampled, its intensities are put into grey levels, and the
    features of the lesion are computed (mirp). A feature that training patients all share is
    dropped; the others become z-scores of the training patients, and one that is not defined in a
    patient gets their mean. A patient without a mask lacks this modality.

    Args:
        files: Pattern of the volumes (DICOM folder or ZIP, NIfTI, NRRD); braces name columns.
        masks: Pattern of the lesions' masks: DICOM segmentations, or NIfTI or NRRD on the grid of
            the volume. Several masks of a row are joined; what is above 0 is inside.
        spacing_mm: Voxel size that features are computed at; `original` leaves that of the file.
        bin_width: Width of a grey level, in Hounsfield units for CT.
        bins: Number of grey levels; above 0 it stands in for the width, as MR needs.
        intensity_range: Intensities outside are left out of the lesion; the first grey level
            starts at the lower end.
        families: Families of features, by mirp's names.
        choose: DICOM attribute -> value, where a folder holds more than one volume.
    """

    layout = "vector"

    def __init__(
        self,
        *,
        files: str,
        masks: str,
        spacing_mm: tuple[float, float, float] | Literal["original"] = (1.0, 1.0, 1.0),
        bin_width: float = 25.0,
        bins: int = 0,
        intensity_range: tuple[float, float] | Literal["none"] = (-1000.0, 400.0),
        families: tuple[Family, ...] = FAMILIES,
        choose: dict[str, str] = {},  # noqa: B006 - copied below, never changed
    ) -> None:
        least, most = (-np.inf, np.inf) if intensity_range == "none" else intensity_range
        self._settings = RadiomicsSettings(families, spacing_mm, bin_width, bins, least, most)
        check_settings(self._settings)
        self._pattern = files
        self._masks = masks
        self._choose = dict(choose)
        self._fitted: dict[str, Any] = {}

    @property
    def pattern(self) -> str:
        """Pattern of the volumes."""
        return self._pattern

    def read(self, cohort: Cohort, *, name: str, cache: Cache) -> MeasuredRadiomics:
        """Compute the features of every row; a volume or mask that cannot be used is rejected.

        Raises:
            StudyError: The masks' pattern names a column that the table does not have.
        """
        finder = RowFiles(cohort, self._masks, where=f"modalities.{name}.masks")
        masks: dict[int, tuple[Path, ...]] = {}
        found: dict[int, Mapping[str, float]] = {}
        rejected: dict[int, tuple[Path, str]] = {}
        named = {row: paths for row, paths in enumerate(cohort.files.get(name, ())) if paths}
        progress = FileProgress(name, len(named), "lesions measured", is_brief=True)
        for row, paths in named.items():
            try:
                masks[row] = finder.find(row)
                if masks[row]:
                    found[row] = self._features(paths, masks[row], cache)
            except InputError as error:
                rejected[row] = (_place(paths), str(error))
            progress.step()
        names = tuple(next(iter(found.values()), {}))
        values = np.full((cohort.n_rows, len(names)), np.nan)
        for row, features in found.items():
            values[row] = [features[feature] for feature in names]
        present = np.zeros(cohort.n_rows, dtype=np.bool_)
        present[list(found)] = True
        return MeasuredRadiomics(
            present=present,
            rejections=tuple(
                Rejection(cohort.patient_id[row], path, reason)
                for row, (path, reason) in sorted(rejected.items())
            ),
            records=_records(cohort, name, named, masks, rejected),
            name=name,
            names=names,
            values=values,
            patient_id=cohort.patient_id,
        )

    def fit(self, measured: Measured, rows: Ints, *, weight: Floats) -> ArraySpec:
        """Means and standard deviations of the training patients, and which features vary.

        Raises:
            InputError: No training row has features, or none of them varies.
        """
        own = _own(measured)
        has = own.present[rows]
        if not has.any():
            raise InputError(
                f"{own.name}: none of the {len(rows)} training rows has a volume with a usable "
                "mask. Check the patterns in `files` and `masks`."
            )
        values, share = own.values[rows[has]], weight[has][:, None]
        known = np.isfinite(values)
        total = np.where(known, share, 0.0).sum(axis=0)
        safe = np.where(total > 0, total, 1.0)
        mean = np.where(known, values * share, 0.0).sum(axis=0) / safe
        square = np.where(known, (values - mean) ** 2 * share, 0.0).sum(axis=0) / safe
        sd = np.sqrt(square)
        # Features of volumes that are the same everywhere differ by rounding alone.
        kept = np.flatnonzero((total > 0) & (sd > 1e-9 * np.maximum(np.abs(mean), 1e-12)))
        if not len(kept):
            raise InputError(
                f"{own.name}: no feature varies between the {int(has.sum())} training rows."
            )
        self._fitted = {
            "names": [own.names[i] for i in kept],
            "mean": mean[kept].tolist(),
            "sd": sd[kept].tolist(),
            "n_dropped": len(own.names) - len(kept),
        }
        return self._spec()

    def arrays(self, measured: Measured, rows: Ints) -> NDArray[Any]:
        """(rows, features) float32 z-scores; 0, the training mean, where one is not defined."""
        return np.nan_to_num(self.unimputed(measured, rows), nan=0.0)

    def unimputed(self, measured: Measured, rows: Ints) -> NDArray[Any]:
        """The same with NaN where a feature is not defined."""
        own = _own(measured)
        names, mean, sd = (self._fitted[key] for key in ("names", "mean", "sd"))
        if not own.names:  # nobody has any
            return np.full((len(rows), len(names)), np.nan, dtype=np.float32)
        place = {name: i for i, name in enumerate(own.names)}
        values = own.values[np.ix_(rows, np.asarray([place[name] for name in names]))]
        return ((values - np.asarray(mean)) / np.asarray(sd)).astype(np.float32)

    def notes(self, measured: Measured, rows: Ints) -> tuple[str, ...]:
        """Which features of a patient lie further out than training patients' plausibly do."""
        own = _own(measured)
        rows = rows[own.present[rows]]
        if not len(rows):
            return ()
        far = (np.abs(self.unimputed(own, rows)) > _FAR).sum(axis=1)
        n = len(self._fitted["names"])
        return tuple(
            f"patient {own.patient_id[int(row)]}: {count} of {n} features lie more than {_FAR:.0f} "
            "standard deviations from the training mean"
            for row, count in zip(rows, far.tolist(), strict=True)
            if count > n / 10
        )

    def state(self) -> FittedState:
        """Names, means and standard deviations."""
        return FittedState(values=dict(self._fitted))

    def restore(self, state: FittedState) -> ArraySpec:
        """Take up a fitted state; see `state`.

        Raises:
            InputError: The state is not one of this modality's.
        """
        lengths = {len(state.values.get(key, ())) for key in ("names", "mean", "sd")}
        if len(lengths) != 1 or lengths == {0}:
            raise InputError(
                "Fitted state of radiomics: names, mean and sd differ in length or are absent. The "
                "model folder is damaged."
            )
        self._fitted = dict(state.values)
        return self._spec()

    def _spec(self) -> ArraySpec:
        names = tuple(self._fitted["names"])
        return ArraySpec("vector", (len(names),), names)

    def _features(
        self, paths: Sequence[Path], masks: Sequence[Path], cache: Cache
    ) -> Mapping[str, float]:
        """Features of one row, computed once for the content of its files."""
        settings = {
            "radiomics": self._settings.document(),
            "choose": self._choose,
            "mirp": _mirp_version(),
            "n_masks": len(masks),
        }
        key = cache.key(settings, *paths, *masks)
        kept = cache.load(key)
        if kept is None:
            volume = read_volume_files(paths, where=_place(paths), choose=self._choose)
            refuse_unknown_size(volume, self._settings)
            found = radiomics(volume, read_mask(masks, volume), self._settings)
            kept = np.array([tuple(found.values())], dtype=[(name, "f8") for name in found])
            cache.store(key, kept)
        names = kept.dtype.names or ()
        return {name: float(kept[name][0]) for name in names}


def _mirp_version() -> str:
    try:
        return metadata.version("mirp")
    except metadata.PackageNotFoundError:  # `radiomics` says what to install
        return "absent"


def _place(paths: Sequence[Path]) -> Path:
    """The file, or the folder that holds all of them."""
    return paths[0] if len(paths) == 1 else Path(os.path.commonpath([p.parent for p in paths]))


def _records(
    cohort: Cohort,
    name: str,
    named: Mapping[int, Sequence[Path]],
    masks: Mapping[int, tuple[Path, ...]],
    rejected: Mapping[int, tuple[Path, str]],
) -> tuple[FileRecord, ...]:
    """What became of volumes and masks."""
    records: list[FileRecord] = []
    for row, paths in named.items():
        own = masks.get(row, ())
        patient = cohort.patient_id[row]
        if row in rejected:
            state, reason = "rejected", rejected[row][1]
        else:
            state, reason = ("used", "") if own else ("ignored", "no mask is named")
        for path in (*paths, *own):
            records.append(FileRecord(path, state, reason, name, patient))
    return tuple(records)


def _own(measured: Measured) -> MeasuredRadiomics:
    if not isinstance(measured, MeasuredRadiomics):
        raise TypeError(f"a radiomics modality was given {type(measured).__name__}")
    return measured
