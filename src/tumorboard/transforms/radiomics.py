"""Radiomics features of a volume inside a mask, as the IBSI defines them, computed by mirp."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from tumorboard.errors import InputError, RunError, StudyError
from tumorboard.formats.volume import Volume
from tumorboard.records import Bools

#: Families by mirp's names: morphology, local intensity, intensity statistics, intensity histogram,
#: intensity-volume histogram, and the six texture matrices.
FAMILIES = (
    "morph", "li", "stat", "ih", "ivh", "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm",
)  # fmt: skip
Family = Literal[
    "morph", "li", "stat", "ih", "ivh", "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm"
]
#: Columns of mirp's table that describe the image and are no features.
_ABOUT = ("image_", "sample_name")
#: Volume.kind -> mirp's modality; everything else is treated without a modality's own defaults.
_MODALITIES = {"CT": "ct", "MR": "mr", "PT": "pet"}
#: What mirp appends to names where grey levels have a width or a number: the study says it already.
_LEVELS = re.compile(r"_fb[sn]_[wn][0-9.]+$")
#: Kept around the mask, in mm and voxels: local peaks look 6.2 mm far, and what lies beyond 10
#: voxels moves a cubic spline by less than 0.27 ** 10, two millionths.
_MARGIN_MM, _MARGIN = 10.0, 10


@dataclass(frozen=True)
class RadiomicsSettings:
    """How features are computed.

    Args:
        families: Families of features.
        spacing_mm: Voxel size that volume and mask are resampled to (cubic and linear splines);
            "original" leaves them.
        bin_width: Width of a grey level, in the volume's unit; 0 takes each value for its own
            level, which only whole numbers allow.
        bins: Number of grey levels, above 0 instead of a width.
        least: Intensities below it are left out of the mask (IBSI: re-segmentation); with a width
            the first grey level starts here, so that there must be one.
        most: Intensities above it are left out.
    """

    families: tuple[Family, ...] = FAMILIES
    spacing_mm: tuple[float, float, float] | Literal["original"] = (1.0, 1.0, 1.0)
    bin_width: float = 25.0
    bins: int = 0
    least: float = -1000.0
    most: float = 400.0

    def document(self) -> dict[str, Any]:
        """The settings as plain data, for keys of a cache."""
        return {key: str(value) for key, value in asdict(self).items()}


def check_settings(settings: RadiomicsSettings) -> None:
    """Refuse settings that contradict each other.

    Raises:
        StudyError: Every key at fault.
    """
    problems: list[str] = []
    if settings.bins < 0 or settings.bins == 1:
        problems.append(f"bins: found {settings.bins}, expected 0 or at least 2.")
    if settings.bin_width < 0 or (not settings.bins and settings.bin_width == 0):
        problems.append(f"bin_width: found {settings.bin_width:g}, expected more than 0.")
    if not settings.least < settings.most:
        problems.append("intensity_range: expected a lower and a higher number.")
    if not settings.bins and not np.isfinite(settings.least):
        problems.append(
            'intensity_range: "none", but grey levels of a width need a start. Name a range, or '
            "set bins."
        )
    if settings.spacing_mm != "original" and min(settings.spacing_mm) <= 0:
        problems.append(f"spacing_mm: found {list(settings.spacing_mm)}, expected more than 0.")
    if not settings.families:
        problems.append("families: found none, expected at least one.")
    if problems:
        raise StudyError(problems)


def refuse_unknown_size(volume: Volume, settings: RadiomicsSettings) -> None:
    """Refuse to resample voxels whose size is not known.

    Raises:
        InputError: The file says no voxel size, and the settings name one.
    """
    if volume.facts.get("geometry") == "unknown" and settings.spacing_mm != "original":
        raise InputError(
            "the voxel size is not known, so that it cannot be resampled to "
            f'{" x ".join(f"{v:g}" for v in settings.spacing_mm)} mm. Set spacing_mm = "original": '
            "features are then in voxels."
        )


def radiomics(volume: Volume, mask: Bools, settings: RadiomicsSettings) -> dict[str, float]:
    """Features by name, in mirp's order; NaN where one is not defined.

    The volume is cut to the mask and a margin first, so that its resampled grid has the cut's
    centre. Texture matrices are those of the whole volume: directions merged before the feature is
    computed (IBSI: 3D, merged), at a distance of one voxel.

    Args:
        volume: One channel; its spacing counts.
        mask: (X, Y, Z) True inside the lesion.
        settings: How.

    Raises:
        InputError: More than one channel, a mask that is empty, of another grid or of which
            nothing is left, or grey levels that the intensities do not allow.
        RunError: mirp is not installed.

    Source:
        Zwanenburg et al., The Image Biomarker Standardization Initiative, Radiology 2020, and its
        reference manual, arXiv:1612.07003.
    """
    _check(volume, mask, settings)
    values, mask = _cut(volume, mask)
    try:
        from mirp import extract_features_generator
        from mirp.data_import.import_image import import_image
        from mirp.data_import.import_mask import import_mask
    except ImportError as error:
        raise RunError(
            "radiomics needs the package mirp, which is not installed. Install it with: "
            'pip install "tumorboard[radiomics]"'
        ) from error
    # mirp's axes are z, y, x.
    spacing = tuple(float(v) for v in reversed(volume.spacing_mm))
    kind = {"image_modality": _MODALITIES[volume.kind]} if volume.kind in _MODALITIES else {}
    (image,) = import_image(np.ascontiguousarray(values.transpose(2, 1, 0)), **kind)
    (inside,) = import_mask(np.ascontiguousarray(mask.transpose(2, 1, 0)).astype(np.uint8))
    image.image_spacing = inside.image_spacing = spacing
    try:
        with _quiet():
            arguments: Any = _arguments(settings)
            found: Any = list(extract_features_generator(image=image, mask=inside, **arguments))
            while isinstance(found, list):
                (found,) = found  # of one image, and of one mask
    except (ValueError, TypeError, IndexError) as error:
        raise InputError(f"no radiomics features: {_first(error)}") from error
    features = {
        _LEVELS.sub("", str(name)): float(found[name].iloc[0])
        for name in found.columns
        if not str(name).startswith(_ABOUT)
    }
    if not np.isfinite(list(features.values())).any():
        raise InputError("no radiomics features: nothing is left of the mask.")
    return features


def _check(volume: Volume, mask: Bools, settings: RadiomicsSettings) -> None:
    """Refuse what has no features, or none that mean anything."""
    if len(volume.array) != 1:
        raise InputError(f"found {len(volume.array)} channels, expected 1: features are of one.")
    if mask.shape != volume.array.shape[1:]:
        raise InputError(
            f"the mask has {' x '.join(map(str, mask.shape))} voxels, its volume "
            f"{' x '.join(map(str, volume.array.shape[1:]))}. Draw it on the same grid."
        )
    if not mask.any():
        raise InputError("the mask is empty. Draw the lesion, or leave the cell empty.")
    if not np.isfinite(volume.array[0][mask]).all():
        raise InputError("found intensities inside the mask that are no numbers.")
    has_width = not settings.bins and settings.bin_width > 0
    if has_width and volume.kind == "MR":
        raise InputError(
            "MR intensities have no unit, so that a width of grey levels means something else in "
            'every patient. Set bins = 32 and intensity_range = "none".'
        )


def _cut(volume: Volume, mask: Bools) -> tuple[Any, Bools]:
    """Values (X, Y, Z) float32 of the one channel and the mask, around the mask."""
    cut: list[slice] = []
    for axis, spacing in enumerate(volume.spacing_mm):
        others = tuple(other for other in range(3) if other != axis)
        (inside,) = np.nonzero(mask.any(axis=others))
        margin = max(_MARGIN, int(np.ceil(_MARGIN_MM / spacing)))
        cut.append(slice(max(0, int(inside[0]) - margin), int(inside[-1]) + 1 + margin))
    return volume.array[0][tuple(cut)].astype(np.float32), mask[tuple(cut)]


def _arguments(settings: RadiomicsSettings) -> dict[str, Any]:
    """The settings in mirp's words."""
    chosen: dict[str, Any] = {
        "base_feature_families": list(settings.families),
        "glcm_spatial_method": "3d_volume_merge",
        "glrlm_spatial_method": "3d_volume_merge",
    }
    if settings.spacing_mm != "original":
        chosen["new_spacing"] = [float(v) for v in reversed(settings.spacing_mm)]
    if settings.bins:
        chosen |= {
            "base_discretisation_method": "fixed_bin_number",
            "base_discretisation_n_bins": settings.bins,
        }
    elif settings.bin_width:
        chosen |= {
            "base_discretisation_method": "fixed_bin_size",
            "base_discretisation_bin_width": settings.bin_width,
        }
    else:
        chosen["base_discretisation_method"] = "none"
    limits = [settings.least, settings.most]
    if np.isfinite(limits).any():
        chosen["resegmentation_intensity_range"] = [
            float(v) if np.isfinite(v) else float("nan") for v in limits
        ]
    return chosen


@contextmanager
def _quiet() -> Generator[None]:
    """Keep mirp from setting up logging to standard output, and from remarks on settings."""
    root = logging.getLogger()
    silent = logging.NullHandler()
    root.addHandler(silent)
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        with warnings.catch_warnings():
            # A volume whose file does not say what it is may well be a CT.
            warnings.filterwarnings("ignore", "The intensities for this image", UserWarning)
            yield
    finally:
        logging.disable(before)
        root.removeHandler(silent)


def _first(error: Exception) -> str:
    return (str(error).strip().split("\n", 1)[0] or type(error).__name__).rstrip(".") + "."
