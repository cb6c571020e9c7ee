"""Three-dimensional images: CT, MR or PET as DICOM, NIfTI, NRRD or a folder of slices."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.cache import Cache
from tumorboard.errors import InputError
from tumorboard.formats.histogram_equalisation import Equalise
from tumorboard.formats.lesion_masks import LesionMasks, read_masks
from tumorboard.formats.prepared_volumes import VolumeFiles, prepare_volumes, volume_records
from tumorboard.modalities import Measured, Modality
from tumorboard.modalities.measured.volume import MeasuredVolumes
from tumorboard.records import ArraySpec, Bools, Cohort, FittedState, Floats, Ints, Rejection
from tumorboard.transforms.cases import Cases
from tumorboard.transforms.denoising import Denoiser, check_denoiser
from tumorboard.transforms.histogram_matching import match_histograms, standard_scale
from tumorboard.transforms.image_quality import is_poor, poor_notes, reference_of
from tumorboard.transforms.mask_augmentation import augment_volumes
from tumorboard.transforms.segmented_volumes import VolumeCases
from tumorboard.transforms.volume_augmentation import VolumeAugmentation
from tumorboard.transforms.volume_planes import to_channels
from tumorboard.transforms.volume_preparation import Spacing, VolumePreparation, grid_of, zscored
from tumorboard.transforms.volume_resampling import Interpolation, resample
from tumorboard.transforms.volume_rows import Crop, VolumeRows
from tumorboard.transforms.volume_settings import check_settings

if TYPE_CHECKING:
    import torch

_NO_RULES: Mapping[str, str] = {}
#: Where a z-scored volume is shown as a picture, this many standard deviations are black and white.
_SHOWN_SD = 3.0
_COLOURS = ("red", "green", "blue")


class Volume(Modality):
    """One volume per row: a CT, MR or PET as DICOM, NIfTI, NRRD or a folder of slices.

    Read as (C, X, Y, Z) from the patient's right, back and foot on, cropped or padded to `size`
    voxels of `spacing_mm`. Intensities are scaled to 0..1; what the scanner did not record counts
    in no statistic and is as dark as the darkest.

    Args:
        files: Pattern of the files (a folder, a ZIP or one file for each row); braces name columns.
            Several patterns are several channels, resampled onto the grid of the first.
        size: Voxels along X (right), Y (front) and Z (head), cropped or padded; `whole` keeps each
            volume as large as it is, for segmentation.
        spacing_mm: Voxel size to resample to; `keep` the file's own; `unknown` where files do not
            tell: distances are then in voxels.
        shrink: Voxels along each axis that become one, where spacing_mm is `unknown`.
        window_hu: Hounsfield units that become 0 and 1, for CT alone; or "none".
        window_suv: Uptake values (SUV by body weight) that become 0 and 1, for PET alone.
        normalise: `window` needs a window; `percentile` scales each volume between its 0.5 and
            99.5 %; `zscore` takes each volume's own mean and standard deviation after either;
            `auto` is the window where there is one, else percentiles.
        equalise: Spreads the greys of each channel after that: `histogram` makes all equally
            frequent, `clahe` within tiles, with limited contrast.
        harmonise: `nyul` brings the histograms of all scanners onto one scale that is fitted on
            training patients.
        crop: What the box is centred on: `none` is the middle, `body` or `lung`, `{around = ...}`
            a column that holds "x y z" in mm or three columns (with `convention = "LPS"`, as in
            DICOM, or "RAS"), `{mask = "seg/{patient_id}.dcm"}` the centre of a mask.
        masks: Pattern of the lesions' masks; no predictor, they only judge where a model looks. A
            mask to crop around serves where this is "none".
        segment: Name or number of the segment of masks in DICOM (SEG, RTSTRUCT), `*` for any text;
            `all` joins those of a SEG.
        interpolation: How values between voxels are found.
        denoise: `bilateral`, `non_local_means`, `median`, or the restoration network `cellpose`.
        denoise_weights: Weight file of `cellpose`; nothing is downloaded.
        allow_missing_slices: Accept DICOM series with gaps.
        choose: DICOM attribute -> value, where a folder holds several series.
        rotation_degrees: Augmentation: rotation about each axis by up to this angle either way.
        scaling: Augmentation: larger or smaller by up to this share.
        translation: Augmentation: moved along each axis by up to this share of its length.
        elastic_vox: Augmentation: standard deviation of a smooth deformation, in voxels.
        flip: Augmentation: axes mirrored with probability 0.5, of x (left and right), y and z.
        brightness: Augmentation: add up to this much of the range either way.
        contrast: Augmentation: scale contrast by 1 plus or minus up to this much.
        gamma: Augmentation: raise to a power of up to 1 plus this much, or 1 over that.
        noise: Augmentation: Gaussian noise of up to this share of the range, on a quarter.
        blur_vox: Augmentation: Gaussian blur of up to this standard deviation, on a quarter.
        low_resolution: Augmentation: sampled up to so many times coarser and back, on a quarter.
    """

    layout = "volume"
    is_picture = True

    def __init__(
        self,
        *,
        files: str | tuple[str, ...],
        size: Literal["whole"] | tuple[int, int, int] = (96, 96, 96),
        spacing_mm: Spacing = "keep", shrink: tuple[float, float, float] = (1.0, 1.0, 1.0),
        window_hu: Literal["none"] | tuple[float, float] = "none",
        window_suv: Literal["none"] | tuple[float, float] = "none",
        normalise: Literal["auto", "window", "percentile", "zscore"] = "auto",
        equalise: Equalise = "none",
        harmonise: Literal["none", "nyul"] = "none", crop: Crop = "none", masks: str = "none",
        segment: str = "all",
        interpolation: Interpolation = "linear", denoise: Denoiser = "none",
        denoise_weights: str = "none", allow_missing_slices: bool = False,
        choose: Mapping[str, str] = _NO_RULES, rotation_degrees: float = 10.0,
        scaling: float = 0.1, translation: float = 0.05, elastic_vox: float = 0.0,
        flip: tuple[str, ...] = ("x",), brightness: float = 0.05, contrast: float = 0.1,
        gamma: float = 0.1, noise: float = 0.03, blur_vox: float = 0.8,
        low_resolution: float = 1.5,
    ) -> None:  # fmt: skip
        hu, suv = (() if w == "none" else w for w in (window_hu, window_suv))
        self._patterns = (files,) if isinstance(files, str) else files
        self._size = () if isinstance(size, str) else size
        check_settings(
            self._patterns, self._size, spacing_mm, hu, suv, normalise, harmonise,
            shrink=shrink, is_cropped=crop != "none",
        )  # fmt: skip
        check_denoiser(denoise, denoise_weights)
        self._rows = VolumeRows(self._patterns, crop)
        self._masks = self._rows.mask if masks == "none" else masks
        self._preparation = VolumePreparation(
            spacing_mm, self._size, hu, self._rows.box, denoise, denoise_weights, interpolation,
            allow_missing_slices, choose, segment, suv, shrink, equalise,
        )  # fmt: skip
        self._augmentation = VolumeAugmentation(
            rotation_degrees=rotation_degrees, scaling=scaling, translation=translation,
            elastic_vox=elastic_vox, flip=flip, brightness=brightness, contrast=contrast,
            gamma=gamma, noise=noise, blur_vox=blur_vox, low_resolution=low_resolution,
        )  # fmt: skip
        self._is_zscore = normalise == "zscore"
        self._is_harmonised = harmonise == "nyul"
        self._fitted: dict[str, Any] = {}

    @property
    def pattern(self) -> str:
        """Pattern of the first channel's files with `{column}` names."""
        return self._patterns[0]

    def read(self, cohort: Cohort, *, name: str, cache: Cache) -> MeasuredVolumes:
        """Prepare the volume of every row; one that cannot be used is rejected, the rest stay.

        Raises:
            InputError: Cells that should hold a point and do not; every row at fault.
            StudyError: A pattern or a column that the table does not have.
        """
        wanted, rejected = self._rows.find(cohort, name)
        settings = self._preparation.settings(self._weights_sha256(cache))
        every = list(dict.fromkeys(wanted.values()))
        volumes, numbers, failed = prepare_volumes(
            every, self._preparation.reader(), settings, cache, name=name
        )
        index = np.full((cohort.n_rows, 1), -1, dtype=np.int64)
        for row, files in wanted.items():
            if files in failed:
                named = [path for path in files.files if str(path) in failed[files]]
                rejected[row] = (named[0] if named else files.where, failed[files])
            else:
                index[row] = numbers[files]
        return MeasuredVolumes(
            present=index[:, 0] >= 0,
            rejections=tuple(
                Rejection(cohort.patient_id[row], path, reason)
                for row, (path, reason) in sorted(rejected.items())
            ),
            records=volume_records(cohort, name, wanted, rejected, volumes, index[:, 0]),
            name=name,
            volumes=volumes,
            index=index,
            patient_id=cohort.patient_id,
        )

    def fit(self, measured: Measured, rows: Ints, *, weight: Floats) -> ArraySpec:
        """Count channels; learn the common scale and the quality of training volumes.

        Raises:
            InputError: No training row has a volume.
        """
        volumes = _volumes(measured)
        chosen = measured.present[rows]
        if not chosen.any():
            raise InputError(
                f"{volumes.name}: none of the {len(rows)} training rows has a usable volume. Check "
                "`files`, and the reasons in manifest.csv."
            )
        facts = volumes.facts(rows[chosen])
        share = weight[chosen] / weight[chosen].sum()
        n_channels = max(len(each.mean) for each in facts)
        self._fitted = {
            "channels": n_channels,
            "n_rows": int(chosen.sum()),
            "quality": reference_of(np.stack([each.quality for each in facts]), share),
        }
        if self._is_harmonised:
            marks = [to_channels(each.landmarks, n_channels) for each in facts]
            scale = standard_scale(np.stack(marks).astype(np.float64), share)
            self._fitted["scale"] = scale.tolist()
        return self._spec()

    def arrays(self, measured: Measured, rows: Ints) -> NDArray[Any]:
        """Volumes (n, C, X, Y, Z), float16 in 0..1 as stored, or float32 where they are changed."""
        volumes = _volumes(measured)
        if not measured.present.any() or len(rows) == 0:
            return np.zeros((len(rows), *self._spec().sizes), dtype=np.float16)
        some = int(np.argmax(measured.present))  # stands in where a row is absent: undefined there
        rows = np.where(measured.present[rows], rows, some)
        return self._scaled(volumes.stored(rows, int(self._fitted["channels"])), volumes, rows)

    def patch(
        self, measured: Measured, row: int, start: tuple[int, ...], size: tuple[int, ...]
    ) -> NDArray[Any]:
        """(C, *size) as `arrays` gives it, without reading the rest of the volume."""
        volumes = _volumes(measured)
        box = volumes.patch(row, int(self._fitted["channels"]), start, size)
        return self._scaled(box, volumes, np.asarray([row], dtype=np.int64))[0]

    def case_shape(self, measured: Measured, row: int) -> tuple[int, ...]:
        """(X, Y, Z) of a row's volume."""
        return _volumes(measured).shape(row)

    def _scaled(self, arrays: NDArray[Any], volumes: MeasuredVolumes, rows: Ints) -> NDArray[Any]:
        """Stored intensities on the scale that training patients or the volume itself ask for."""
        if self._is_harmonised:
            landmarks = [each.landmarks for each in volumes.facts(rows)]
            arrays = match_histograms(arrays, landmarks, np.asarray(self._fitted["scale"]))
        if self._is_zscore:
            arrays = zscored(arrays, volumes.facts(rows))
        return arrays

    def finish(self, batch: torch.Tensor, *, generator: torch.Generator | None) -> torch.Tensor:
        """Float32; augmented with draws from a CPU `generator`."""
        volumes = batch.float()
        if generator is None:
            return volumes
        return self._augmentation.apply(volumes, generator, spacing_mm=self._spacing_mm)

    def augment_case(
        self, images: torch.Tensor, numbers: torch.Tensor, places: torch.Tensor,
        generator: torch.Generator,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
        """Volumes or slices and masks moved alike; light and noise for the volumes alone."""
        return augment_volumes(
            images, numbers, places, generator,
            settings=self._augmentation, spacing_mm=self._spacing_mm,
        )  # fmt: skip

    @property
    def _spacing_mm(self) -> tuple[float, float, float]:
        """Voxel size for rotations; that of cubes where it differs or is not known."""
        spacing = self._preparation.spacing
        return (1.0, 1.0, 1.0) if isinstance(spacing, str) else spacing

    def shown(self, batch: torch.Tensor) -> torch.Tensor:
        """Volumes in 0..1; z-scores from -3 to 3."""
        return (batch / (2 * _SHOWN_SD) + 0.5).clamp(0, 1) if self._is_zscore else batch

    def lesion_masks(self, cohort: Cohort, rows: Ints, *, name: str) -> LesionMasks | None:
        """The masks that the study names, on the grid that the encoder sees; None without any."""
        if not self._masks:
            return None
        volumes, _ = self._rows.find(cohort, name)
        if not self._size:
            return None  # of other sizes each; a segmentation reads its reference by `cases`
        read = self._mask
        return read_masks(cohort, rows, self._masks, volumes, read, size=self._size, name=name)

    def cases(self, cohort: Cohort, measured: Measured, *, name: str) -> Cases:
        """The volumes as cases of a segmentation."""
        files, _ = self._rows.find(cohort, name)
        volumes = _volumes(measured)
        return VolumeCases(files, volumes.prepared, volumes.index[:, 0], self._preparation)

    def _mask(self, files: VolumeFiles, paths: tuple[Path, ...]) -> Bools:
        volume = self._preparation.read(files.channels[0])
        grid, _ = self._preparation.box(volume, files)
        mask, _ = self._preparation.mask(paths, volume)
        return resample(mask, grid_of(volume), grid, interpolation="nearest")

    def poor(self, measured: Measured, rows: Ints) -> Bools:
        """(len(rows),) True where the middle plane is too poor to rely on; see `notes`."""
        poor, has = np.zeros(len(rows), dtype=np.bool_), measured.present[rows]
        if has.any():
            quality = _volumes(measured).quality(rows[has])
            poor[has] = is_poor(quality, self._fitted.get("quality", {})).any(axis=1)
        return poor

    def notes(self, measured: Measured, rows: Ints) -> tuple[str, ...]:
        """What reading had to assume, and one sentence for each volume poorer than in training."""
        volumes, rows = _volumes(measured), rows[measured.present[rows]]
        said = tuple(dict.fromkeys(note for each in volumes.facts(rows) for note in each.notes))
        reference = self._fitted.get("quality", {})
        if not reference or len(rows) == 0:
            return said
        patients = [volumes.patient_id[int(row)] for row in rows]
        return (*said, *poor_notes(volumes.quality(rows), reference, patients, what="volume"))

    def state(self) -> FittedState:
        """Channels, common scale and quality of the training volumes."""
        return FittedState(values=dict(self._fitted))

    def restore(self, state: FittedState) -> ArraySpec:
        """Take up a fitted state; see `state`.

        Raises:
            InputError: The state is not one of this modality's.
        """
        channels, scale = state.values.get("channels"), state.values.get("scale")
        if not isinstance(channels, int) or (scale is None) == self._is_harmonised:
            raise InputError(
                f"Fitted state of a volume: channels is {channels!r}, and it has "
                f"{'no ' if scale is None else 'a '}common scale. The model folder is damaged."
            )
        self._fitted = dict(state.values)
        return self._spec()

    def _spec(self) -> ArraySpec:
        channels = int(self._fitted["channels"])
        names = self._patterns
        if len(names) != channels:
            names = (
                _COLOURS if channels == 3 else tuple(f"channel {k + 1}" for k in range(channels))
            )
        names = ("intensity",) if channels == 1 else names
        return ArraySpec("volume", (channels, *(self._size or (0, 0, 0))), names)

    def _weights_sha256(self, cache: Cache) -> str:
        path = Path(self._preparation.denoise_weights).expanduser()
        return cache.sha256(path) if path.is_file() else "none"


def _volumes(measured: Measured) -> MeasuredVolumes:
    if not isinstance(measured, MeasuredVolumes):
        raise TypeError(f"a volume modality was given {type(measured).__name__}")
    return measured
