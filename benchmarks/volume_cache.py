"""A random patch of a prepared volume: mapped from the cache, against reading it from .nii.gz.

One CT-like volume is written as .nii.gz and prepared by the modality `volume` without resampling.
The same patches of 96^3 at random places are then taken from the cache, whose file is opened anew
each time as a data loader does, and cut out of the compressed file, which has to be read as a
whole. Both from a warm file cache.

Command: python benchmarks/volume_cache.py [--side 256] [--patches 200]
Prints one JSON line. Target: at most 2 ms for a patch from the cache.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.ndimage import gaussian_filter

from tumorboard.cache import Cache
from tumorboard.formats.prepared_volumes import PreparedVolumes
from tumorboard.modalities.volume import Volume
from tumorboard.records import Cohort

PATCH = (96, 96, 96)
WINDOW = (-1000.0, 400.0)


def write(path: Path, side: int) -> None:
    """Smooth structures with grain, in Hounsfield units."""
    rng = np.random.default_rng(1)
    smooth = gaussian_filter(rng.standard_normal((side, side, side)), 8)
    hu = -300 + 400 * smooth / smooth.std() + rng.normal(0, 20, smooth.shape)
    nib.save(nib.Nifti1Image(np.clip(hu, -1024, 1500).astype(np.int16), np.eye(4)), path)


def prepare(folder: Path, path: Path, side: int) -> PreparedVolumes:
    """The volume in the cache."""
    cohort = Cohort(
        name="bench", patient_id=("P",), unit_id=("P",), columns={}, files={"ct": ((path,),)},
        line=(2,), table=folder / "patients.csv", root=folder,
    )  # fmt: skip
    modality = Volume(files="{patient_id}.nii.gz", size=(side, side, side), window_hu=WINDOW)
    with Cache(folder / "cache") as cache:
        return modality.read(cohort, name="ct", cache=cache).prepared


def median_ms(take: Callable[[tuple[int, int, int]], object], starts: np.ndarray) -> float:
    """Median milliseconds of one patch."""
    seconds: list[float] = []
    for x, y, z in starts.tolist():
        start = time.perf_counter()
        take((x, y, z))
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--patches", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "P.nii.gz"
        write(path, options.side)
        prepared = prepare(folder, path, options.side)
        starts = np.random.default_rng(2).integers(
            0, options.side - PATCH[0] + 1, (options.patches, 3)
        )

        def from_file(start: tuple[int, int, int]) -> np.ndarray:
            box = tuple(slice(s, s + n) for s, n in zip(start, PATCH, strict=True))
            hu = np.asarray(nib.load(path).dataobj)[box].astype(np.float32)
            return np.clip((hu - WINDOW[0]) / (WINDOW[1] - WINDOW[0]), 0, 1)

        first = (int(starts[0, 0]), int(starts[0, 1]), int(starts[0, 2]))
        mine = prepared.patch(0, first, PATCH)[0].astype(np.float32)
        gap = float(np.abs(mine - from_file(first)).max())
        cache_ms = median_ms(lambda start: prepared.patch(0, start, PATCH), starts)
        file_ms = median_ms(from_file, starts[:5])
    print(
        json.dumps(
            {
                "side": options.side,
                "cache_ms": round(cache_ms, 3),
                "nii_gz_ms": round(file_ms, 1),
                "ratio": round(file_ms / cache_ms),
                "largest_difference": gap,
                "meets": cache_ms <= 2,
            }
        )
    )


if __name__ == "__main__":
    main()
