"""Where patches lie: around annotated points, or all over the tissue of slides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from tumorboard.errors import InputError, nearest
from tumorboard.formats.file_progress import FileProgress
from tumorboard.formats.messages import listed
from tumorboard.formats.slide_windows import SlideWindows
from tumorboard.formats.slides import SlideInfo
from tumorboard.formats.tables import parse_numbers
from tumorboard.records import Cohort, Floats, Ints
from tumorboard.transforms.tissue import tissue_tiles


@dataclass(frozen=True)
class Positions:
    """Patches of the rows of a cohort, those of a row side by side.

    Args:
        slide: (patches,) number of the slide.
        x_px: (patches,) centre in pixels of level 0, from the left edge.
        y_px: (patches,) from the top edge.
        start: (rows + 1,) patches start[row] to start[row + 1] are the row's.
    """

    slide: Ints
    x_px: Floats
    y_px: Floats
    start: Ints

    def of(self, rows: Ints, *, most: int = 0) -> tuple[Ints, Ints]:
        """Numbers of the patches of these rows, and for each its place in `rows`.

        Args:
            rows: Row numbers.
            most: Patches per row at most, evenly spread over the row's; 0 takes all.
        """
        first, n = self.start[rows], np.diff(self.start)[rows]
        taken = np.minimum(n, most) if most else n
        place = np.repeat(np.arange(len(rows)), taken)
        step = np.arange(len(place)) - np.repeat(np.cumsum(taken) - taken, taken)
        spread = step * n[place] // np.maximum(taken[place], 1)
        return first[place] + spread, place


@dataclass(frozen=True)
class WindowSize:
    """How large a window is.

    Args:
        px: Side in pixels of level 0; 0 where `um` says it.
        um: Side in micrometres; 0 where `px` says it.
        mpp: Micrometre per pixel of level 0; "auto" takes what the file says.
        context: Factor on the side, for a larger neighbourhood.
    """

    px: int
    um: float
    mpp: float | Literal["auto"]
    context: float

    def of(self, infos: Sequence[SlideInfo], *, name: str) -> Ints:
        """(slides,) side in pixels of each slide.

        Raises:
            InputError: The side is in micrometres, and the pixel size of a slide is not known.
        """
        if not self.um:
            return np.full(len(infos), max(1, round(self.px * self.context)), dtype=np.int64)
        found = [info.mpp if self.mpp == "auto" else self.mpp for info in infos]
        unknown = [info.path.name for info, mpp in zip(infos, found, strict=True) if mpp != mpp]
        if unknown:
            raise InputError(
                f"{name}: window_um is {self.um:g}, but {len(unknown)} of {len(infos)} slides do "
                f"not say how large a pixel is: {listed(unknown)}. State it "
                f"(modalities.{name}.mpp = micrometre per pixel), or give the window in pixels "
                "(window_px)."
            )
        return np.asarray([max(1, round(self.um * self.context / mpp)) for mpp in found], np.int64)


def too_small(infos: Sequence[SlideInfo], window_px: Ints) -> Mapping[Path, str]:
    """Slides that a window does not fit into, and why."""
    return {
        info.path: f"{info.path}: {info.width_px} x {info.height_px} pixels (width x height), "
        f"smaller than a window of {side} x {side}."
        for info, side in zip(infos, window_px.tolist(), strict=True)
        if side > min(info.height_px, info.width_px)
    }


def around_annotations(
    cohort: Cohort,
    slide: Ints,
    infos: Sequence[SlideInfo],
    *,
    columns: tuple[str, str],
    name: str,
) -> tuple[Positions, Mapping[int, str]]:
    """One patch around the point of each row.

    Args:
        cohort: Its columns hold the points.
        slide: (rows,) number of the row's slide, -1 for none.
        infos: The slides.
        columns: Columns of x and y, in pixels from the left and top edge.
        name: The modality.

    Returns:
        The positions; rows whose point lies outside their slide, and why. Rows without a slide or
        without a point have no patch.

    Raises:
        InputError: A column is absent, or a cell is no number.
    """
    x_px, y_px = (_numbers(cohort, column, name) for column in columns)
    size = np.asarray([(info.width_px, info.height_px) for info in infos], dtype=np.float64)
    size = size.reshape(-1, 2)[slide] if len(infos) else np.zeros((len(slide), 2))
    has = (slide >= 0) & np.isfinite(x_px) & np.isfinite(y_px)
    inside = (x_px >= 0) & (y_px >= 0) & (x_px <= size[:, 0]) & (y_px <= size[:, 1])
    outside = {
        row: f"{infos[slide[row]].path}: line {cohort.line[row]} of {cohort.table.name} has its "
        f"centre at {columns[0]} {x_px[row]:g}, {columns[1]} {y_px[row]:g}, outside the image of "
        f"{size[row, 0]:g} x {size[row, 1]:g} pixels (width x height)."
        for row in np.flatnonzero(has & ~inside).tolist()
    }
    has &= inside
    start = np.concatenate([[0], np.cumsum(has)]).astype(np.int64)
    return Positions(slide[has], x_px[has], y_px[has], start), outside


def on_tissue(
    rows: Sequence[Sequence[int]],
    slides: SlideWindows,
    window_px: Ints,
    *,
    overlap: float,
    at_least: float,
    name: str,
) -> tuple[Positions, Mapping[Path, str]]:
    """Patches on a grid over the tissue of each row's slides; kept in the cache by content.

    Args:
        rows: Numbers of the slides of each row.
        slides: The slides.
        window_px: (slides,) side of the windows.
        overlap: Share of a window that it has in common with the next, from 0 to below 1.
        at_least: Least share of tissue in a window.
        name: The modality, for lines of progress.

    Returns:
        The positions; slides without tissue, and why.
    """
    wanted = list(dict.fromkeys(number for numbers in rows for number in numbers))
    of_slide: dict[int, tuple[Floats, Floats]] = {}
    failed: dict[Path, str] = {}
    progress = FileProgress(name, len(wanted), "slides searched for tissue", is_brief=True)
    for number in wanted:
        side, path = int(window_px[number]), slides.infos[number].path
        settings = {"kind": "tissue tiles", "side": side, "overlap": overlap, "share": at_least}
        key = slides.cache.key(settings, path)
        kept = slides.cache.load(key)
        try:
            if kept is None:
                found = tissue_tiles(
                    slides.slide(number), side, overlap=overlap, at_least=at_least,
                    cache=slides.cache,
                )  # fmt: skip
                kept = np.stack(found)
                slides.cache.store(key, kept)
        except InputError as error:
            kept = np.empty((2, 0))
            failed[path] = str(error)
        of_slide[number] = (kept[0], kept[1])
        progress.step()
    n = [sum(len(of_slide[number][0]) for number in numbers) for numbers in rows]
    flat = [number for numbers in rows for number in numbers]
    empty = [np.empty(0)]
    at = Positions(
        np.repeat(np.asarray(flat, np.int64), [len(of_slide[number][0]) for number in flat]),
        np.concatenate([of_slide[number][0] for number in flat] or empty),
        np.concatenate([of_slide[number][1] for number in flat] or empty),
        np.concatenate([[0], np.cumsum(n)]).astype(np.int64),
    )
    return at, failed


def _numbers(cohort: Cohort, column: str, name: str) -> Floats:
    if column not in cohort.columns:
        raise InputError(
            f"{cohort.table.name}: {name} needs column {column!r}, absent. "
            f"{nearest(column, list(cohort.columns))}"
        )
    return parse_numbers(
        cohort.columns[column],
        column=column,
        lines=cohort.line,
        patient_ids=cohort.patient_id,
        table=cohort.table,
    )
