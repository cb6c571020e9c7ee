"""Pictures of heat maps: the image as it is, and beside it the map over it with the lesion."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tumorboard.cache import write_atomic
from tumorboard.evaluation.explanation_table import HeatMapRow
from tumorboard.prediction.kept_maps import KeptMap, read_map
from tumorboard.records import Bools, Floats
from tumorboard.report.overlay_colours import overlaid
from tumorboard.report.three_planes import three_planes
from tumorboard.report.window_band import band

#: Shortest side of each of the two images in a picture, px.
_SIDE = 256
_GAP = 6

RGB = NDArray[np.uint8]


def side_by_side(kept: KeptMap) -> RGB:
    """(H, W, 3) the image, and the map over the image with the outline of the lesion.

    Of a volume three planes through the map's largest value. Below a slide those of its windows
    that stand out.
    """
    if kept.map.ndim == 3:
        return three_planes(kept)
    pixels = strip([kept])
    if kept.windows is None:
        return pixels
    return np.concatenate([pixels, band(kept.windows, pixels.shape[1])])


def strip(maps: Sequence[KeptMap]) -> RGB:
    """(H, W, 3) the image once, then every map over it, of maps of one image.

    Of volumes each map shows its own slice; the image is that of the first.
    """
    drawn = [_with_map(kept) for kept in maps]
    height = max(len(over) for _, over in drawn)
    columns = [drawn[0][0], *(over for _, over in drawn)]
    pieces: list[RGB] = []
    for pixels in columns:
        below = ((0, height - len(pixels)), (0, 0), (0, 0))
        gap = np.full((height, _GAP, 3), 255, dtype=np.uint8)
        pieces += [np.pad(pixels, below, constant_values=255), gap]
    return np.concatenate(pieces[:-1], axis=1)


def _with_map(kept: KeptMap) -> tuple[RGB, RGB]:
    """The image, and the map over the image with the outline of the lesion."""
    grey, strength, mask = _flat(kept)
    factor = max(1, -(-_SIDE // min(strength.shape)))
    image = _enlarged(grey, factor)
    heat = np.asarray(_enlarged(strength, factor, smooth=True), dtype=np.float64)
    inside = None if mask is None else mask.repeat(factor, axis=0).repeat(factor, axis=1)
    return np.round(image).astype(np.uint8), overlaid(image, heat, inside)


def as_png(pixels: RGB) -> bytes:
    """The pixels as a PNG file's content."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="PNG")
    return content.getvalue()


def as_jpeg(pixels: RGB) -> bytes:
    """The pixels as a JPEG file's content: for a page with many, a fifth of the PNG."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="JPEG", quality=85)
    return content.getvalue()


def data_uri(content: bytes) -> str:
    """A PNG or JPEG as an address that needs no file."""
    kind = "png" if content.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def write_picture(folder: Path, row: HeatMapRow) -> tuple[Path, bytes]:
    """Write the picture of one row of heat_maps.csv beside its arrays; `folder` holds the arms.

    Returns:
        The file, and its content.
    """
    stem = Path(row.file).stem
    path = folder / row.arm / "pictures" / f"{stem}-{row.index}.png"
    png = as_png(side_by_side(read_map(folder, row)))
    write_atomic(path, lambda temporary: temporary.write_bytes(png))
    return path, png


def _flat(kept: KeptMap) -> tuple[Floats, Floats, Bools | None]:
    """Image (H, W, 3) in 0..255, map (H, W) and mask (H, W)."""
    image, strength, mask = kept.image, kept.map.astype(np.float64), kept.mask
    if strength.ndim == 3:
        z = int(np.unravel_index(strength.argmax(), strength.shape)[2])
        # Seen from the feet: the patient's right on the left, the front on top.
        image, strength = image[:, ::-1, ::-1, z].swapaxes(1, 2), strength[::-1, ::-1, z].T
        mask = None if mask is None else mask[::-1, ::-1, z].T
    colours = len(image) == 3 and kept.map.ndim == 2
    shown = image if colours else image[len(image) // 2][None].repeat(3, axis=0)
    return np.moveaxis(shown, 0, -1).astype(np.float64), strength, mask


def _enlarged(values: Floats, factor: int, *, smooth: bool = False) -> Floats:
    """Values (H, W, ...) on a grid `factor` times as fine; squares, or smooth between them."""
    if not smooth:
        return values.repeat(factor, axis=0).repeat(factor, axis=1)
    from tumorboard.transforms.heat_maps import enlarge

    size = (values.shape[0] * factor, values.shape[1] * factor)
    return enlarge(values[None].astype(np.float32), size)[0].astype(np.float64)
