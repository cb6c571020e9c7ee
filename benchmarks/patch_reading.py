"""Patches per second from slides, against OpenSlide's read_region for each patch; memory of both.

One picture of stained-looking noise is written as a TIFF without compression and as a pyramid of
JPEG tiles. The same patches of 64 x 64 around random points are cut through `Slide.windows` and by
OpenSlide one by one, both from a warm file cache; OpenSlide reads the tiled file (it opens no TIFF
without tiles) with a tile cache as large as ours, in the order given and in the order of tiles,
which is kinder to it. A second slide of 100,000 x 100,000 pixels, of which one tile in 50 is
stored, is read by region at random, and its tissue is looked for, in a process of its own.

Command: python benchmarks/patch_reading.py [--side 8000] [--patches 50000] [--large 100000]
Prints a table, then one JSON line. Targets: at least 50,000 patches/s from the TIFF without
compression and at least 20 times OpenSlide; memory of the large slide under 1 GB and hardly more
than for a slide of a quarter of the pixels.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import openslide
import tifffile
from scipy.ndimage import gaussian_filter

from tumorboard.formats.slides import open_slide
from tumorboard.formats.tiff_slides import TILE_BYTES
from tumorboard.transforms.tissue import tissue_tiles

SIZE = 64
TILE = 256
GLASS, PINK = np.array([243, 241, 242]), np.array([200, 110, 170])


def picture(side: int) -> np.ndarray:
    """Smooth patches of tissue on glass with grain, repeated to the size asked for."""
    rng = np.random.default_rng(1)
    share = gaussian_filter(rng.standard_normal((2000, 2000)), 20, mode="wrap")
    share = np.clip(0.5 + share / share.std(), 0, 1)[..., None]
    block = share * PINK + (1 - share) * GLASS + rng.normal(0, 6, (2000, 2000, 1))
    repeat = -(-side // 2000)
    tiled = np.tile(np.clip(block, 0, 255).astype(np.uint8), (repeat, repeat, 1))
    return np.ascontiguousarray(tiled[:side, :side])


def write(folder: Path, side: int) -> tuple[Path, Path]:
    """The same picture without compression, and as a pyramid of JPEG tiles of quality 90."""
    pixels = picture(side)
    plain, tiled = folder / "plain.tif", folder / "tiled.tif"
    tifffile.imwrite(plain, pixels, photometric="rgb")
    with tifffile.TiffWriter(tiled) as writer:
        for step in (1, 4, 16):
            writer.write(
                np.ascontiguousarray(pixels[::step, ::step]), tile=(TILE, TILE), photometric="rgb",
                compression="jpeg", compressionargs={"level": 90}, metadata=None,
                subfiletype=int(step > 1),
            )  # fmt: skip
    return plain, tiled


def rate(cut: Callable[[], object], n: int, rounds: int) -> float:
    """Median patches per second."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        cut()
        seconds.append(time.perf_counter() - start)
    return n / statistics.median(seconds)


def measure(plain: Path, tiled: Path, side: int, n: int, rounds: int) -> dict[str, float]:
    """Patches per second of each way; the pixels of both libraries are compared first."""
    rng = np.random.default_rng(2)
    centres = rng.uniform(SIZE, side - SIZE, (n, 2))
    few = centres[: max(n // 100, 200)]
    by_tile = few[np.lexsort((few[:, 0] // TILE, few[:, 1] // TILE))]
    found: dict[str, float] = {}
    with open_slide(plain) as slide:
        slide.windows(*centres.T, SIZE)  # the file cache is warm from here on
        found["memory-mapped TIFF"] = rate(lambda: slide.windows(*centres.T, SIZE), n, rounds)
    with open_slide(tiled) as slide, openslide.OpenSlide(str(tiled)) as theirs:
        theirs.set_cache(openslide.OpenSlideCache(TILE_BYTES))

        def cut(points: np.ndarray) -> list[np.ndarray]:
            corners = np.floor(points - SIZE / 2 + 0.5).astype(int).tolist()
            regions = [theirs.read_region(corner, 0, (SIZE, SIZE)) for corner in corners]
            return [np.asarray(region)[..., :3] for region in regions]

        ours = np.moveaxis(slide.windows(*by_tile[:200].T, SIZE), 1, -1)
        assert np.abs(ours.astype(int) - np.stack(cut(by_tile[:200]))).max() <= 3
        found["JPEG tiles"] = rate(lambda: slide.windows(*centres.T, SIZE), n, rounds)
        found["OpenSlide, order of tiles"] = rate(lambda: cut(by_tile), len(by_tile), rounds)
        found["OpenSlide, order given"] = rate(lambda: cut(few), len(few), rounds)
    return found


def write_large(path: Path, side: int) -> None:
    """A slide of which one tile in 50 is stored, with levels of 1/8 and 1/64."""
    noise = np.random.default_rng(4).normal(0, 6, (TILE, TILE, 1))
    tissue = imagecodecs.jpeg8_encode((PINK + noise).astype(np.uint8), level=90)

    def tiles(level_side: int) -> Iterator[bytes]:
        across = -(-level_side // TILE)
        for number in range(across * across):
            yield tissue if number % 50 == 0 else b""

    with tifffile.TiffWriter(path, bigtiff=True) as writer:
        for step in (1, 8, 64):
            n = side // step
            writer.write(
                tiles(n), shape=(n, n, 3), dtype=np.uint8, tile=(TILE, TILE), photometric="rgb",
                compression="jpeg", metadata=None, subfiletype=int(step > 1),
            )  # fmt: skip


def peak_mb() -> float:
    """Most memory this process held, in MB; not `ru_maxrss`, which a parent hands down."""
    (line,) = (t for t in Path("/proc/self/status").read_text().splitlines() if t[:6] == "VmHWM:")
    return int(line.split()[1]) / 1024


def read_large(path: Path) -> dict[str, float]:
    """Memory in MB before and after 20,000 patches in 10 batches, regions, and tissue."""
    before = peak_mb()
    rng = np.random.default_rng(3)
    with open_slide(path) as slide:
        for _ in range(10):
            slide.windows(*rng.uniform(0, slide.info.width_px, (2, 2000)), SIZE)
            slide.read(int(rng.integers(slide.info.width_px)), -100, 2000, 1000)
        n = len(tissue_tiles(slide, TILE)[0])
        side = slide.info.width_px
    return {"side": side, "before": before, "after": peak_mb(), "windows": n}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=8_000)
    parser.add_argument("--patches", type=int, default=50_000)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--read-large", type=Path)
    given = parser.parse_args()
    if given.read_large:
        print(json.dumps(read_large(given.read_large)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = measure(*write(folder, given.side), given.side, given.patches, given.rounds)
        memory = []
        for side in (given.large // 2, given.large):
            write_large(folder / "large.tif", side)
            command = [sys.executable, __file__, "--read-large", str(folder / "large.tif")]
            memory.append(json.loads(subprocess.check_output(command)))
    slowest = found["OpenSlide, order given"]
    for way, patches in found.items():
        print(f"{way:28} {patches:10,.0f} patches/s {patches / slowest:8.1f} x")
    for each in memory:
        grown = each["after"] - each["before"]
        print(f"{each['side']:,} px square: {each['after']:,.0f} MB at most, {grown:,.0f} of slide")
    ratio = found["memory-mapped TIFF"] / found["OpenSlide, order of tiles"]
    result = {"patches_per_s": found, "ratio": ratio, "memory": memory, "cores": os.cpu_count()}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
