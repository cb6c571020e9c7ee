"""Denoising of volumes: bilateral, non-local means, median, or Cellpose's restoration network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError, RunError, StudyError

Denoiser = Literal["none", "bilateral", "non_local_means", "median", "cellpose"]

#: Reach of the bilateral filter in voxels, and in shares of the noise-free range.
_DOMAIN_VOX, _RANGE_SHARE = 1.5, 0.1
#: Non-local means: half side of the patches compared, how far they are looked for, and how unlike
#: they may be in standard deviations of the noise.
_PATCH_VOX, _SEARCH_VOX, _SOFTNESS = 1, 2, 0.8
_INSTALL = "pip install 'cellpose>=3.1,<4'"


def check_denoiser(name: Denoiser, weights: str) -> None:
    """Refuse a network without its file, and a file without its network.

    Raises:
        StudyError: `denoise_weights` does not fit `denoise`, or names no file.
    """
    if name == "cellpose" and weights == "none":
        raise StudyError(
            'denoise: "cellpose" needs denoise_weights, the path of its weight file (such as '
            "deblur_cyto3, from the authors of Cellpose); nothing is downloaded."
        )
    if name != "cellpose" and weights != "none":
        raise StudyError(f'denoise_weights: only read by denoise = "cellpose", found {name!r}.')


def denoiser(name: Denoiser, weights: str = "none") -> Callable[[NDArray[Any]], NDArray[Any]]:
    """What removes noise from one channel (X, Y, Z) of any range, as float32.

    Args:
        name: Which filter.
        weights: The weight file of `cellpose`.

    Raises:
        InputError: There is no such weight file.
        RunError: The `cellpose` package is absent.
    """
    if name == "cellpose":
        return _cellpose(Path(weights).expanduser())
    return {"none": _same, "bilateral": _bilateral, "median": _median,
            "non_local_means": _non_local_means}[name]  # fmt: skip


def _same(values: NDArray[Any]) -> NDArray[Any]:
    return values


def _median(values: NDArray[Any]) -> NDArray[Any]:
    """Median of each voxel and its 26 neighbours."""
    from scipy.ndimage import median_filter

    return median_filter(values.astype(np.float32), size=3, mode="nearest")


def _bilateral(values: NDArray[Any]) -> NDArray[Any]:
    """Means over near voxels of near intensities (Tomasi and Manduchi, ICCV 1998)."""
    import SimpleITK as sitk  # noqa: N813  # pyright: ignore[reportMissingTypeStubs]

    reach = _reach(values)
    if reach == 0:
        return values
    image: Any = sitk.GetImageFromArray(values.astype(np.float32))
    return sitk.GetArrayFromImage(
        sitk.Bilateral(image, domainSigma=_DOMAIN_VOX, rangeSigma=_RANGE_SHARE * reach)
    )


def _non_local_means(values: NDArray[Any]) -> NDArray[Any]:
    """Means over voxels whose neighbourhoods look alike.

    The noise is estimated from the differences of neighbouring voxels.

    Source:
        Buades, Coll and Morel, CVPR 2005; all voxels at one displacement at a time: Darbon et al.,
        ISBI 2008.
    """
    from scipy.ndimage import uniform_filter

    image = values.astype(np.float32)
    steps = np.diff(image, axis=0).ravel()
    sd = (
        1.4826 * float(np.median(np.abs(steps - np.median(steps)))) / np.sqrt(2)
        if len(steps)
        else 0
    )
    if sd == 0:
        return image
    bordered = np.pad(image, _SEARCH_VOX, mode="reflect" if min(image.shape) > 1 else "edge")
    total, weights = np.zeros_like(image), np.zeros_like(image)
    for shift in np.ndindex(*[2 * _SEARCH_VOX + 1] * 3):
        box = tuple(slice(s, s + n) for s, n in zip(shift, image.shape, strict=True))
        other = bordered[box]
        distance = uniform_filter(np.square(image - other), 2 * _PATCH_VOX + 1, mode="nearest")
        # two noisy copies of one patch differ by twice the variance of the noise
        weight = np.exp(-np.maximum(distance - 2 * sd**2, 0) / (_SOFTNESS * sd) ** 2)
        total += weight * other
        weights += weight
    return total / weights


def _cellpose(weights: Path) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Restoration slice by slice (Stringer and Pachitariu, Cellpose3, Nat Methods 2025)."""
    if not weights.is_file():
        raise InputError(
            f"denoise_weights {weights.absolute()}: no such file. Mend the path, or choose another "
            "filter for denoise; nothing is downloaded."
        )
    try:
        from cellpose.denoise import DenoiseModel  # pyright: ignore
    except ImportError:
        raise RunError(
            f'denoise = "cellpose": the package cellpose (version 3) is not installed: {_INSTALL}'
        ) from None
    # with a model_type beside the path, it would be downloaded
    model: Any = DenoiseModel(pretrained_model=str(weights))

    def restore(values: NDArray[Any]) -> NDArray[Any]:
        low, high = float(values.min()), float(values.max())
        if high == low:
            return values
        unit = (values.astype(np.float32) - low) / (high - low)
        planes = [np.ascontiguousarray(unit[:, :, k]) for k in range(unit.shape[2])]
        restored = model.eval(planes, channels=[0, 0], normalize=False)
        done = np.stack([np.asarray(plane).squeeze() for plane in restored], axis=-1)
        if done.shape != values.shape:
            raise RunError(
                f"cellpose gave {done.shape} for a volume of {values.shape}; expected the same "
                "shape. Is this the weight file of a restoration network?"
            )
        return np.clip(done, 0, 1).astype(np.float32) * (high - low) + low

    return restore


def _reach(values: NDArray[Any]) -> float:
    low, high = np.percentile(values, (1, 99))
    return float(high - low)
