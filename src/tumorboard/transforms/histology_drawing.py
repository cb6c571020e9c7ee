"""Draw a field of breast tissue as haematoxylin and eosin stain it, nucleus by nucleus.

A picture is first a map of two stain concentrations; light is absorbed by them (Beer-Lambert), with
the stain vectors of Ruifrok & Johnston 2001, so that staining varies as it does in a laboratory: by
strength and by hue, not by brightness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import expit

from tumorboard.records import Floats

#: Optical density of red, green and blue of haematoxylin and of eosin (Ruifrok & Johnston 2001).
HAEMATOXYLIN, EOSIN = (0.650, 0.704, 0.286), (0.072, 0.990, 0.105)
#: Least distance of two nuclei in px, at the scale of BreCaHAD (40x).
SPACING = 34.0
#: Side of the square that one nucleus is drawn in, in px.
_WINDOW = 72

Kind = Literal["tumor", "lymphocyte", "fibroblast", "condensed"]


@dataclass(frozen=True)
class Stain:
    """How one laboratory stained one case.

    Args:
        vectors: (2, 3) optical density of haematoxylin and eosin in red, green and blue.
        strength: (2,) amount of each, 1 = ordinary.
        white: Brightness of glass without tissue, 0..255.
        blur_px: Sharpness of the scanner: standard deviation of its point spread.
    """

    vectors: Floats
    strength: Floats
    white: float
    blur_px: float


@dataclass(frozen=True)
class Nucleus:
    """What is drawn at one place.

    Args:
        x: Centre in px from the left edge.
        y: Centre in px from the top edge.
        kind: What it is; "condensed" is a mitosis or what looks like one.
        appearance: Of condensed ones: high is chromosomes with hairy borders in a clear cell, low a
            smooth round body in shrunken pink cytoplasm with a halo.
    """

    x: float
    y: float
    kind: Kind
    appearance: float = 0.0


def draw_stain(*, variation: float, institution: float, rng: np.random.Generator) -> Stain:
    """Stain of one case.

    Args:
        variation: Spread between cases, 1 = ordinary, 0 = none.
        institution: Habit of the laboratory between -1 (pale and blue) and 1 (strong and pink).
        rng: Source of all randomness.
    """
    vectors = np.asarray([HAEMATOXYLIN, EOSIN]) + 0.03 * variation * rng.standard_normal((2, 3))
    vectors = np.clip(vectors, 0.02, None)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    habit = rng.standard_normal(2) + np.asarray([0.5, 1.0]) * institution
    return Stain(
        vectors=vectors,
        strength=np.exp(0.16 * variation * habit),
        white=float(244 + 4 * variation * rng.uniform(-1, 1)),
        blur_px=float(0.7 + 0.3 * variation * rng.random()),
    )


def draw_places(size: tuple[int, int], *, rng: np.random.Generator) -> Floats:
    """(n, 2) x and y of nuclei, at least `SPACING` apart, in no order that means anything."""
    height, width = size
    tries = rng.random((max(8, int(6 * height * width / SPACING**2)), 2)) * (width, height)
    kept: list[int] = []
    for i, place in enumerate(tries):
        if (np.hypot(*(tries[kept] - place).T) >= SPACING).all():
            kept.append(i)
    return tries[kept]


def draw_nests(size: tuple[int, int], *, rng: np.random.Generator) -> Floats:
    """(H, W) standardised field: tumour nests where it is high, stroma where it is low."""
    return _grain(size, 45.0, rng)


def draw_tissue(
    nests: Floats, nuclei: Sequence[Nucleus], *, lumens: Sequence[tuple[float, float, float]],
    stain: Stain, rng: np.random.Generator,
) -> NDArray[np.uint8]:  # fmt: skip
    """Picture (H, W, 3) of a field.

    Args:
        nests: See `draw_nests`.
        nuclei: What lies where; later ones lie above earlier ones.
        lumens: x, y and radius in px of empty glands.
        stain: See `draw_stain`.
        rng: Source of all randomness.
    """
    amount = _background(nests, rng)
    for x, y, radius in lumens:
        _draw_lumen(amount, x, y, radius, rng)
    for nucleus in nuclei:
        _DRAW[nucleus.kind](_Window(amount, nucleus, rng))
    planes = [
        strength * gaussian_filter(plane, stain.blur_px)
        for strength, plane in zip(stain.strength, amount, strict=True)
    ]
    density = np.tensordot(np.stack(planes), stain.vectors, axes=(0, 0))
    image = stain.white * np.exp(-density) + rng.normal(0, 2.0, density.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _background(nests: Floats, rng: np.random.Generator) -> Floats:
    """(2, H, W) haematoxylin and eosin of cytoplasm and of fibrous stroma."""
    size = (nests.shape[0], nests.shape[1])
    nest = expit(4 * nests)
    fibres = gaussian_filter(rng.standard_normal(size), (2.0, 14.0), mode="wrap")
    fibres /= max(float(fibres.std()), 1e-12)
    cytoplasm = _grain(size, 7.0, rng)
    haematoxylin = 0.10 + 0.16 * nest + 0.03 * cytoplasm
    eosin = nest * (0.30 + 0.05 * cytoplasm) + (1 - nest) * (0.42 + 0.11 * fibres)
    clefts = expit(5 * (_grain(size, 5.0, rng) - 2.5))  # where tissue shrank
    return np.clip(np.stack([haematoxylin, eosin]) * (1 - 0.85 * clefts), 0.02, None)


def _draw_lumen(
    amount: Floats, x: float, y: float, radius: float, rng: np.random.Generator
) -> None:
    rows, columns = np.arange(amount.shape[1])[:, None], np.arange(amount.shape[2])[None, :]
    border = radius * _outline(np.arctan2(rows - y, columns - x), 0.05, rng)
    distance = (border - np.hypot(columns - x, rows - y)) / 1.5
    amount *= 1 - 0.94 * expit(np.clip(distance, -40, 40))


class _Window:
    """The part of the field around one nucleus, in its own coordinates."""

    def __init__(self, amount: Floats, nucleus: Nucleus, rng: np.random.Generator) -> None:
        top = max(0, int(nucleus.y) - _WINDOW // 2)
        left = max(0, int(nucleus.x) - _WINDOW // 2)
        self.amount = amount[:, top : top + _WINDOW, left : left + _WINDOW]
        self.rng = rng
        self.appearance = nucleus.appearance
        height, width = self.amount.shape[1:]
        self.x = np.arange(width)[None, :] + left + 0.5 - nucleus.x
        self.y = np.arange(height)[:, None] + top + 0.5 - nucleus.y

    def body(
        self, radius: float, *, aspect: float = 1.0, rough: float = 0.04, soft: float = 1.0,
        at: tuple[float, float] = (0.0, 0.0), angle: float = 0.0,
    ) -> Floats:  # fmt: skip
        """Share of each pixel inside a body of this mean radius in px."""
        x, y = self.x - at[0], self.y - at[1]
        along = (x * np.cos(angle) + y * np.sin(angle)) / np.sqrt(aspect)
        across = (y * np.cos(angle) - x * np.sin(angle)) * np.sqrt(aspect)
        border = radius * _outline(np.arctan2(across, along), rough, self.rng)
        return expit(np.clip((border - np.hypot(along, across)) / soft, -40, 40))

    def cover(self, inside: Floats, haematoxylin: Floats | float, eosin: float) -> None:
        """Lay a body over what is there."""
        self.amount[0] += inside * (haematoxylin - self.amount[0])
        self.amount[1] += inside * (eosin - self.amount[1])

    def texture(self, grain_px: float) -> Floats:
        """Standardised noise over the window."""
        return _grain((self.amount.shape[1], self.amount.shape[2]), grain_px, self.rng)


def _tumor(window: _Window) -> None:
    """Large, vesicular: a dark membrane, coarse chromatin, up to two nucleoli."""
    rng = window.rng
    radius = rng.uniform(12, 17.5)
    inside = window.body(
        radius, aspect=rng.uniform(1.0, 1.7), angle=rng.uniform(0, np.pi), soft=1.3
    )
    membrane = 4 * inside * (1 - inside)
    chromatin = rng.uniform(0.5, 0.8) + 0.12 * window.texture(1.8) + 0.35 * membrane
    window.cover(inside, np.clip(chromatin, 0.2, 1.4), 0.16)
    for _ in range(int(rng.integers(0, 3))):
        at = rng.uniform(-0.45, 0.45, 2) * radius
        dot = window.body(rng.uniform(1.8, 3.0), at=(at[0], at[1]), soft=0.7)
        window.cover(dot, 1.15, 0.3)


def _lymphocyte(window: _Window) -> None:
    """Small, round and evenly dark."""
    rng = window.rng
    inside = window.body(rng.uniform(7.0, 9.0), aspect=rng.uniform(1.0, 1.2), rough=0.03)
    window.cover(inside, rng.uniform(1.0, 1.25) + 0.1 * window.texture(1.5), 0.12)


def _fibroblast(window: _Window) -> None:
    """Long and thin, along the fibres."""
    rng = window.rng
    inside = window.body(
        rng.uniform(7.0, 9.0), aspect=rng.uniform(2.8, 5.0), angle=rng.normal(0, 0.35)
    )
    window.cover(inside, rng.uniform(0.75, 1.0) + 0.1 * window.texture(1.5), 0.2)


def _condensed(window: _Window) -> None:
    """A mitosis or an apoptotic body, in steps of `appearance` without a border between them."""
    rng = window.rng
    share = float(expit(1.6 * window.appearance))
    cell = window.body(rng.uniform(17, 20), aspect=rng.uniform(1.0, 1.25), rough=0.04, soft=2.0)
    halo = window.body(15.5 - 1.5 * share, rough=0.05, soft=1.2)
    shrunken = window.body(11.0 + 6.0 * share, rough=0.07, soft=1.2)
    window.cover(cell, 0.17, 0.26)
    window.amount *= 1 - 0.88 * (1 - share) * halo
    window.cover(shrunken, 0.12 + 0.05 * share, 0.24 + 0.75 * (1 - share))
    angle = float(rng.uniform(0, np.pi))
    is_parted = rng.random() < 0.3  # an anaphase, or a body in two
    gap = rng.uniform(5.0, 7.0) * (0.3 + 0.7 * share)
    density = 1.95 + 0.1 * window.texture(1.2)
    for side in (-1, 1) if is_parted else (0,):
        plate = window.body(
            rng.uniform(5.5, 7.0) + share, aspect=1.0 + rng.uniform(1.2, 2.6) * share,
            rough=0.03 + 0.12 * share, soft=0.5 + 0.5 * share, angle=angle,
            at=(-side * gap * np.sin(angle), side * gap * np.cos(angle)),
        )  # fmt: skip
        window.cover(plate, density, 0.2)
    for _ in range(int(rng.integers(0, 4))):  # smooth balls, or stray chromosomes
        turn, away = rng.uniform(0, 2 * np.pi), rng.uniform(7.5, 11.0)
        ball = window.body(
            rng.uniform(1.6, 3.2) * (1 - 0.55 * share), rough=0.02 + 0.2 * share, soft=0.6,
            at=(away * np.cos(turn), away * np.sin(turn)),
        )  # fmt: skip
        window.cover(ball, density, 0.2)


_DRAW = {
    "tumor": _tumor, "lymphocyte": _lymphocyte, "fibroblast": _fibroblast, "condensed": _condensed,
}  # fmt: skip


def _outline(angle: Floats, rough: float, rng: np.random.Generator) -> Floats:
    """Radius by angle, of mean 1: waves of falling height."""
    turns = np.arange(2, 10)
    heights = rough * rng.standard_normal(len(turns)) * np.sqrt(2 / turns)
    phases = rng.uniform(0, 2 * np.pi, len(turns))
    waves = np.zeros_like(angle)
    for turn, height, phase in zip(turns, heights, phases, strict=True):
        waves += height * np.cos(turn * angle + phase)
    return 1 + waves


def _grain(size: tuple[int, int], grain_px: float, rng: np.random.Generator) -> Floats:
    """Standardised Gaussian field whose grain is `grain_px`."""
    field = gaussian_filter(rng.standard_normal(size), grain_px, mode="reflect")
    return (field - field.mean()) / max(float(field.std()), 1e-12)
