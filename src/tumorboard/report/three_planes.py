"""A map of a volume as a radiologist reads it: three planes through its largest value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.prediction.kept_maps import KeptMap
from tumorboard.records import Bools, Floats
from tumorboard.report.overlay_colours import overlaid

#: Longest side of a panel, px; between panels; letters, px.
_SIDE, _GAP, _FONT = 300, 8, 17
_WHITE, _CROSS = (255, 255, 255), (90, 200, 120)
#: Lengths that a scale bar may have, mm.
_BARS = (500, 200, 100, 50, 20, 10, 5, 2, 1)


@dataclass(frozen=True)
class _Plane:
    """One way to cut a volume: the axis that it is cut across, and the letters of its sides."""

    name: str
    across: int
    left: str
    right: str
    top: str
    bottom: str


#: Axes point right, front and head. As radiologists look: from the feet, from the front, from the
#: left.
_PLANES = (
    _Plane("axial", 2, "R", "L", "A", "P"),
    _Plane("coronal", 1, "R", "L", "S", "I"),
    _Plane("sagittal", 0, "A", "P", "S", "I"),
)


def three_planes(kept: KeptMap) -> NDArray[np.uint8]:
    """(H, W, 3) axial, coronal and sagittal plane: the volume above, the map over it below.

    Every plane goes through the map's largest value, where the thin lines cross; of a map that is
    the same everywhere through the middle, without lines. All planes have
    one scale in mm; where the voxel size is not known, a voxel is a cube and there is no bar.
    """
    at = np.unravel_index(int(kept.map.argmax()), kept.map.shape)
    no_place = is_flat(kept.map)
    if no_place:
        at = tuple(np.intp(n // 2) for n in kept.map.shape)
    spacing = np.ones(3)
    if kept.affine is not None:
        spacing = np.linalg.norm(kept.affine[:3, :3], axis=0)
    lengths = spacing * np.asarray(kept.map.shape)
    scale = _SIDE / float(lengths.max())
    grey = kept.image[len(kept.image) // 2].astype(np.float64)
    height = max(round(float(lengths[axis]) * scale) for axis in (1, 2))
    columns: list[NDArray[np.uint8]] = []
    for plane in _PLANES:
        place = int(at[plane.across])
        shown = [axis for axis in range(3) if axis != plane.across]
        size = [max(1, round(float(lengths[axis]) * scale)) for axis in shown]
        cut = _resized(_turned(grey, place, plane.across), size)
        heat = _resized(_turned(kept.map, place, plane.across), size)
        mask: Bools | None = None
        if kept.mask is not None:
            mask = _resized(_turned(kept.mask, place, plane.across), size) > 0.5
        image = np.repeat(cut[..., None].clip(0, 255), 3, axis=2)
        # A voxel's centre, counted from the upper left corner of the turned plane.
        cross = [
            (kept.map.shape[axis] - int(at[axis]) - 0.5) / kept.map.shape[axis] * pixels
            for axis, pixels in zip(shown, size, strict=True)
        ]
        above = _marked(np.round(image).astype(np.uint8), plane, None if no_place else cross)
        below = _marked(overlaid(image, heat, mask), plane, None)
        if plane.across == 2 and kept.affine is not None:
            below = _with_bar(below, scale, float(lengths[shown[0]]))
        # The maps of all planes begin in one line.
        gap = _space(_GAP + height - len(above), above.shape[1])
        rest = _space(height - len(below), below.shape[1])
        columns += [np.concatenate([above, gap, below, rest]), _space(2 * height + _GAP, _GAP)]
    return np.concatenate(columns[:-1], axis=1)


def is_flat(values: Floats | NDArray[Any]) -> bool:
    """Whether a map has one value everywhere: nothing raised the answer, or one voxel is all."""
    return float(np.ptp(values)) == 0.0


def _turned(volume: NDArray[Any], place: int, across: int) -> Floats:
    """The plane of (X, Y, Z) across an axis, as rows from the top: both axes point away."""
    plane: NDArray[Any] = np.moveaxis(volume, across, 0)[place]
    return plane[::-1, ::-1].T.astype(np.float64)


def _resized(values: Floats, size: list[int]) -> Floats:
    """(rows, columns) as `size` = [width, height] pixels, linear between the centres."""
    from PIL import Image

    made = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(made.resize((size[0], size[1]), Image.Resampling.BILINEAR), dtype=np.float64)


def _space(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 255, dtype=np.uint8)


def _marked(
    pixels: NDArray[np.uint8], plane: _Plane, cross: list[float] | None
) -> NDArray[np.uint8]:
    """The letters of the sides, and lines that cross at a place."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    width, height = image.size
    if cross is not None:
        x, y = cross
        hole = 9  # the place itself stays free
        for start, end in (((0, y), (x - hole, y)), ((x + hole, y), (width, y))):
            draw.line((*start, *end), fill=_CROSS)
        for start, end in (((x, 0), (x, y - hole)), ((x, y + hole), (x, height))):
            draw.line((*start, *end), fill=_CROSS)
    font = ImageFont.load_default(_FONT)
    for letter, place, anchor in (
        (plane.left, (4, height / 2), "lm"),
        (plane.right, (width - 4, height / 2), "rm"),
        (plane.top, (width / 2, 3), "mt"),
        (plane.bottom, (width / 2, height - 3), "mb"),
    ):
        draw.text(
            place, letter, fill=_WHITE, anchor=anchor, font=font, stroke_width=2, stroke_fill=0
        )
    return np.asarray(image)


def _with_bar(pixels: NDArray[np.uint8], scale: float, width_mm: float) -> NDArray[np.uint8]:
    """A bar of a round number of mm, at most a third of the width."""
    from PIL import Image, ImageDraw, ImageFont

    length = next((bar for bar in _BARS if bar <= width_mm / 3), 0)
    if not length:
        return pixels
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    bottom = image.size[1] - 10
    draw.line((7, bottom, 9 + length * scale, bottom), fill=(0, 0, 0), width=6)
    draw.line((8, bottom, 8 + length * scale, bottom), fill=_WHITE, width=3)
    draw.text(
        (8, bottom - 6), f"{length} mm", fill=_WHITE, anchor="lb",
        font=ImageFont.load_default(_FONT - 3), stroke_width=2, stroke_fill=0,
    )  # fmt: skip
    return np.asarray(image)
