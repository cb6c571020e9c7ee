"""Draw a head as four sequences of MR imaging show it, with lesions whose place is known.

Healthy tissue comes from `brain_tissues.py`, lesions from `brain_lesions.py`; these push the brain
aside. Noise is Rician (Gudbjartsson & Patz 1995), the bias field of the coils smooth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from tumorboard.records import Bools, Floats
from tumorboard.transforms.brain_atlas import Points, outside_cerebrum
from tumorboard.transforms.brain_lesions import (
    CORE,
    HETEROGENEITY,
    OEDEMA,
    Lesion,
    parts_at,
    waves_at,
    within_hemisphere,
)
from tumorboard.transforms.brain_tissues import (
    SEQUENCES,
    SHADE,
    Anatomy,
    draw_tissues,
    outside_ventricles,
)

#: Edges of the volume in mm: left to right, back to front, feet to head.
EXTENT_MM = (192.0, 216.0, 168.0)
_TINT = ("oedema", "enhancing", "solid", "necrosis")

Voxels = NDArray[np.float32]


@dataclass(frozen=True)
class Acquisition:
    """What makes one examination differ from another of the same head.

    Args:
        rotation: (3, 3) of the head.
        shift_mm: (3,) of the head.
        gain: (4,) brightness of each sequence.
        bias: (3, 3, 3) amplitudes of the bias field's cosines.
    """

    rotation: Floats
    shift_mm: Floats
    gain: Floats
    bias: Floats


@dataclass(frozen=True)
class Head:
    """Four volumes and their truth.

    Args:
        volumes: Sequence -> (X, Y, Z), axes in RAS+ order.
        labels: One (X, Y, Z) per lesion: 0, or core, oedema, enhancing.
        affine: (4, 4) voxel index -> mm.
    """

    volumes: Mapping[str, NDArray[np.int16]]
    labels: tuple[NDArray[np.uint8], ...]
    affine: Floats


def draw_acquisition(rng: np.random.Generator) -> Acquisition:
    """A pose of some degrees and millimetres, gains and a bias field."""
    degrees = np.clip(rng.standard_normal(3), -2, 2) * (3.0, 2.0, 2.5)
    rotation = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    shift = np.clip(rng.standard_normal(3), -2, 2) * (1.5, 2.5, 2.5)
    gain = np.exp(0.18 * rng.standard_normal(4))
    return Acquisition(rotation, shift, gain, 0.09 * rng.standard_normal((3, 3, 3)))


def draw_head(
    anatomy: Anatomy, lesions: Sequence[Lesion], *, size: tuple[int, int, int],
    acquisition: Acquisition, noise: float, contrast: float, rng: np.random.Generator,
) -> Head:  # fmt: skip
    """One examination.

    Args:
        anatomy: Whose head it is.
        lesions: What is in it; none covers another.
        size: Voxels per axis.
        acquisition: Pose, gains and bias field.
        noise: Standard deviation of the noise relative to fluid on T2.
        contrast: Of lesions, relative to how they look in life.
        rng: Source of texture and noise.
    """
    spacing, affine, grid = _grid(size)
    points = _to_head(grid, anatomy, acquisition)
    pressed = _pressed(points, lesions)
    width = max(0.45 * float(np.mean(spacing)), 0.4)
    values = draw_tissues(pressed, anatomy, width)
    ventricles = outside_ventricles(pressed, anatomy) < 0
    labels = tuple(
        _draw_lesion(values, points, ventricles, lesion, width, contrast) for lesion in lesions
    )
    bias = _bias(size, acquisition.bias)
    volumes: dict[str, NDArray[np.int16]] = {}
    for number, name in enumerate(SEQUENCES):
        shown = values[number].reshape(size)
        grain = gaussian_filter(rng.standard_normal(size, dtype=np.float32), 1.2)
        shown = shown * (1 + 0.035 * grain / grain.std())
        shown = gaussian_filter(shown, [0.8 / s for s in spacing]) * bias
        real, imaginary = 1000 * noise * rng.standard_normal((2, *size), dtype=np.float32)
        measured = acquisition.gain[number] * np.hypot(shown + real, imaginary)
        volumes[name] = np.clip(np.rint(measured), 0, 32767).astype(np.int16)
    return Head(volumes, tuple(own.reshape(size) for own in labels), affine)


def head_coordinates(
    points_mm: Floats, anatomy: Anatomy, acquisition: Acquisition
) -> NDArray[np.float32]:
    """Coordinates of the head's atlas (3, n) of points in the scanner's mm (3, n)."""
    return _to_head(points_mm.astype(np.float32), anatomy, acquisition)


def _grid(size: tuple[int, int, int]) -> tuple[tuple[float, ...], Floats, Points]:
    spacing = tuple(e / n for e, n in zip(EXTENT_MM, size, strict=True))
    axes = [
        ((np.arange(n) - (n - 1) / 2) * s).astype(np.float32)
        for n, s in zip(size, spacing, strict=True)
    ]
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = [-(n - 1) / 2 * s for n, s in zip(size, spacing, strict=True)]
    return spacing, affine, np.stack(np.meshgrid(*axes, indexing="ij")).reshape(3, -1)


def _to_head(points: Points, anatomy: Anatomy, acquisition: Acquisition) -> Points:
    shifted = points - acquisition.shift_mm.astype(np.float32)[:, None]
    turned = acquisition.rotation.T.astype(np.float32) @ shifted
    scaled = turned / anatomy.build.astype(np.float32)[:, None]
    return scaled.astype(np.float32, copy=False)


def _pressed(points: Points, lesions: Sequence[Lesion]) -> Points:
    """Where tissue at each point was before the lesions grew: they push the brain aside."""
    pressed = points.copy()
    for lesion in lesions:
        radius = lesion.bodies[0].radius_mm
        away = points - lesion.center_mm.astype(np.float32)[:, None]
        squared = np.einsum("an,an->n", away, away) / np.float32((1.5 * radius) ** 2)
        # none at the centre, most at the lesion's edge, and the skull does not yield
        yields = np.clip(-outside_cerebrum(points) / 10, 0, 1)
        pressed -= np.float32(0.3) * away * np.exp(-squared) * yields
    return pressed


def _draw_lesion(
    values: Voxels, points: Points, ventricles: Bools, lesion: Lesion, width: float,
    contrast: float,
) -> NDArray[np.uint8]:  # fmt: skip
    """Lay a lesion over the brain; the truth of every voxel."""
    labels = np.zeros(points.shape[1], dtype=np.uint8)
    center = lesion.center_mm.astype(np.float32)[:, None]
    near = np.flatnonzero((np.abs(points - center) < lesion.reach_mm).all(axis=0))
    near = near[within_hemisphere(points[:, near], lesion) & ~ventricles[near]]
    own = points[:, near]
    parts = parts_at(lesion, own)
    is_solid = lesion.heterogeneity == "homogeneous"
    labels[near] = parts.labels(is_solid)
    # logistic: from 90 % to 10 % within border_mm
    amount = _soft(parts.outside_mm, max(lesion.border_mm / 4.4, 0.5 * width))
    core = _soft(-parts.inside_core_mm, max(lesion.border_mm / 9, 0.5 * width))
    inner = _soft(-parts.inside_rim_mm, 0.5 * width)
    uneven = 1 + (0.03 + 0.03 * _level(lesion)) * waves_at(own, lesion.texture)
    shade = {
        name: lesion.tints[k][:, None].astype(np.float32)
        * np.asarray(SHADE[name], dtype=np.float32)[:, None]
        for k, name in enumerate(_TINT)
    }
    middle = shade["solid"] if _level(lesion) < 2 else shade["necrosis"]
    centre = middle if is_solid else shade["enhancing"] * (1 - inner) + middle * inner
    inside = shade["oedema"] * (1 - core) + centre * core * uneven
    here = values[:, near]
    values[:, near] = here + np.float32(contrast) * amount * (inside - here)
    return labels


def _level(lesion: Lesion) -> int:
    return HETEROGENEITY.index(lesion.heterogeneity)


def _soft(outside_mm: Points, scale_mm: float) -> Points:
    return np.asarray(1 / (1 + np.exp(np.clip(outside_mm / scale_mm, -30, 30))), dtype=np.float32)


def _bias(size: tuple[int, int, int], amplitudes: Floats) -> Voxels:
    """Exponential of a sum of products of cosines of at most one period over the volume."""
    bases = [np.cos(np.pi * np.outer(np.arange(3), (np.arange(n) + 0.5) / n)) for n in size]
    weights = amplitudes.copy()
    weights[0, 0, 0] = 0.0  # this is gain
    field = np.einsum("abc,ax,by,cz->xyz", weights, *bases, optimize=True)
    return np.exp(field / np.sqrt(6)).astype(np.float32)


def whole(labels: NDArray[np.uint8]) -> Bools:
    """Everything that is not healthy: core, oedema and enhancing part."""
    return labels >= min(CORE, OEDEMA)
