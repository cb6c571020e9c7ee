"""CSV and TSV of annotations: x, y, class, and where known width, height and image.

x and y are centres, also of boxes. The names of `tumorboard table` (x_px, y_px, width_px,
height_px) are taken as well, and then the file counts in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tumorboard.errors import InputError
from tumorboard.formats.annotations import Annotation, AnnotationFile, number_of
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.tables import Table, read_table


def read_annotation_table(path: Path) -> AnnotationFile:
    """Annotations of a table; rows without a class are listed as left out.

    An empty width and height is a dot. The number of an annotation is its line.

    Raises:
        InputError: Columns that are missing, or cells that are no numbers; says row and column.
    """
    table = read_table(path)
    columns = {name.strip().lower(): name for name in table.columns}
    suffix = "_px" if "x_px" in columns and "x" not in columns else ""
    wanted = (f"x{suffix}", f"y{suffix}", "class")
    absent = [name for name in wanted if name not in columns]
    if absent:
        raise InputError(
            f"{path.name}: no column {listed(absent)}; expected x, y, class and, where known, "
            f"width, height, image. Found {listed(table.columns)}."
        )
    x, y = (_numbers(table, columns[name]) for name in wanted[:2])
    width, height = (
        _numbers(table, columns[f"{name}{suffix}"], may_be_empty=True)
        if f"{name}{suffix}" in columns
        else [None] * table.n_rows
        for name in ("width", "height")
    )
    _refuse_half_boxes(table, width, height)
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
        is_pixels=suffix == "_px",
        left_out=(f"row {listed(unnamed)}: no class",) if unnamed else (),
    )  # fmt: skip


def _numbers(table: Table, column: str, *, may_be_empty: bool = False) -> list[float | None]:
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
