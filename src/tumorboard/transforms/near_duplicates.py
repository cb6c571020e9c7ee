"""Pairs of pictures that are one picture, though recompressed, resized, brightened or turned.

Three steps. (1) Every picture becomes a descriptor of 256 numbers: what it shows between 1 and 6 px
of a 64 px picture, averaged to 16 x 16, with mean 0 and length 1, so that brightness and contrast
do not count; what all pictures of the cohort have in common is subtracted. (2) Candidates are pairs
that fall into one bucket of locality-sensitive hashing by random hyperplanes (Charikar, STOC 2002)
in any of the eight orientations of a square, and whose descriptors then correlate. (3) A candidate
is verified on its pixels, tile by tile: fine detail agrees all over a copy, and nowhere in two
pictures that merely look alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.records import Bools, Floats, Ints

#: Name of each orientation: what turns the second picture into the first.
ORIENTATIONS = (
    "upright", "turned 90 degrees", "turned 180 degrees", "turned 270 degrees",
    "mirrored left to right", "mirrored left to right, turned 90 degrees",
    "mirrored top to bottom", "mirrored left to right, turned 270 degrees",
)  # fmt: skip
#: Descriptors of a candidate correlate at least so much. Copies of JPEG quality 50 at 60 % of the
#: size and 15 % brighter reach 0.95 and more, of ultrasound and dermatoscopic images 0.98; less
#: where all pictures share a strong edge.
_CANDIDATE = 0.80
#: In a copy at least this share of the tiles with detail agrees, each correlated at least so much.
#: Copies as above reach 0.95. Among 3,206 images of HAM10000 two of different lesions reach 0.7.
_TILES_AGREE, _TILE_CORRELATION = 0.85, 0.5
#: Fewer tiles with detail than this prove nothing: the picture is too smooth.
_FEWEST_TILES = 12
#: Tiles per side; what counts as detail lies between these standard deviations in px, finer is lost
#: in a copy of 60 % of a 64 px picture.
_TILES, _DETAIL_PX = 8, (1.0, 3.0)
#: A tile has detail from this share of the picture's lower quartile of spread within tiles, so that
#: a strong edge which many pictures have (the round field of a dermatoscope) does not decide alone;
#: and from this spread of that of the whole picture: compression loses the faintest.
_OF_QUARTILE, _OF_WHOLE = 0.5, 0.05
#: Fewer pictures than this show nothing that all have in common.
_FEWEST_FOR_COMMON = 20
#: Up to this number of pictures every pair is compared.
_EVERY_PAIR = 1500
#: Hash tables: a pair of correlation 0.95 shares a bucket of one of them with 99.9 %.
_TABLES = 32
#: A bucket is compared with this many neighbours: a flood of one picture stays linear.
_BUCKET_NEIGHBOURS = 64
#: Pairs and pictures that are held in memory at once.
_CHUNK, _BLOCK = 20_000, 1000

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Match:
    """Two pictures that are one.

    Args:
        first: Number of the first picture.
        second: Number of the second one.
        orientation: What turns the second into the first; one of `ORIENTATIONS`.
        correlation: Of the descriptors, 1 for a copy without loss.
        agreement: Share of the tiles with detail that agree.
    """

    first: int
    second: int
    orientation: str
    correlation: float
    agreement: float


def find_matches(picture: NDArray[Any], owner: Ints, *, seed: int = 0) -> list[Match]:
    """Pairs of pictures of different owners that are one picture, best orientation each.

    Args:
        picture: (pictures, 64, 64) grey, any scale.
        owner: (pictures,) who a picture belongs to; pairs of one owner are not looked for.
        seed: Of the random hyperplanes.
    """
    usable = np.flatnonzero(~is_blank(picture))
    if len(usable) < 2:
        return []
    vectors, detail = _descriptors(picture[usable]), _detail(picture[usable])
    best: dict[tuple[int, int], Match] = {}
    for turn, first, second in _candidates(vectors, owner[usable], np.random.default_rng(seed)):
        correlation = _correlation(vectors[0], vectors[turn], first, second)
        likely = np.flatnonzero(correlation >= _CANDIDATE)
        first, second, correlation = first[likely], second[likely], correlation[likely]
        agreement = _agreement(detail, turn, first, second)
        for k in np.flatnonzero(agreement >= _TILES_AGREE):
            i, j = int(usable[first[k]]), int(usable[second[k]])
            match = Match(i, j, ORIENTATIONS[turn], float(correlation[k]), float(agreement[k]))
            key = (min(i, j), max(i, j))
            if key not in best or match.correlation > best[key].correlation:
                best[key] = match
    return [best[key] for key in sorted(best)]


def is_blank(picture: NDArray[Any]) -> Bools:
    """(pictures,) True where a picture shows nothing: its grey values hardly differ."""
    values = np.asarray(picture, dtype=np.float32)
    spread = values.std(axis=(1, 2))
    return spread <= np.maximum(0.5, 0.005 * values.max(axis=(1, 2)))


def turned(picture: NDArray[Any], turn: int) -> NDArray[Any]:
    """Pictures (..., H, W) in orientation number `turn` of `ORIENTATIONS`."""
    mirrored = picture[..., ::-1] if turn >= 4 else picture
    return np.rot90(mirrored, turn % 4, axes=(-2, -1))


def _detail(picture: NDArray[Any]) -> Vectors:
    """Fine detail (pictures, 64, 64); brightness and contrast of the whole do not count."""
    from scipy.ndimage import gaussian_filter

    detail = np.empty(picture.shape, dtype=np.float32)
    for start in range(0, len(picture), _BLOCK):
        block = np.asarray(picture[start : start + _BLOCK], dtype=np.float32)
        fine, coarse = ((0.0, px, px) for px in _DETAIL_PX)
        block = gaussian_filter(block, fine) - gaussian_filter(block, coarse)
        spread = block.std(axis=(1, 2), keepdims=True)
        detail[start : start + _BLOCK] = block / np.maximum(spread, 1e-6)
    return detail


def _agreement(detail: Vectors, turn: int, first: Ints, second: Ints) -> Floats:
    """Share of the tiles with detail in either picture whose detail agrees; 0 if too few have."""
    common = _common(detail)
    agreement = np.zeros(len(first))
    for start in range(0, len(first), _BLOCK):
        chosen = slice(start, start + _BLOCK)
        a = _tiles(detail[first[chosen]] - common)
        b = _tiles(turned(detail[second[chosen]], turn) - common)
        spread_a, spread_b = a.std(axis=2), b.std(axis=2)
        correlation = (a * b).mean(axis=2) / np.maximum(spread_a * spread_b, 1e-6)
        # A tile that is flat in one picture only disagrees.
        has_detail = _has_detail(spread_a) | _has_detail(spread_b)
        n_agree = (has_detail & (correlation >= _TILE_CORRELATION)).sum(axis=1)
        n_tiles = has_detail.sum(axis=1)
        agreement[chosen] = np.where(n_tiles >= _FEWEST_TILES, n_agree / np.maximum(n_tiles, 1), 0)
    return agreement


def _has_detail(spread: Vectors) -> Bools:
    """(pictures, tiles) where a tile has detail, by the spread within each tile."""
    quartile = np.quantile(spread, 0.25, axis=1, keepdims=True)
    return spread >= np.maximum(_OF_QUARTILE * quartile, _OF_WHOLE)


def _tiles(detail: Vectors) -> Vectors:
    """(pictures, tiles, px), each tile with mean 0."""
    side = detail.shape[1] // _TILES
    tiles = detail.reshape(len(detail), _TILES, side, _TILES, side).swapaxes(2, 3)
    tiles = tiles.reshape(len(detail), _TILES**2, side**2)
    return tiles - tiles.mean(axis=2, keepdims=True)


def _descriptors(picture: NDArray[Any]) -> list[Vectors]:
    """Descriptors in each orientation: eight arrays (pictures, 256)."""
    from scipy.ndimage import gaussian_filter

    band = np.empty((len(picture), 16, 16), dtype=np.float32)
    for start in range(0, len(picture), _BLOCK):
        block = np.asarray(picture[start : start + _BLOCK], dtype=np.float32)
        fine = gaussian_filter(block, (0, 1.0, 1.0)) - gaussian_filter(block, (0, 6.0, 6.0))
        side = fine.shape[1] // 16
        band[start : start + _BLOCK] = fine.reshape(-1, 16, side, 16, side).mean(axis=(2, 4))
    upright = _normalised(band.reshape(len(band), -1))
    common = _common(upright)
    return [
        _normalised(_normalised(np.ascontiguousarray(turned(band, turn)).reshape(len(band), -1))
                    - common)
        for turn in range(len(ORIENTATIONS))
    ]  # fmt: skip


def _common(pictures: Vectors) -> Vectors:
    """What pictures of one machine share (a frame, a scale, the darkening with depth).

    It proves nothing, and a copy turned back into its original's orientation has it again. From few
    pictures the mean would be the pictures themselves.
    """
    mean = pictures.mean(axis=0)
    return mean if len(pictures) >= _FEWEST_FOR_COMMON else np.zeros_like(mean)


def _normalised(vectors: Vectors) -> Vectors:
    vectors = vectors - vectors.mean(axis=1, keepdims=True)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(length, 1e-6)


def _candidates(
    vectors: list[Vectors], owner: Ints, rng: np.random.Generator
) -> Iterator[tuple[int, Ints, Ints]]:
    """Orientation, first and second picture of pairs of different owners worth comparing."""
    if len(owner) <= _EVERY_PAIR:
        for turn, other in enumerate(vectors):
            first, second = np.nonzero(vectors[0] @ other.T >= _CANDIDATE)
            wanted = (owner[first] != owner[second]) & (first < second)
            yield turn, first[wanted], second[wanted]
        return
    n, bits = len(owner), math.ceil(math.log2(len(owner))) + 1
    planes = rng.standard_normal((_TABLES * bits, vectors[0].shape[1])).astype(np.float32)
    weights = 1 << np.arange(bits, dtype=np.int64)
    upright = _hashes(vectors[0], planes, weights)
    for turn, other in enumerate(vectors):
        hashes = upright if turn == 0 else _hashes(other, planes, weights)
        pairs = [_same_bucket(upright[:, t], hashes[:, t]) for t in range(_TABLES)]
        codes = np.unique(np.concatenate([first * n + second for first, second in pairs]))
        first, second = codes // n, codes % n
        wanted = owner[first] != owner[second]
        yield turn, first[wanted], second[wanted]


def _hashes(vectors: Vectors, planes: Vectors, weights: Ints) -> Ints:
    """(pictures, tables) bucket of each picture."""
    signs = (vectors @ planes.T > 0).reshape(len(vectors), _TABLES, len(weights))
    return signs @ weights


def _same_bucket(upright: Ints, other: Ints) -> tuple[Ints, Ints]:
    """Pairs (upright picture, turned picture) in one bucket, neighbours only in a large one."""
    order = np.argsort(upright, kind="stable")
    keys = upright[order]
    low, high = np.searchsorted(keys, other, "left"), np.searchsorted(keys, other, "right")
    count = np.minimum(high - low, _BUCKET_NEIGHBOURS)
    second = np.repeat(np.arange(len(other)), count)
    within = np.arange(len(second)) - np.repeat(np.cumsum(count) - count, count)
    # Members of a large bucket start at different places, so that together they reach all of it.
    size = np.repeat(high - low, count)
    offset = np.where(size > _BUCKET_NEIGHBOURS, (second + within) % np.maximum(size, 1), within)
    return order[np.repeat(low, count) + offset], second


def _correlation(upright: Vectors, other: Vectors, first: Ints, second: Ints) -> Floats:
    parts = [
        np.einsum("ij,ij->i", upright[first[s : s + _CHUNK]], other[second[s : s + _CHUNK]])
        for s in range(0, len(first), _CHUNK)
    ]
    return np.concatenate(parts).astype(np.float64) if parts else np.empty(0)
