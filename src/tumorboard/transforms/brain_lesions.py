"""Shapes of simulated brain lesions: an oedema around a core with or without rim and necrosis.

A lesion is a set of star-shaped bodies whose surfaces are waves on a sphere; everything about it is
known at every point, so that the same lesion is drawn on any grid, in any pose and at any size.
Numbers of masks are those of BraTS from 2023 on: 1 necrotic or not enhancing core, 2 oedema, 3
enhancing tumour (which was 4 until 2021).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from tumorboard.records import Bools, Floats
from tumorboard.transforms.brain_atlas import (
    CEREBRUM,
    LOBES,
    Points,
    lobe_of,
    outside_cerebrum,
)

#: How mixed a lesion is, the simplest first.
Heterogeneity = Literal["homogeneous", "rim", "necrosis", "multifocal"]
HETEROGENEITY: tuple[Heterogeneity, ...] = get_args(Heterogeneity)
CORE, OEDEMA, ENHANCING = 1, 2, 3
#: Radius in mm, least and largest, of the ball that has the volume of lesion and oedema.
RADII_MM = (14.0, 27.0)
_N_WAVES, _FREQUENCIES = 9, (2.0, 4.0, 6.5)
#: Longest distance of a lesion's edge from its centre, in radii.
_REACH = 1.9


@dataclass(frozen=True)
class Body:
    """One star-shaped body.

    Args:
        center_mm: (3,) in head coordinates.
        radius_mm: Mean radius of body and oedema.
        core_share: Radius of the core as a share of it.
        rim_share: Thickness of the enhancing rim as a share of the core's radius; 0 has none, 1 and
            more is solid.
        surface: (waves, 5) direction times frequency, phase and height of the outer surface.
        core_surface: Likewise of the core.
    """

    center_mm: Floats
    radius_mm: float
    core_share: float
    rim_share: float
    surface: Floats
    core_surface: Floats


@dataclass(frozen=True)
class Lesion:
    """A tumour or what looks like one.

    Args:
        bodies: The first is the main one; others are satellites.
        heterogeneity: How mixed it is.
        border_mm: Width of the outer border over which it fades from 90 % to 10 %: the
            infiltration margin. The truth is where half is lesion.
        tints: (4, 4) factor on the brightness of oedema, enhancing part, solid core and necrosis in
            each sequence.
        texture: (waves, 5) unevenness of its inside, in units of 1 / mm.
    """

    bodies: tuple[Body, ...]
    heterogeneity: Heterogeneity
    border_mm: float
    tints: Floats
    texture: Floats

    @property
    def center_mm(self) -> Floats:
        """(3,) centre of the main body in head coordinates."""
        return self.bodies[0].center_mm

    @property
    def reach_mm(self) -> float:
        """Everything of the lesion lies within this distance of its centre, border included."""
        return max(
            float(np.linalg.norm(body.center_mm - self.center_mm)) + _REACH * body.radius_mm
            for body in self.bodies
        ) + (2 * self.border_mm)

    def scaled(self, factor: float) -> Lesion:
        """The same lesion with all lengths but the border's times `factor`, about its centre."""
        bodies = tuple(
            replace(
                body,
                center_mm=self.center_mm + factor * (body.center_mm - self.center_mm),
                radius_mm=factor * body.radius_mm,
            )
            for body in self.bodies
        )
        return replace(self, bodies=bodies)


@dataclass(frozen=True)
class Parts:
    """What a lesion is at points.

    Args:
        outside_mm: (n,) about how far outside of the lesion; negative inside.
        inside_core_mm: (n,) about how far inside of a core; negative outside.
        inside_rim_mm: (n,) about how far inside of the rim's inner edge; negative in the rim.
    """

    outside_mm: Points
    inside_core_mm: Points
    inside_rim_mm: Points

    def labels(self, is_solid: bool) -> np.ndarray:
        """(n,) number of each point as if all were brain; a solid lesion has no enhancing rim."""
        found = np.where(self.outside_mm < 0, OEDEMA, 0).astype(np.uint8)
        is_core = (self.inside_core_mm > 0) & (self.outside_mm < 0)
        found[is_core] = CORE
        if not is_solid:
            found[is_core & (self.inside_rim_mm < 0)] = ENHANCING
        return found


def parts_at(lesion: Lesion, points: Points) -> Parts:
    """What the lesion is at points (3, n) in head coordinates."""
    outside = np.full(points.shape[1], np.inf, dtype=np.float32)
    core, rim = -outside, -outside
    for body in lesion.bodies:
        away = points - body.center_mm.astype(np.float32)[:, None]
        distance = np.sqrt(np.einsum("an,an->n", away, away))
        away /= np.maximum(distance, 1e-3)
        outside = np.minimum(outside, distance - body.radius_mm * _radius(away, body.surface))
        of_core = body.radius_mm * body.core_share * _radius(away, body.core_surface)
        in_core = of_core - distance
        deeper = in_core > core
        # a rim is thicker on one side than on the other, as its own waves go
        thickness = body.rim_share * of_core * _radius(-away, body.core_surface)
        rim = np.where(deeper, in_core - thickness, rim)
        core = np.maximum(core, in_core)
    return Parts(outside, core, rim)


def waves_at(points: Points, waves: Floats) -> Points:
    """Sum of cosines at points (3, n); `waves` is (waves, 5): wave vector, phase, height."""
    numbers = waves.astype(np.float32)
    total = np.zeros(points.shape[1], dtype=np.float32)
    for number in numbers:
        total += number[4] * np.cos(number[:3] @ points + number[3])
    return total


def draw_waves(
    rng: np.random.Generator, frequencies: tuple[float, ...], n: int, height: float
) -> Floats:
    """(n, 5) waves of random direction and phase; their sum has standard deviation `height`."""
    ways = rng.standard_normal((n, 3))
    lengths = np.resize(np.asarray(frequencies), n)[:, None]
    ways *= lengths / np.linalg.norm(ways, axis=1, keepdims=True)
    phases = rng.uniform(0, 2 * np.pi, (n, 1))
    return np.concatenate([ways, phases, np.full((n, 1), height * np.sqrt(2 / n))], axis=1)


def draw_lesion(
    side: str, lobe: str, *, heterogeneity: Heterogeneity, border_mm: tuple[float, float],
    rng: np.random.Generator,
) -> Lesion:  # fmt: skip
    """A lesion whose middle, within the brain, lies in this lobe.

    Args:
        side: "left" or "right" of the patient.
        lobe: One of `LOBES`.
        heterogeneity: How mixed it is.
        border_mm: Least and largest width of the border.
        rng: Source of all randomness.
    """
    while True:
        radius = float(rng.uniform(*RADII_MM))
        main = _draw_body(np.zeros(3), radius, heterogeneity, rng)
        bodies = [main]
        if heterogeneity == "multifocal":
            bodies += [_satellite(main, rng) for _ in range(int(rng.integers(1, 4)))]
        lesion = Lesion(
            tuple(bodies),
            heterogeneity,
            float(rng.uniform(*border_mm)),
            np.exp(0.06 * rng.standard_normal((4, 4))),
            draw_waves(rng, (0.35, 0.6, 0.9), 8, 1.0),
        )
        for center in _candidates(side, lobe, radius, rng):
            placed = _moved(lesion, center)
            if _is_in(placed, side, lobe):
                return placed


def middle_of(lesion: Lesion, *, step_mm: float = 3.0) -> tuple[Floats, float]:
    """Centre of mass in head coordinates, and volume in ml, of what lies within the hemisphere."""
    reach = lesion.reach_mm
    axis = np.arange(-reach, reach + step_mm, step_mm, dtype=np.float32)
    away = np.stack(np.meshgrid(axis, axis, axis, indexing="ij")).reshape(3, -1)
    points = away + lesion.center_mm.astype(np.float32)[:, None]
    inside: Bools = parts_at(lesion, points).outside_mm < 0
    inside &= within_hemisphere(points, lesion)
    if not inside.any():
        return lesion.center_mm, 0.0
    middle = points[:, inside].mean(axis=1).astype(np.float64)
    return middle, float(inside.sum()) * step_mm**3 / 1000


def within_hemisphere(points: Points, lesion: Lesion) -> Bools:
    """Points (3, n) in the brain on the lesion's side of the falx."""
    is_own_side = points[0] * np.sign(lesion.center_mm[0]) > 1.5
    return is_own_side & (outside_cerebrum(points) < -1.5)


def _radius(unit: Points, waves: Floats) -> Points:
    """Radius in each direction, 1 on average."""
    return np.clip(1 + waves_at(unit, waves), 0.5, _REACH)


def _draw_body(
    center: Floats, radius: float, heterogeneity: Heterogeneity, rng: np.random.Generator
) -> Body:
    ranges = {
        "homogeneous": ((0.65, 0.8), (0.0, 0.0), 0.07),
        "rim": ((0.6, 0.72), (0.24, 0.34), 0.09),
        "necrosis": ((0.62, 0.78), (0.34, 0.5), 0.13),
        "multifocal": ((0.55, 0.72), (0.34, 0.55), 0.13),
    }
    core, rim, height = ranges[heterogeneity]
    return Body(
        center,
        radius,
        float(rng.uniform(*core)),
        float(rng.uniform(*rim)),
        draw_waves(rng, _FREQUENCIES, _N_WAVES, height + 0.06),
        draw_waves(rng, _FREQUENCIES, _N_WAVES, height),
    )


def _satellite(main: Body, rng: np.random.Generator) -> Body:
    """A small solid body that the oedema of the main one almost reaches."""
    way = rng.standard_normal(3)
    radius = float(rng.uniform(0.3, 0.5)) * main.radius_mm
    way *= (main.radius_mm * rng.uniform(0.85, 1.1) + 0.5 * radius) / np.linalg.norm(way)
    body = _draw_body(main.center_mm + way, radius, "multifocal", rng)
    return replace(body, core_share=0.72, rim_share=2.0)


def _candidates(
    side: str, lobe: str, radius: float, rng: np.random.Generator, n: int = 256
) -> Floats:
    """Centres in the lobe, deep enough that most of the lesion lies in the brain; (up to 12, 3)."""
    center, radii = CEREBRUM
    places = np.asarray(center) + rng.uniform(-1, 1, (n, 3)) * radii
    places[:, 0] = np.abs(places[:, 0]) * (1 if side == "right" else -1)
    points = places.T.astype(np.float32)
    fits = (lobe_of(points) == LOBES.index(lobe)) & (outside_cerebrum(points) < -0.55 * radius)
    fits &= np.abs(points[0]) > max(16.0, 0.8 * radius)
    return places[fits][:12]


def _moved(lesion: Lesion, center: Floats) -> Lesion:
    bodies = tuple(replace(b, center_mm=b.center_mm + center) for b in lesion.bodies)
    return replace(lesion, bodies=bodies)


def _is_in(lesion: Lesion, side: str, lobe: str) -> bool:
    """Whether the middle of what lies in the brain is well within the lobe, on its side."""
    middle, volume_ml = middle_of(lesion, step_mm=4.0)
    sign = 1 if side == "right" else -1
    around = middle[:, None] + 3.0 * np.concatenate([np.zeros((3, 1)), np.eye(3), -np.eye(3)], 1)
    lobes = lobe_of(around.astype(np.float32))
    whole_ml = 4 / 3 * np.pi * lesion.bodies[0].radius_mm ** 3 / 1000
    is_large = volume_ml > 0.55 * whole_ml
    return bool((lobes == LOBES.index(lobe)).all() and middle[0] * sign > 14 and is_large)
