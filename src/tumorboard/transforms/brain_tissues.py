"""Healthy tissue of a head: scalp, skull, fluid, folded grey and white matter, nuclei, ventricles.

Brightness is relative, 1000 for the brightest fluid on T2; contrasts are those of a 1.5 T scanner:
fluid is dark on T1 and FLAIR and bright on T2, fat is bright, oedema is bright on T2 and FLAIR, and
what enhances is bright on T1 after contrast. Sulci are the zeros of a random field in the atlas, so
that a head is the same on any grid and in any pose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tumorboard.records import Floats
from tumorboard.transforms.brain_atlas import (
    Points,
    outside_cerebrum,
    signed_distance,
    sylvian_height,
)
from tumorboard.transforms.brain_lesions import draw_waves, waves_at

SEQUENCES = ("t1", "t1c", "t2", "flair")
#: Brightness of each tissue in the order of `SEQUENCES`.
SHADE: Mapping[str, tuple[float, float, float, float]] = {
    "fat": (880, 880, 560, 480), "bone": (90, 90, 60, 60), "marrow": (330, 340, 190, 170),
    "muscle": (380, 430, 230, 270), "air": (0, 0, 0, 0), "fluid": (170, 170, 980, 130),
    "grey": (440, 450, 540, 580), "white": (610, 615, 400, 430), "nuclei": (520, 525, 450, 510),
    "eye": (190, 190, 960, 220), "blood": (260, 880, 120, 120), "plexus": (360, 780, 600, 480),
    "oedema": (430, 435, 800, 900), "enhancing": (440, 960, 690, 760),
    "solid": (400, 430, 740, 820), "necrosis": (270, 290, 900, 470),
}  # fmt: skip
_GREY_MM, _SULCUS_MM = 3.6, 16.0
_N_FOLDS = 28


@dataclass(frozen=True)
class Anatomy:
    """What makes one head differ from another; the same at every visit.

    Args:
        build: (3,) size relative to the atlas.
        ventricles: Size of the ventricles relative to a young adult's.
        folds: (waves, 5) whose zeros are the sulci.
        atrophy: Width of the sulci in mm.
    """

    build: Floats
    ventricles: float
    folds: Floats
    atrophy: float


def draw_anatomy(age_years: float, rng: np.random.Generator) -> Anatomy:
    """A head; the brains of old people have shrunk."""
    old = (age_years - 50) / 30
    folds = draw_waves(rng, (0.19, 0.25, 0.31, 0.38), _N_FOLDS, 1.0)
    ventricles = float(np.exp(0.12 * rng.standard_normal() + 0.12 * old))
    atrophy = float(np.clip(1.5 + 0.4 * old + 0.2 * rng.standard_normal(), 1.0, 2.6))
    return Anatomy(np.exp(0.025 * rng.standard_normal(3)), ventricles, folds, atrophy)


class _Paint:
    """Values of every sequence at points; tissue is laid over what is there."""

    def __init__(self, points: Points, width_mm: float) -> None:
        self.values = np.zeros((len(SEQUENCES), points.shape[1]), dtype=np.float32)
        self.width_mm = width_mm

    def add(self, tissue: str, outside_mm: Points, share: float = 1.0) -> None:
        """Lay a tissue over all that is inside; a voxel at its surface is partly of it."""
        part = np.float32(share) / (
            1 + np.exp(np.clip(outside_mm / (0.5 * self.width_mm), -30, 30))
        )
        where = np.flatnonzero(part > 2e-3)
        shade = np.asarray(SHADE[tissue], dtype=np.float32)[:, None]
        here = self.values[:, where]
        self.values[:, where] = here + part[where] * (shade - here)


def draw_tissues(points: Points, anatomy: Anatomy, width: float) -> Points:
    """Brightness of a healthy head at points (3, n) of the atlas in each sequence: (4, n).

    Args:
        points: In head coordinates, mm.
        anatomy: Whose head it is.
        width: Width in mm over which tissues share a voxel.
    """
    paint = _Paint(points, width)
    vault = np.minimum(
        signed_distance(points, (0, 0, 6), (69, 87, 63)),
        signed_distance(points, (0, -38, -40), (54, 44, 36)),
    )
    _draw_face(paint, points, vault)
    skull = vault - 6.5 - 1.5 * (points[1] < -60)
    is_neck = points[2] < -58
    paint.add("bone", np.where(is_neck, np.inf, skull))
    paint.add("marrow", np.where(is_neck, np.inf, np.abs(vault - 3.4) - 1.1))
    paint.add("fluid", vault)
    _draw_brain(paint, points, anatomy)
    sinus = np.maximum(np.abs(vault + 1.5) - 2.5, np.abs(points[0]) - 3.5)
    paint.add("blood", np.where((points[2] > -5) & (points[1] < 70), sinus, np.inf))
    across = np.maximum(np.abs(vault + 2) - 3, np.abs(points[2] + 24) - 3.5)
    paint.add("blood", np.where((points[1] < -52) & (np.abs(points[0]) > 4), across, np.inf))
    return paint.values


def _draw_face(paint: _Paint, points: Points, vault: Points) -> None:
    x, y, z = points
    lower = np.maximum(signed_distance(np.stack([x, y, 0 * z]), (0, 14, 0), (66, 84, 40)), z - 0)
    neck_back = np.maximum(lower, -92 - y - 0.4 * (z + 40))
    skin = np.minimum(vault - 13, neck_back - 2)
    paint.add("fat", skin)
    paint.add("muscle", np.maximum(neck_back + 6, z + 20))
    paint.add("air", signed_distance(points, (0, 58, -52), (13, 26, 16)))
    for side in (1, -1):
        paint.add("air", signed_distance(points, (30 * side, 62, -74), (14, 16, 14)))
        paint.add("fat", signed_distance(points, (32 * side, 72, -42), (17, 20, 15)))
        paint.add("muscle", np.abs(signed_distance(points, (32 * side, 70, -42), (12, 20, 12))) - 1)
        paint.add("eye", signed_distance(points, (32 * side, 82, -42), (11.5, 11.5, 11.5)))
        paint.add("bone", signed_distance(points, (58 * side, -22, -46), (16, 20, 14)))


def _draw_brain(paint: _Paint, points: Points, anatomy: Anatomy) -> None:
    x, y, z = points
    surface = outside_cerebrum(points)
    fluid = _to_fluid(points, surface, anatomy)
    paint.add("grey", np.maximum(surface + 1.5, -fluid + 0.0))
    paint.add("white", np.maximum(surface + 1.5, _GREY_MM - fluid))
    cerebellum = signed_distance(points, (0, -46, -46), (48, 33, 25))
    leaves = np.cos(0.9 * (z + 46) + 0.35 * np.abs(x) + 0.2 * y)
    paint.add("grey", cerebellum)
    paint.add("white", np.maximum(cerebellum + 7, 0.8 * leaves))
    paint.add("white", signed_distance(points, (0, -22, -48), (14, 13, 36)))
    for side in (1, -1):
        for center, radii in (
            ((11 * side, -12, 4), (8, 14, 9)), ((15 * side, 14, 13), (5, 15, 8)),
            ((27 * side, 2, 2), (6, 18, 11)),
        ):  # fmt: skip
            paint.add("nuclei", signed_distance(points, center, radii))
    paint.add("fluid", outside_ventricles(points, anatomy))
    for side in (1, -1):
        paint.add("plexus", signed_distance(points, (22 * side, -36, 8), (3, 6, 3.5)), 0.7)


def _to_fluid(points: Points, surface: Points, anatomy: Anatomy) -> Points:
    """Distance in mm of brain to the fluid around it: surface, sulci, fissures; 0 in the fluid."""
    x, y, z = points
    depth = -surface - 1.5
    found = np.maximum(depth, 0).astype(np.float32)
    brain = np.flatnonzero(depth > 0)
    inside = points[:, brain]
    field = waves_at(inside, anatomy.folds)
    # the field's slope is about 0.3 per mm: its value over it is the distance to its zero
    sheet = np.abs(field) / np.float32(0.29)
    deep = np.maximum(depth[brain] - _SULCUS_MM, 0)
    sulcus = np.maximum(np.hypot(sheet, deep) - np.float32(0.5 * anatomy.atrophy), 0)
    found[brain] = np.minimum(found[brain], sulcus)
    between = np.hypot(np.abs(x), np.maximum(26 - np.hypot(0.62 * (y - 0), z - 2), 0))
    sylvian = np.hypot(z - sylvian_height(y), np.maximum(38 - np.abs(x), 0))
    sylvian = np.hypot(sylvian, np.maximum(np.abs(y - 4) - 34, 0))
    for fissure in (between - 1.2, sylvian - 1.6):
        found = np.minimum(found, np.maximum(fissure, 0))
    return found


def outside_ventricles(points: Points, anatomy: Anatomy) -> Points:
    """Signed distance in mm of points (3, n) to the ventricles."""
    size = anatomy.ventricles
    found = np.minimum(
        signed_distance(points, (0, -6, 0), (2.2 * size, 14, 9)),
        signed_distance(points, (0, -42, -40), (6 * size, 6, 7)),
    )
    for side in (1, -1):
        for center, radii in (
            ((10, -4, 19), (6, 28, 6)), ((12, 24, 14), (5, 13, 9)), ((20, -34, 12), (6, 13, 9)),
            ((24, -50, 6), (4, 14, 5)), ((31, -16, -13), (3, 17, 4)),
        ):  # fmt: skip
            x, y, z = center
            scaled = (radii[0] * size, radii[1], radii[2] * size)
            found = np.minimum(found, signed_distance(points, (side * x, y, z), scaled))
    return found
