"""Contact sheets: the images of wrongly called patients side by side, as one PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.cache import write_atomic
from tumorboard.errors import InputError
from tumorboard.evaluation.image_numbers import Picture
from tumorboard.formats.images import read_pixels
from tumorboard.formats.pixels import to_unit
from tumorboard.formats.slices import middle_page

if TYPE_CHECKING:
    from PIL.Image import Image

#: Images of a sheet: the most confident errors of a kind.
MAX_IMAGES = 18
_COLUMNS, _SIDE, _GAP, _CAPTION = 6, 160, 8, 34  # px


def write_contact_sheets(
    run: Path, document: Mapping[str, Any], paths: Mapping[str, Picture]
) -> list[dict[str, Any]]:
    """Write figures/errors_<kind>.png of a run, one sheet per kind of error.

    Put the result into the document as `sheets`. A sheet that cannot be made says why.

    Args:
        run: The run folder.
        document: Evidence "errors".
        paths: Unit id -> its image, a file or made on call; units without one are left out and
            counted.

    Returns:
        [{kind, file | None, n_errors, n_shown, n_without_image, unreadable: [unit_id], note}], the
        most frequent kind first, of the three most frequent kinds.
    """
    found: list[dict[str, Any]] = []
    for kind in list(document["kinds"])[:3]:
        errors = [error for error in document["errors"] if error["kind"] == kind]
        found.append(_write_sheet(run, kind, errors, paths))
    return found


def _write_sheet(
    run: Path, kind: str, errors: Sequence[Mapping[str, Any]], paths: Mapping[str, Picture]
) -> dict[str, Any]:
    with_image = [error for error in errors if error["unit_id"] in paths]
    tiles: list[tuple[Image, str, str]] = []
    unreadable: list[str] = []
    for error in with_image[:MAX_IMAGES]:
        try:
            picture = _thumbnail(paths[error["unit_id"]])
        except (InputError, OSError):
            unreadable.append(error["unit_id"])
            continue
        below = f"p {error['probability']:.2f}, wrong {error['n_wrong']}/{error['n_repeats']}"
        tiles.append((picture, error["unit_id"], below))
    sheet: dict[str, Any] = {
        "kind": kind, "file": None, "n_errors": len(errors), "n_shown": len(tiles),
        "n_without_image": len(errors) - len(with_image), "unreadable": unreadable, "note": "",
    }  # fmt: skip
    if not tiles:
        sheet["note"] = f"No contact sheet of the {kind}s: none of them has an image to show."
        if unreadable:
            sheet["note"] = (
                f"No contact sheet of the {kind}s: their images were not there or could not be "
                f"read ({', '.join(unreadable[:3])})."
            )
        return sheet
    name = f"errors_{''.join(c if c.isalnum() else '_' for c in kind)}.png"
    (run / "figures").mkdir(parents=True, exist_ok=True)
    image = _sheet(tiles)
    write_atomic(run / "figures" / name, lambda path: image.save(path, format="PNG"))
    sheet["file"] = f"figures/{name}"
    return sheet


def _thumbnail(source: Picture) -> Image:
    """One image scaled to fit a tile, in grey or colour, on black."""
    from PIL import Image, ImageOps

    picture = Image.fromarray(_pixels(source))
    picture = ImageOps.contain(picture, (_SIDE, _SIDE))
    canvas = Image.new("RGB", (_SIDE, _SIDE))
    canvas.paste(picture, ((_SIDE - picture.width) // 2, (_SIDE - picture.height) // 2))
    return canvas


def _pixels(source: Picture) -> NDArray[np.uint8]:
    """(H, W) or (H, W, 3)."""
    if not isinstance(source, Path):
        return np.ascontiguousarray(source())
    pixels = read_pixels(source, page=middle_page(source, 0))
    unit = np.nan_to_num(to_unit(pixels, window="percentile"))
    values = np.rint(255 * unit).astype(np.uint8)
    return values[0] if len(values) == 1 else np.moveaxis(values, 0, -1)


def _sheet(tiles: Sequence[tuple[Image, str, str]]) -> Image:
    from PIL import Image, ImageDraw, ImageFont

    columns = min(_COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    step_x, step_y = _SIDE + _GAP, _SIDE + _CAPTION + _GAP
    sheet = Image.new("RGB", (columns * step_x + _GAP, rows * step_y + _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(12)
    for i, (picture, name, below) in enumerate(tiles):
        x, y = _GAP + i % columns * step_x, _GAP + i // columns * step_y
        sheet.paste(picture, (x, y))
        shown = name if len(name) <= 24 else f"{name[:23]}…"
        draw.text((x, y + _SIDE + 2), shown, fill="#1f2933", font=font)
        draw.text((x, y + _SIDE + 17), below, fill="#6b7785", font=font)
    return sheet
