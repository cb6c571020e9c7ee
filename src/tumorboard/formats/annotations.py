"""Annotations of an image, whatever file they came from, and their place in pixels.

An annotation is a dot, a box or an outline with a class. Boxes and outlines are kept as the centre
of their bounding box and its size: the centre that a window is cut around. The centroid of a curved
outline would lie elsewhere, sometimes outside of it; the box is what other programs write and what
can be checked by eye.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from tumorboard.errors import InputError
from tumorboard.formats.messages import shown
from tumorboard.records import Bools, Floats

Coordinates = Literal["auto", "fraction", "pixels"]

#: Decimal numbers as files write them; `nan`, `inf`, `1_000` and `1,5` are none.
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotation as its file has it: pixels or shares of the image, nothing is decided yet.

    Args:
        class_name: Class as written, without spaces around it.
        x: Centre from the left edge.
        y: Centre from the top edge.
        width: Of the bounding box; None for a dot.
        height: Of the bounding box; None for a dot.
        number: Where it stands in the file, from 1: the line of a CSV, else the count of dots,
            boxes and outlines.
        image: Image it belongs to, where the file itself says so.
    """

    class_name: str
    x: float
    y: float
    width: float | None
    height: float | None
    number: int
    image: str = ""


@dataclass(frozen=True)
class AnnotationFile:
    """Everything one file holds.

    Args:
        path: The file.
        kind: Its format, by content.
        annotations: In the order of the file.
        classes: Classes that the file names, those without an annotation included.
        is_pixels: The format counts in pixels by its definition (QuPath, ASAP, ImageScope).
        left_out: What is no annotation of a class, and where ("feature 3 has no class").
    """

    path: Path
    kind: str
    annotations: tuple[Annotation, ...]
    classes: tuple[str, ...]
    is_pixels: bool = False
    left_out: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Class -> number of annotations, 0 for a class that is only named."""
        found = Counter(one.class_name for one in self.annotations)
        return {name: found[name] for name in dict.fromkeys((*self.classes, *found))}


def number_of(value: object, *, path: Path, where: str) -> float:
    """A coordinate as a number.

    Args:
        value: A JSON number, or text of XML and CSV.
        path: The file, for the message.
        where: Place in the file, for the message.

    Raises:
        InputError: Anything else than a finite number.
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12:
        return float(value)
    found = shown(value) if isinstance(value, str) else repr(value)[:40]
    raise InputError(f"{path.name}, {where}: expected a finite number, found {found}.")


def box_around(
    points: Sequence[tuple[float, float]],
) -> tuple[float, float, float | None, float | None]:
    """Centre x, centre y, width and height of the bounding box; one point has no size."""
    x, y = [point[0] for point in points], [point[1] for point in points]
    if len(points) == 1:
        return x[0], y[0], None, None
    return (
        (min(x) + max(x)) / 2,
        (min(y) + max(y)) / 2,
        max(x) - min(x),
        max(y) - min(y),
    )


def is_fraction(file: AnnotationFile, coordinates: Coordinates) -> bool:
    """Whether the coordinates of a file are shares of width and height, 0 to 1; else pixels.

    Decided once per file. With "auto", shares are coordinates that all lie in 0..1, pixels those
    that do not lie near there.

    Args:
        file: The file.
        coordinates: The author's word, or "auto".

    Raises:
        InputError: It could be either: a few dots outside 0..1 among shares, only whole numbers 0
            and 1, or a format of pixels in which everything lies in the first pixel.
    """
    if coordinates != "auto" or not file.annotations:
        return coordinates == "fraction"
    xy = np.asarray([(one.x, one.y) for one in file.annotations])
    is_unit = ((xy >= 0) & (xy <= 1)).all(axis=1)
    is_broken = (xy != np.round(xy)).any(axis=1)
    is_share_like = ((xy >= -1) & (xy <= 2)).all(axis=1) & is_broken
    if file.is_pixels:
        # Many dots in the first pixel: shares in a format that has none.
        if not (is_unit.all() and is_broken.any() and len(xy) > 1):
            return False
    elif is_unit.all() and is_broken.any():
        return True
    elif not is_unit.all() and is_share_like.mean() < 0.5:
        return False
    n_outside = int((~is_unit).sum())
    found = (
        f"{n_outside} of {len(xy)} annotations outside 0..1, the others inside"
        if n_outside
        else f"all {len(xy)} annotations in 0..1"
    )
    raise InputError(
        f"{file.path.name}: cannot tell pixels from shares of the image: {file.kind} with {found}. "
        'Set coordinates = "fraction" or "pixels" under [cohort].'
    )


def in_pixels(
    annotations: Sequence[Annotation], *, width_px: int, height_px: int, fraction: bool
) -> list[Annotation]:
    """Annotations in pixels of an image, 0 at its left and top edge."""
    if not fraction:
        return list(annotations)
    return [
        replace(
            one,
            x=one.x * width_px,
            y=one.y * height_px,
            width=None if one.width is None else one.width * width_px,
            height=None if one.height is None else one.height * height_px,
        )
        for one in annotations
    ]


def is_inside(annotations: Sequence[Annotation], *, width_px: int, height_px: int) -> Bools:
    """(n,) True where the centre lies in the image or on its edge."""
    xy: Floats = np.asarray([(one.x, one.y) for one in annotations], float).reshape(-1, 2)
    return np.all((xy >= 0) & (xy <= (width_px, height_px)), axis=1)
