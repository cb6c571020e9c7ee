"""Where a slide holds stained tissue, and the windows of a grid that lie on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.cache import Cache
from tumorboard.errors import InputError
from tumorboard.formats.slides import Slide
from tumorboard.records import Bools, Floats

Bytes = NDArray[np.uint8]

#: Longer side of the thumbnail that tissue is looked for in, in pixels.
THUMBNAIL_PX = 2048
#: Saturation (HSV, 0 to 1) between which the threshold is chosen. Glass under a scanner's lamp is
#: below the first, so that a blank slide holds no tissue; pale stroma is above the second, so that
#: an image without glass, whose histogram has nothing to tell apart, is tissue all over.
SATURATION = (0.05, 0.15)
#: Spots and holes of fewer pixels of the thumbnail are dust, or gaps between cells.
SMALLEST_PX = 64
#: Darkest colour that is still tissue, of 255: below are black ink, the slide holder, no scan.
_BLACK = 50
#: Ink of a blue or green pen: strongly coloured, and green passes better than red. Haematoxylin,
#: eosin and DAB take away more of green; red ink cannot be told from eosin by colour.
_PEN_SATURATION, _PEN_GREEN = 0.4, 20
_BLOCK_PIXELS = 4_000_000  # of a level that are read at once for the thumbnail


def tissue_tiles(
    slide: Slide, window_px: int, *, overlap: float = 0.0, at_least: float = 0.5,
    cache: Cache | None = None,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Centres of the square windows on tissue, of a grid centred on the slide, row by row.

    Args:
        slide: The slide.
        window_px: Side of the windows, in pixels of level 0.
        overlap: Share of a window's side that it has in common with the next, 0 to below 1.
        at_least: Least share of a window that is tissue.
        cache: Where the slide in small is kept; None keeps none.

    Returns:
        x (n,) and y (n,) of the centres in pixels of level 0, from the left and top edge.

    Raises:
        InputError: No window holds enough tissue, the slide is smaller than a window, or its pixels
            are damaged.
    """
    info = slide.info
    if not 1 <= window_px <= min(info.height_px, info.width_px):
        raise InputError(
            f"{info.path}: {info.width_px} x {info.height_px} pixels (width x height), smaller "
            f"than a window of {window_px} pixels. Choose a smaller window, or leave the slide out."
        )
    small, scale = thumbnail(slide) if cache is None else kept_thumbnail(slide, cache)
    mask = tissue_mask(small)
    step = max(1, round(window_px * (1 - overlap)))
    left = _grid(info.width_px, window_px, step)
    top = _grid(info.height_px, window_px, step)
    share = window_shares(mask, left / scale, top / scale, window_px / scale)
    row, column = np.nonzero(share >= at_least)
    if len(row) == 0:
        raise InputError(
            f"{info.path}: 0 of {share.size:,} windows of {window_px} pixels hold at least "
            f"{at_least:.0%} tissue; tissue covers {mask.mean():.1%} of the slide. Check that it "
            "is stained and in colour, or leave it out."
        )
    return left[column] + window_px / 2, top[row] + window_px / 2


def thumbnail(slide: Slide, *, longest_px: int = THUMBNAIL_PX) -> tuple[Bytes, float]:
    """The slide in small: (height, width, 3), and how many pixels of level 0 one of its spans.

    The mean of whole blocks of the coarsest level that is fine enough, read part by part, so that
    memory does not grow with a slide that has no such level.

    Args:
        slide: The slide.
        longest_px: Its longer side is at most that.
    """
    wanted = max(1.0, max(slide.info.height_px, slide.info.width_px) / longest_px)
    level = slide.best_level(wanted)
    scale = slide.info.downsamples[level]
    height, width = slide.level_sizes[level]
    block = max(1, -(-max(height, width) // longest_px))
    out = np.empty((-(-height // block), -(-width // block), 3), dtype=np.uint8)
    side = max(1, int(_BLOCK_PIXELS**0.5) // block)  # of a part, in pixels of the thumbnail
    for top in range(0, out.shape[0], side):
        for left in range(0, out.shape[1], side):
            part = out[top : top + side, left : left + side]
            x, y = left * block, top * block
            size = (min(part.shape[1] * block, width - x), min(part.shape[0] * block, height - y))
            part[:] = _block_means(slide.read(x, y, *size, level=level), block)
    return out, scale * block


def kept_thumbnail(slide: Slide, cache: Cache) -> tuple[Bytes, float]:
    """`thumbnail`, kept in the cache by content: a slide without such a level is read but once.

    Raises:
        InputError: The slide's pixels are damaged.
    """
    settings = {"kind": "slide thumbnail", "longest": THUMBNAIL_PX}
    key, scale_key = (cache.key({**settings, "part": part}, slide.info.path) for part in "ps")
    kept, scale = cache.load(key), cache.load(scale_key)
    if kept is None or scale is None:
        kept, of_slide = thumbnail(slide)
        scale = np.asarray(of_slide)
        cache.store(key, kept)
        cache.store(scale_key, scale)
    return kept, float(scale)


def tissue_mask(pixels: Bytes) -> Bools:
    """Where (height, width) of a thumbnail is stained tissue: neither glass, ink nor dust.

    Tissue is more saturated than glass by Otsu's threshold, within `SATURATION`. Black and what has
    the colour of a blue or green pen is left out; then spots and holes below `SMALLEST_PX`.

    Args:
        pixels: (height, width, 3) uint8, red, green, blue.

    Source:
        Otsu, IEEE Trans Syst Man Cybern 1979;9:62-66. Saturation as in Lu et al., Nat Biomed Eng
        2021;5:555-570 (CLAM).
    """
    from scipy.ndimage import gaussian_filter

    brightest = pixels.max(axis=2)
    spread = (brightest - pixels.min(axis=2)).astype(np.float32)
    saturation = spread / np.maximum(brightest, 1)
    greener = pixels[..., 1].astype(np.int16) - pixels[..., 0]
    is_ink = (saturation > _PEN_SATURATION) & (greener > _PEN_GREEN)
    is_ink |= brightest < _BLACK
    smooth: NDArray[Any] = gaussian_filter(saturation, 1.0)
    threshold = float(np.clip(otsu(smooth[~is_ink]), *SATURATION))
    mask = _without_small((smooth > threshold) & ~is_ink)
    return ~_without_small(~mask)


def otsu(values: NDArray[Any], *, n_bins: int = 256) -> float:
    """Threshold between two groups of values in 0..1 whose means lie furthest apart.

    Of the thresholds that are equally good, the middle. 0 where there are no values.

    Source:
        Otsu 1979: the threshold maximises the variance between groups, equation 18.
    """
    counts = np.histogram(values, bins=n_bins, range=(0.0, 1.0))[0].astype(np.float64)
    if counts.sum() == 0:
        return 0.0
    centres = (np.arange(n_bins) + 0.5) / n_bins
    below, sums = np.cumsum(counts), np.cumsum(counts * centres)
    above = below[-1] - below
    mean_below = sums / np.maximum(below, 1)
    mean_above = (sums[-1] - sums) / np.maximum(above, 1)
    between = below * above * (mean_below - mean_above) ** 2
    best = np.flatnonzero(between >= between.max() * (1 - 1e-12))
    return float((best.mean() + 1) / n_bins)


def window_shares(mask: Bools, left: Floats, top: Floats, side: float) -> Floats:
    """Share of tissue (rows, columns) in the windows with these corners, by exact area.

    Args:
        mask: (height, width) of the thumbnail.
        left: (columns,) left edges in pixels of the thumbnail, with fractions.
        top: (rows,) top edges.
        side: Side of the windows.
    """
    table = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1))
    table[1:, 1:] = mask.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    rows = _at(table, top + side) - _at(table, top)
    return (_at(rows.T, left + side) - _at(rows.T, left)).T / side**2


def _at(table: Floats, place: Floats) -> Floats:
    """Rows of a cumulative table at places between them: linear, since pixels are uniform."""
    place = np.clip(place, 0, len(table) - 1)
    low = np.minimum(place.astype(np.int64), max(len(table) - 2, 0))
    part = (place - low)[:, np.newaxis]
    return table[low] * (1 - part) + table[low + 1] * part


def _grid(size: int, window: int, step: int) -> Floats:
    """Edges of the windows that fit, what is left over shared between both ends."""
    start = (size - window) % step // 2
    return np.arange(start, size - window + 1, step, dtype=np.float64)


def _block_means(pixels: Bytes, block: int) -> Bytes:
    """Means of blocks; what is missing in the last ones is like the border."""
    if block == 1:
        return pixels
    fill = [(0, -n % block) for n in pixels.shape[:2]]
    full = np.pad(pixels, [*fill, (0, 0)], mode="edge") if any(map(max, fill)) else pixels
    rows, columns = full.shape[0] // block, full.shape[1] // block
    # Down first, along memory: several times faster than both sums at once.
    down = full.reshape(rows, block, -1).sum(axis=1, dtype=np.uint32)
    sums = down.reshape(rows, columns, block, 3).sum(axis=2)
    return ((sums + block * block // 2) // (block * block)).astype(np.uint8)


def _without_small(mask: Bools) -> Bools:
    """The mask without its connected parts of fewer than `SMALLEST_PX` pixels."""
    from scipy.ndimage import label

    found: Any = label(mask)
    labels, n_parts = found
    sizes = np.bincount(labels.ravel(), minlength=n_parts + 1)
    is_kept = sizes >= SMALLEST_PX
    is_kept[0] = False
    return is_kept[labels]
