"""Stains of many slides: each estimated from itself, the target from training slides alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.slide_windows import SlideWindows
from tumorboard.records import Floats, Ints
from tumorboard.transforms.reinhard import (
    LabMoments,
    lab_moments,
    reinhard_normalise,
    typical_moments,
)
from tumorboard.transforms.stains import (
    Stain,
    estimate_stains,
    restain,
    rgb_to_od,
    transfer_matrix,
    typical_stain,
)

Bytes = NDArray[np.uint8]
Method = Literal["none", "macenko", "reinhard"]
Look = Stain | LabMoments

#: Windows of this side, on a grid of so many by so many, show how a slide is stained.
_SAMPLE_PX, _GRID = 64, 16
#: Optical density (red, green, blue as a vector) below which a pixel is glass: Macenko 2009.
_GLASS = 0.15


def slide_look(
    slides: SlideWindows, number: int, method: Method, *, x_px: Floats, y_px: Floats
) -> Look:
    """How one slide is stained, from a sample of its own pixels; kept in the cache by content.

    Args:
        slides: The slides.
        number: Which one.
        method: How it will be normalised; not "none".
        x_px: (n,) where its tissue is; a grid over the whole slide where that is not known.
        y_px: (n,).

    Raises:
        InputError: Too little tissue to say.
    """
    info = slides.infos[number]
    x_px, y_px = (x_px, y_px) if len(x_px) else _grid(info.width_px, info.height_px)
    keep = np.unique(np.linspace(0, len(x_px) - 1, min(len(x_px), _GRID**2)).round().astype(int))
    x_px, y_px = x_px[keep], y_px[keep]
    settings = {
        "kind": "slide look", "method": method, "side": _SAMPLE_PX, "glass": _GLASS,
        "x": x_px.tolist(), "y": y_px.tolist(),
    }  # fmt: skip
    key = slides.cache.key(settings, info.path)
    kept = slides.cache.load(key)
    if kept is not None:
        return _from_numbers(kept, method)
    side = min(_SAMPLE_PX, info.height_px, info.width_px)
    windows = slides.slide(number).windows(x_px, y_px, side)
    pixels = np.moveaxis(windows, 1, -1).reshape(-1, 3)
    if method == "macenko":
        look: Look = estimate_stains(pixels, where=str(info.path))
    else:
        is_tissue = np.linalg.norm(rgb_to_od(pixels), axis=1) >= _GLASS
        look = lab_moments(pixels[is_tissue], where=str(info.path))
    slides.cache.store(key, np.concatenate([np.ravel(part) for part in _parts(look)]))
    return look


def target_look(looks: Sequence[Look], patients: Sequence[str]) -> Look:
    """What slides are normalised to: the median over training slides, each patient weighing 1.

    The middle of each patient's slides first, then the middle of the patients.

    Args:
        looks: One per training slide; all of one method.
        patients: Whose slide it is.
    """
    of_patient: dict[str, list[Look]] = {}
    for look, patient in zip(looks, patients, strict=True):
        of_patient.setdefault(patient, []).append(look)
    return _typical([_typical(own) for own in of_patient.values()])


def normalise(patches: Bytes, numbers: Ints, looks: Mapping[int, Look], target: Look) -> Bytes:
    """Patches (n, 3, h, w) of slides `numbers`, as they would look with the target's stain."""
    if isinstance(target, LabMoments):
        out = np.empty_like(patches, order="C")
        for number in np.unique(numbers).tolist():
            chosen = np.flatnonzero(numbers == number)
            source = looks[number]
            if not isinstance(source, LabMoments):
                raise TypeError("slides and target were measured by different methods")
            out[chosen] = reinhard_normalise(patches[chosen], source, target)
        return out
    if len(numbers) == 0:
        return patches.copy()
    matrix = {n: _matrix(looks[n], target) for n in np.unique(numbers).tolist()}
    return restain(patches, np.stack([matrix[n] for n in numbers.tolist()]))


def look_from_plain(plain: Mapping[str, Any]) -> Look:
    """What `to_plain` of a look gave.

    Raises:
        InputError: It is something else.
    """
    try:
        is_stain = "vectors" in plain
        return Stain.from_plain(plain) if is_stain else LabMoments.from_plain(plain)
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"Fitted state of patches: the stain is {plain!r}. The model folder is damaged."
        ) from error


def _matrix(source: Look, target: Look) -> Floats:
    if not isinstance(source, Stain) or not isinstance(target, Stain):
        raise TypeError("slides and target were measured by different methods")
    return transfer_matrix(source, target)


def _typical(looks: Sequence[Look]) -> Look:
    stains = [look for look in looks if isinstance(look, Stain)]
    if stains:
        return typical_stain(stains)
    return typical_moments([look for look in looks if isinstance(look, LabMoments)])


def _parts(look: Look) -> tuple[Floats, Floats]:
    return (look.vectors, look.maximum) if isinstance(look, Stain) else (look.mean, look.sd)


def _from_numbers(numbers: Floats, method: Method) -> Look:
    if method == "macenko":
        return Stain(vectors=numbers[:6].reshape(2, 3), maximum=numbers[6:])
    return LabMoments(mean=numbers[:3], sd=numbers[3:])


def _grid(width: int, height: int) -> tuple[Floats, Floats]:
    """Centres of the cells of an even grid over the slide."""
    middles = (np.arange(_GRID) + 0.5) / _GRID
    x_px, y_px = np.meshgrid(middles * width, middles * height)
    return x_px.ravel(), y_px.ravel()
