"""Weights of a slide's windows, painted where they lie on the slide in small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tumorboard.formats.slide_windows import resized
from tumorboard.prediction.kept_maps import N_LEAST, N_MOST, Windows
from tumorboard.records import Floats, Ints
from tumorboard.transforms.found_patches import FoundPatches
from tumorboard.transforms.heat_maps import Maps
from tumorboard.transforms.tissue import thumbnail

#: Longer side of a slide in small, and the least side that a window is painted with, in pixels: of
#: a large slide a window would be a single point.
SIDE_PX, LEAST_PX = 384, 5


@dataclass(frozen=True)
class Weighed:
    """Windows of one slide in one row's bag.

    Args:
        row: The row.
        slide: Number of the slide.
        patches: (n,) numbers of the windows.
        weight: (n,) their weights, not negative.
    """

    row: int
    slide: int
    patches: Ints
    weight: Floats


def weigh_by_slide(found: FoundPatches, row: int, patches: Ints, weight: Floats) -> list[Weighed]:
    """The windows of each slide apart, the slide with most of the weight first."""
    slide = found.at.slide[patches]
    every = [
        Weighed(row, number, patches[slide == number], weight[slide == number])
        for number in np.unique(slide).tolist()
    ]
    return sorted(every, key=lambda one: -one.weight.sum())


def most_and_least(weight: Floats) -> Ints:
    """(N_MOST + N_LEAST,) which windows have most and which least weight; -1 for none.

    Those of most weight come first, the largest first; those of least the smallest first. No window
    is both.
    """
    order = np.argsort(-weight, kind="stable")
    shown = np.full(N_MOST + N_LEAST, -1, dtype=np.int64)
    most, least = order[:N_MOST], order[N_MOST:][::-1][:N_LEAST]
    shown[: len(most)] = most
    shown[N_MOST : N_MOST + len(least)] = least
    return shown


def paint(found: FoundPatches, weighed: Weighed, size: tuple[int, int]) -> Maps:
    """(height, width) weight of the window at each pixel of the slide in small, 0 without one.

    Where windows overlap the larger weight shows.
    """
    info, at = found.slides.infos[weighed.slide], found.at
    made = np.zeros(size, dtype=np.float32)
    spans = [
        _span(centre[weighed.patches], int(found.window_px[weighed.slide]), of / n, n)
        for centre, of, n in zip(
            (at.y_px, at.x_px), (info.height_px, info.width_px), size, strict=True
        )
    ]
    for (top, bottom), (left, right), weight in zip(*spans, weighed.weight, strict=True):
        part = made[top:bottom, left:right]
        np.maximum(part, weight, out=part)
    return made


def _span(centre: Floats, side: int, scale: float, n: int) -> list[tuple[int, int]]:
    """First pixel of each window along one axis of the slide in small, and the one after its last.

    Args:
        centre: (windows,) in pixels of the slide.
        side: Of the windows.
        scale: Pixels of the slide that one of the picture spans.
        n: Pixels of the picture.
    """
    half = max(side / scale, LEAST_PX) / 2
    first = np.clip(np.rint(centre / scale - half), 0, n - 1).astype(int)
    last = np.clip(np.rint(centre / scale + half), first + 1, n).astype(int)
    return list(zip(first.tolist(), last.tolist(), strict=True))


def slide_maps(found: FoundPatches, every: list[Weighed]) -> tuple[Maps, Maps, Windows]:
    """Maps (n, H, W), slides in small (n, 3, H, W) in 0..1 on white, and their windows."""
    small = [slide_in_small(found, one.slide) for one in every]
    size = tuple(max(picture.shape[k] for picture in small) for k in (1, 2))
    maps = np.zeros((len(every), *size), dtype=np.float32)
    inputs = np.ones((len(every), 3, *size), dtype=np.float32)
    n_shown = N_MOST + N_LEAST
    places = np.full((len(every), max(len(one.patches) for one in every), 3), np.nan)
    pictures = np.zeros((len(every), n_shown, 3, *found.size), dtype=np.uint8)
    shown = np.stack([most_and_least(one.weight) for one in every])
    for i, (one, picture) in enumerate(zip(every, small, strict=True)):
        height, width = picture.shape[1:]
        maps[i, :height, :width] = paint(found, one, (height, width))
        inputs[i, :, :height, :width] = picture / np.float32(255)
        columns = (found.at.x_px[one.patches], found.at.y_px[one.patches], one.weight)
        places[i, : len(one.patches)] = np.stack(columns, axis=1)
        has = shown[i] >= 0
        pictures[i, has] = found.cut(one.patches[shown[i, has]])
    names = np.asarray([found.slides.infos[one.slide].path.name for one in every])
    return maps, inputs, Windows(places, shown, pictures, names)


def slide_in_small(found: FoundPatches, number: int) -> NDArray[np.uint8]:
    """(3, height, width) a slide, its longer side `SIDE_PX`."""
    pixels = np.moveaxis(thumbnail(found.slides.slide(number))[0], -1, 0)
    info = found.slides.infos[number]
    longest = max(info.height_px, info.width_px)
    size = (
        max(1, round(info.height_px * SIDE_PX / longest)),
        max(1, round(info.width_px * SIDE_PX / longest)),
    )
    return resized(pixels[None], size)[0]
