"""TIFF slides: memory-mapped where nothing is packed, else read by tile or by strip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.array_slides import ArraySlide
from tumorboard.formats.pixels import MAX_PIXELS, check_pixel_count
from tumorboard.formats.slide_regions import Bytes, Slide, SlideInfo
from tumorboard.formats.slide_scale import tiff_mpp
from tumorboard.formats.tiff_levels import TiffLevel, pyramid
from tumorboard.formats.tile_memory import TileMemory

#: Decoded tiles of one slide that are kept: two rows of a 40,000 px wide slide in tiles of 256.
TILE_BYTES = 64 * 1024 * 1024

_WHITE = 255
_SEPARATE = 2  # TIFF: planar configuration


def open_tiff(path: Path, *, tile_bytes: int = TILE_BYTES) -> Slide | None:
    """Open a TIFF for reading by region; None where its pixels must be decoded as a whole.

    Decoded as a whole are the small ones that are packed in strips, turned by a tag, or of another
    kind than 8-bit grey or RGB: `formats.images` knows them all. Levels of a pyramid may be sub-
    images (OME) or pages (Aperio, libvips). Tiles that the file leaves out are white, as glass is.

    Args:
        path: The file.
        tile_bytes: Bytes of decoded tiles that are kept.

    Raises:
        InputError: Damaged, several pictures of one size (a stack), or too large to be decoded as
            a whole.
    """
    import tifffile

    try:
        file = tifffile.TiffFile(path)
        try:
            slide = _open(path, file, tile_bytes)
        except BaseException:
            file.close()
            raise
        if not isinstance(slide, TiffSlide):
            file.close()
        return slide
    except (InputError, FileNotFoundError, PermissionError, MemoryError):
        raise
    except Exception as error:  # tifffile raises many kinds of error on damaged files
        raise InputError(
            f"{path}: damaged or unreadable TIFF ({_line(error)}). Copy or export it again."
        ) from error


def _open(path: Path, file: Any, tile_bytes: int) -> Slide | None:
    series = file.series[0]
    if len(series.levels[0].pages) > 1:
        raise InputError(
            f"{path}: {len(series.levels[0].pages)} pictures of one size; a slide is one picture. "
            "Export one picture per file."
        )
    levels = [TiffLevel.of(page) for page in pyramid(file)]
    finest, page = levels[0], levels[0].page
    is_plain = all(level.is_plain for level in levels)
    is_one = len(levels) == 1
    info = SlideInfo(
        path,
        finest.height,
        finest.width,
        mpp=tiff_mpp(file),
        downsamples=tuple(finest.downsample(level) for level in levels),
    )
    if is_plain and is_one and page.is_memmappable and page.samplesperpixel in (1, 3):
        return ArraySlide(info, _mapped(path, finest))
    is_small = finest.height * finest.width <= MAX_PIXELS
    if is_one and is_small and not (is_plain and page.is_tiled):
        return None
    if not is_plain:
        raise InputError(
            f"{path}: {page.samplesperpixel} x {page.dtype} of kind {_kind(page)}, too large to be "
            "decoded as a whole; expected 8-bit grey or RGB, not turned by a tag. Export it again."
        )
    for level in levels:  # one strip may be the whole slide
        check_pixel_count(path, level.tile_height, level.tile_width)
    return TiffSlide(info, levels, file, tile_bytes=tile_bytes)


def _mapped(path: Path, level: TiffLevel) -> Bytes:
    """The pixels of an unpacked TIFF as they lie on the disk."""
    page = level.page
    pixels: Any = np.memmap(path, np.uint8, "r", offset=page.dataoffsets[0], shape=page.shape)
    if page.samplesperpixel == 1:
        return np.broadcast_to(pixels.reshape(level.height, level.width, 1), (*pixels.shape, 3))
    return np.moveaxis(pixels, 0, -1) if page.planarconfig == _SEPARATE else pixels


class TiffSlide(Slide):
    """A TIFF slide whose tiles are decoded when they are asked for.

    Args:
        info: Size and scale.
        levels: The levels, finest first.
        file: The open `tifffile.TiffFile`.
        tile_bytes: Bytes of decoded tiles that are kept.
    """

    def __init__(
        self, info: SlideInfo, levels: Sequence[TiffLevel], file: Any, *, tile_bytes: int
    ) -> None:
        super().__init__(info, [(level.height, level.width) for level in levels])
        self.memory = TileMemory(tile_bytes)
        self._levels = tuple(levels)
        self._file = file
        self._lock = Lock()

    def close(self) -> None:
        """Close the file and forget its tiles."""
        self._file.close()
        self.memory.clear()

    def _order(self, left: NDArray[np.int64], top: NDArray[np.int64]) -> NDArray[np.int64]:
        """Tile by tile, so that each is decoded once."""
        level = self._levels[0]
        return np.lexsort((left // level.tile_width, top // level.tile_height))

    def _region(self, x: int, y: int, width: int, height: int, level: int) -> Bytes:
        cut = self._levels[level]
        out = np.empty((height, width, 3), dtype=np.uint8)
        for row in range(y // cut.tile_height, (y + height - 1) // cut.tile_height + 1):
            tile_top = row * cut.tile_height
            top, bottom = max(y, tile_top), min(y + height, tile_top + cut.tile_height)
            for column in range(x // cut.tile_width, (x + width - 1) // cut.tile_width + 1):
                tile_left = column * cut.tile_width
                left, right = max(x, tile_left), min(x + width, tile_left + cut.tile_width)
                tile = self._tile(level, row, column)
                out[top - y : bottom - y, left - x : right - x] = tile[
                    top - tile_top : bottom - tile_top, left - tile_left : right - tile_left
                ]
        return out

    def _tile(self, level: int, row: int, column: int) -> Bytes:
        place = (level, row, column)
        kept = self.memory.get(place)
        if kept is not None:
            return kept
        cut = self._levels[level]
        shape = (
            min(cut.tile_height, cut.height - row * cut.tile_height),
            min(cut.tile_width, cut.width - column * cut.tile_width),
        )
        number = row * cut.across + column
        is_separate = cut.page.planarconfig == _SEPARATE and cut.page.samplesperpixel > 1
        n_planes = int(cut.page.samplesperpixel) if is_separate else 1
        numbers = [number + plane * cut.down * cut.across for plane in range(n_planes)]
        if all(
            at < len(cut.page.databytecounts) and not cut.page.databytecounts[at] for at in numbers
        ):
            return np.broadcast_to(np.uint8(_WHITE), (*shape, 3))  # left out: costs no memory
        try:
            planes = [self._decoded(cut, at, shape) for at in numbers]
        except MemoryError:
            raise
        except Exception as error:  # each codec raises its own kind of error
            raise InputError(
                f"{self.info.path}: tile {number + 1} of {cut.down * cut.across} at level {level} "
                f"(x {column * cut.tile_width}, y {row * cut.tile_height}) is damaged "
                f"({_line(error)}). Copy or scan the slide again."
            ) from error
        samples = np.concatenate(planes, axis=-1) if n_planes > 1 else planes[0]
        tile = on_white(samples, _alpha(cut.page))
        if shape != (cut.tile_height, cut.tile_width):
            tile = tile.copy()  # a view would keep the whole tile of which it is the edge
        self.memory.keep(place, tile)
        return tile

    def _decoded(self, cut: TiffLevel, number: int, shape: tuple[int, int]) -> Bytes:
        """Samples (height, width, S) of one tile; white where the file leaves it out."""
        page = cut.page
        n_samples = 1 if page.planarconfig == _SEPARATE else int(page.samplesperpixel)
        if number >= len(page.dataoffsets):
            raise ValueError(f"the file lists {len(page.dataoffsets)} tiles")
        offset, n_bytes = page.dataoffsets[number], page.databytecounts[number]
        if n_bytes == 0:
            return np.full((*shape, n_samples), _WHITE, dtype=np.uint8)
        with self._lock:
            self._file.filehandle.seek(offset)
            data = self._file.filehandle.read(n_bytes)
        if len(data) < n_bytes:
            raise ValueError(f"{len(data)} of its {n_bytes} bytes")
        options = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
        segment = np.asarray(page.decode(data, number, **options)[0])
        tile = segment.reshape(-1, *segment.shape[-2:])[: shape[0], : shape[1]]
        if tile.shape != (*shape, n_samples):
            raise ValueError(f"decodes to {tile.shape}, expected {(*shape, n_samples)}")
        return tile


def on_white(samples: Bytes, alpha: str) -> Bytes:
    """(height, width, 3) from grey, RGB or RGBA; transparent is white, as the glass around tissue.

    Args:
        samples: (height, width, 1, 3 or 4).
        alpha: What the fourth sample is: `straight`, `premultiplied`, or `none`, which drops it.
    """
    if samples.shape[-1] == 1:
        return np.repeat(samples, 3, axis=-1)
    colours = samples[..., :3]
    if samples.shape[-1] == 3 or alpha == "none" or samples[..., 3].min() == _WHITE:
        return np.ascontiguousarray(colours)
    opacity = samples[..., 3:].astype(np.uint16)
    ground = _WHITE * (_WHITE - opacity)
    ink = colours * (np.uint16(_WHITE) if alpha == "premultiplied" else opacity)
    total = (ink + ground + _WHITE // 2) // _WHITE
    return np.minimum(total, _WHITE).astype(np.uint8)


def _alpha(page: Any) -> str:
    """TIFF tag 338: 1 is premultiplied, 2 straight alpha, anything else is no opacity."""
    kinds = tuple(page.extrasamples or ())
    return {1: "premultiplied", 2: "straight"}.get(int(kinds[0]) if kinds else 0, "none")


def _kind(page: Any) -> str:
    return getattr(page.photometric, "name", str(page.photometric))


def _line(error: Exception) -> str:
    text = (str(error).splitlines() or [""])[0].strip()
    return (text or type(error).__name__)[:160]
