"""Patches of a cohort: their slides, where they lie in them, and how each slide is stained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tumorboard.cache import Cache
from tumorboard.errors import InputError
from tumorboard.formats.file_progress import FileProgress
from tumorboard.formats.image_fingerprints import (
    SIDE_PX,
    Fingerprints,
    digest_of,
    small_picture,
)
from tumorboard.formats.prepared_images import grey_of
from tumorboard.formats.slide_windows import SlideWindows, open_each
from tumorboard.records import Cohort, FileRecord, Floats, Ints, Rejection
from tumorboard.transforms.patch_positions import (
    Positions,
    WindowSize,
    around_annotations,
    on_tissue,
    too_small,
)
from tumorboard.transforms.slide_stains import Look, Method, slide_look
from tumorboard.transforms.tissue import kept_thumbnail

#: Patches that are worked on at once: bounds the memory.
CHUNK = 512
#: Patches of a bag that are looked at where one number per bag is asked for.
FEW = 16
#: Above so many pixels a slide is known by its thumbnail instead of its pixels.
_WHOLE_PX = 4096 * 4096

Named = tuple[tuple[Path, ...], ...]


@dataclass(frozen=True, kw_only=True)
class PatchSettings:
    """Which patches are wanted.

    Args:
        window: How large a window is.
        size: Height and width that patches are handed over in.
        points: Columns of x and y of the points.
        is_bag: Whether patches are taken all over the tissue, a bag per row, and not at points.
        overlap: Share of a window on tissue that it has in common with the next.
        at_least: Least share of tissue in such a window.
        method: How stains are normalised.
    """

    window: WindowSize
    size: tuple[int, int]
    points: tuple[str, str]
    is_bag: bool
    overlap: float
    at_least: float
    method: Method


@dataclass(frozen=True, kw_only=True)
class FoundPatches:
    """Patches of the rows of a cohort.

    Args:
        slides: Every slide, each once.
        index: (rows, slides) number of each of a row's slides, -1 for none.
        at: Where the patches are.
        window_px: (slides,) side of a window in pixels of level 0.
        size: Height and width that patches are handed over in.
        looks: Number of a slide -> its stain, where stains are normalised.
        is_bag: Whether a row has many patches.
    """

    slides: SlideWindows
    index: Ints
    at: Positions
    window_px: Ints
    size: tuple[int, int]
    is_bag: bool
    looks: Mapping[int, Look] = field(default_factory=dict[int, Look])

    def cut(self, patches: Ints) -> NDArray[np.uint8]:
        """Patches (n, 3, *size) by their numbers, as they were scanned."""
        at = self.at
        return self.slides.cut(
            at.slide[patches], at.x_px[patches], at.y_px[patches],
            window_px=self.window_px, size=self.size,
        )  # fmt: skip

    def grey_levels(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation (rows,) of grey of each row's patch, or a few of its bag."""
        n_rows = len(self.at.start) - 1
        patches, place = self.at.of(np.arange(n_rows), most=FEW)
        found = np.full((2, n_rows), np.nan)
        sums = np.zeros((3, n_rows))
        for start in range(0, len(patches), CHUNK):
            chosen = slice(start, start + CHUNK)
            grey = grey_of(self.cut(patches[chosen])).reshape(len(patches[chosen]), -1)
            for k, values in enumerate((grey.mean(axis=1), np.square(grey).mean(axis=1), 1.0)):
                np.add.at(sums[k], place[chosen], values)
        has = sums[2] > 0
        mean, square = sums[:2, has] / sums[2, has]
        found[:, has] = mean, np.sqrt(np.maximum(square - mean**2, 0.0))
        return found[0], found[1]

    def fingerprints(self) -> Fingerprints:
        """Fingerprints of the slides, in their order; kept in the cache by content.

        Slides above 16 million pixels are told apart by their size and their thumbnail.
        """
        digests: list[str] = []
        pictures = np.zeros((len(self.slides.infos), SIDE_PX, SIDE_PX), dtype=np.float16)
        cache = self.slides.cache
        n_slides = len(self.slides.infos)
        progress = FileProgress("audit", n_slides, "slides compared", is_brief=True)
        for number, info in enumerate(self.slides.infos):
            key = cache.key({"kind": "slide fingerprint", "side": SIDE_PX}, info.path)
            kept = cache.load(key)
            if kept is None:
                slide, size = self.slides.slide(number), (info.width_px, info.height_px)
                is_small = size[0] * size[1] <= _WHOLE_PX
                whole = slide.read(0, 0, *size) if is_small else kept_thumbnail(slide, cache)[0]
                pixels = np.moveaxis(whole, -1, 0)
                head = np.asarray(size, dtype=np.int64).tobytes() + digest_of(pixels)
                picture = small_picture(pixels).ravel().view(np.uint8)
                kept = np.concatenate([picture, np.frombuffer(head, dtype=np.uint8)])
                cache.store(key, kept)
            n_picture = 2 * SIDE_PX**2
            digests.append(kept[n_picture:].tobytes().hex())
            picture = np.ascontiguousarray(kept[:n_picture]).view(np.float16)
            pictures[number] = picture.reshape(SIDE_PX, SIDE_PX)
            progress.step()
        return Fingerprints(tuple(digests), pictures)

    def picture(self, row: int) -> NDArray[np.uint8] | None:
        """The patch of a row, or its first slide as a whole where it has a bag, (H, W, 3)."""
        if self.at.start[row] == self.at.start[row + 1]:
            return None
        if self.is_bag:
            slide = self.slides.slide(int(self.index[row, 0]))
            return kept_thumbnail(slide, self.slides.cache)[0]
        return np.moveaxis(self.cut(self.at.start[[row]])[0], 0, -1)


def find_patches(
    cohort: Cohort, settings: PatchSettings, cache: Cache, *, name: str
) -> tuple[FoundPatches, tuple[Rejection, ...], tuple[FileRecord, ...]]:
    """The patches of every row, what could not be used, and what became of each file.

    Raises:
        InputError: A column of the points is absent or holds no numbers, a row of points has
            several slides, or windows are in micrometres and a slide has no scale.
    """
    named: Named = cohort.files.get(name, ((),) * cohort.n_rows)
    opened, failed = open_each([path for paths in named for path in paths], cache, name=name)
    window_px = settings.window.of(list(opened.values()), name=name)
    failed = {**failed, **too_small(list(opened.values()), window_px)}
    usable = np.asarray([path not in failed for path in opened], dtype=np.bool_)
    slides = SlideWindows([info for path, info in opened.items() if path not in failed], cache)
    index = _index(named, [info.path for info in slides.infos])
    window_px = window_px[usable]
    if settings.is_bag:
        rows = [[n for n in numbers if n >= 0] for numbers in index.tolist()]
        at, blank = on_tissue(
            rows, slides, window_px, overlap=settings.overlap, at_least=settings.at_least, name=name
        )
        failed, outside = {**failed, **blank}, dict[int, str]()
    else:
        _refuse_several(cohort, index, name)
        at, outside = around_annotations(
            cohort, index[:, 0], slides.infos, columns=settings.points, name=name
        )
    found = FoundPatches(
        slides=slides, index=index, at=at, window_px=window_px, size=settings.size,
        is_bag=settings.is_bag,
    )  # fmt: skip
    found, unstained = _with_looks(found, settings.method)
    failed |= unstained
    points = (Rejection(cohort.patient_id[r], named[r][0], why) for r, why in outside.items())
    rejections = (*_rejections(cohort, named, failed), *points)
    return found, rejections, _records(cohort, named, failed, name)


def _refuse_several(cohort: Cohort, index: Ints, name: str) -> None:
    if index.shape[1] > 1:
        many = cohort.line[int(np.argmax((index >= 0).sum(axis=1)))]
        raise InputError(
            f"{cohort.table.name}: line {many} has several images, but a point lies in one. "
            f"Let modalities.{name}.files name a single file."
        )


def _with_looks(found: FoundPatches, method: Method) -> tuple[FoundPatches, Mapping[Path, str]]:
    """With each slide's own stain; slides without one lose their patches."""
    if method == "none":
        return found, {}
    at = found.at
    looks: dict[int, Look] = {}
    failed: dict[Path, str] = {}
    for number in np.unique(at.slide).tolist():
        own = at.slide == number if found.is_bag else np.zeros(len(at.slide), np.bool_)
        try:
            looks[number] = slide_look(
                found.slides, number, method, x_px=at.x_px[own], y_px=at.y_px[own]
            )
        except InputError as error:
            failed[found.slides.infos[number].path] = str(error)
    keep = np.isin(at.slide, list(looks))
    start = np.concatenate([[0], np.cumsum(keep)])[at.start]
    at = Positions(at.slide[keep], at.x_px[keep], at.y_px[keep], start)
    return replace(found, at=at, looks=looks), failed


def _index(named: Named, paths: list[Path]) -> Ints:
    """(rows, most slides of any row) number of each slide, those of a row first, then -1."""
    number = {path: i for i, path in enumerate(paths)}
    found = [[number[path] for path in own if path in number] for own in named]
    index = np.full((len(named), max([1, *map(len, found)])), -1, dtype=np.int64)
    for row, numbers in enumerate(found):
        index[row, : len(numbers)] = numbers
    return index


def _rejections(cohort: Cohort, named: Named, failed: Mapping[Path, str]) -> list[Rejection]:
    """Each file at fault once for each patient that has it."""
    pairs = {(path, p): 0 for p, own in zip(cohort.patient_id, named, strict=True) for path in own}
    return [Rejection(patient, path, failed[path]) for path, patient in pairs if path in failed]


def _records(
    cohort: Cohort, named: Named, failed: Mapping[Path, str], name: str
) -> tuple[FileRecord, ...]:
    found: dict[Path, FileRecord] = {}
    for patient, own in zip(cohort.patient_id, named, strict=True):
        for path in own:
            if path not in found:
                why = failed.get(path, "")
                found[path] = FileRecord(path, "rejected" if why else "used", why, name, patient)
    return tuple(found.values())
