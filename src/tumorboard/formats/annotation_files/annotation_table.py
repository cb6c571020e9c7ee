"""CSV and TSV of annotations: x, y, class, and where known width, height and image.

x and y are centres, also of boxes. The names of `tumorboard table` (x_px, y_px, width_px,
height_px) are taken as well, and then the file counts in pixels. Boxes may be given by their
corners instead: xmin, ymin, xmax, ymax (or x_min ..., or x1, y1, x2, y2), which leave no doubt and
so come before x and y where a table has both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tumorboard.errors import InputError
from tumorboard.formats.annotations import Annotation, AnnotationFile, number_of
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.tables import Table, read_table

Cells = list[float | None]

#: Left, top, right and bottom of boxes, as other programs call them.
_CORNERS = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("x1", "y1", "x2", "y2"),
)


def read_annotation_table(path: Path) -> AnnotationFile:
    """Annotations of a table; rows without a class are listed as left out.

    An empty width and height is a dot. The number of an annotation is its line.

    Raises:
        InputError: Columns that are missing, or cells that are no numbers; says row and column.
    """
    table = read_table(path)
    columns = {name.strip().lower(): name for name in table.columns}
    absent = _absent(columns)
    if absent:
        raise InputError(
            f"{path.name}: no column {listed(absent)}; expected class and x, y (the centre, also "
            "of a box) with, where known, width, height; or the corners of boxes, xmin, ymin, "
            f"xmax, ymax. Found {listed(table.columns)}."
        )
    x, y, width, height = _corners(table, columns) or _centres(table, columns)
    names = [(cell or "").strip() for cell in table.cells[columns["class"]]]
    images: Sequence[str | None] = [""] * table.n_rows
    if "image" in columns:
        images = table.cells[columns["image"]]
        _refuse_empty(table, columns["image"])
    found = [
        Annotation(name, one_x or 0.0, one_y or 0.0, w, h, line, (image or "").strip())
        for name, one_x, one_y, w, h, line, image in zip(
            names, x, y, width, height, table.lines, images, strict=True
        )
        if name
    ]
    unnamed = [str(line) for line, name in zip(table.lines, names, strict=True) if not name]
    return AnnotationFile(
        path, "CSV", tuple(found), tuple(dict.fromkeys(one.class_name for one in found)),
        is_pixels=_is_of_ours(columns) and not _corner_names(columns),
        left_out=(f"row {listed(unnamed)}: no class",) if unnamed else (),
    )  # fmt: skip


def _is_of_ours(columns: Mapping[str, str]) -> bool:
    return "x_px" in columns and "x" not in columns


def _corner_names(columns: Mapping[str, str]) -> tuple[str, ...]:
    """Left, top, right and bottom as this table calls them; none where one is missing."""
    for names in _CORNERS:
        if all(name in columns for name in names):
            return names
    return ()


def _absent(columns: Mapping[str, str]) -> list[str]:
    suffix = "_px" if _is_of_ours(columns) else ""
    place = () if _corner_names(columns) else (f"x{suffix}", f"y{suffix}")
    return [name for name in (*place, "class") if name not in columns]


def _centres(table: Table, columns: Mapping[str, str]) -> tuple[Cells, Cells, Cells, Cells]:
    """Centres, and sizes where the table has them."""
    suffix = "_px" if _is_of_ours(columns) else ""
    x, y = (_numbers(table, columns[f"{name}{suffix}"]) for name in ("x", "y"))
    sizes: list[Cells] = []
    for name in (f"width{suffix}", f"height{suffix}"):
        none: Cells = [None] * table.n_rows
        has = name in columns
        sizes.append(_numbers(table, columns[name], may_be_empty=True) if has else none)
    _refuse_half_boxes(table, *sizes)
    return x, y, sizes[0], sizes[1]


def _corners(table: Table, columns: Mapping[str, str]) -> tuple[Cells, Cells, Cells, Cells] | None:
    """Centres and sizes of boxes that are given by their corners; None where they are not."""
    names = _corner_names(columns)
    if not names:
        return None
    left, top, right, bottom = (
        np.asarray(_numbers(table, columns[name]), np.float64) for name in names
    )
    wrong = np.flatnonzero((right < left) | (bottom < top))
    if len(wrong):
        rows = listed([str(table.lines[int(row)]) for row in wrong])
        raise InputError(
            f"{table.path.name}: {names[2]} below {names[0]}, or {names[3]} below {names[1]}, in "
            f"row {rows}. {names[0]}, {names[1]} is the left top corner."
        )
    x, y, width, height = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
    return x.tolist(), y.tolist(), width.tolist(), height.tolist()


def _numbers(table: Table, column: str, *, may_be_empty: bool = False) -> Cells:
    return [
        None
        if may_be_empty and not (cell or "").strip()
        else number_of(cell or "", path=table.path, where=f"row {line}, column {column}")
        for cell, line in zip(table.cells[column], table.lines, strict=True)
    ]


def _refuse_half_boxes(
    table: Table, width: Sequence[float | None], height: Sequence[float | None]
) -> None:
    odd = [
        str(line)
        for line, w, h in zip(table.lines, width, height, strict=True)
        if (w is None) != (h is None) or (w is not None and min(w, h or 0.0) < 0)
    ]
    if odd:
        raise InputError(
            f"{table.path.name}: {counted(len(odd), 'box', 'boxes')} with a width without a "
            f"height, or a negative one: row {listed(odd)}."
        )


def _refuse_empty(table: Table, column: str) -> None:
    cells = zip(table.lines, table.cells[column], strict=True)
    empty = [str(line) for line, cell in cells if not (cell or "").strip()]
    if empty:
        raise InputError(f"{table.path.name}, column {column}: no image in row {listed(empty)}.")
