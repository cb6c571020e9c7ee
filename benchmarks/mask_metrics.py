"""Dice, NSD and HD95 of one BraTS-sized case: against MONAI's functions for the same.

Two lobed tumours of about 6 cm in a mask of 240 x 240 x 155, not quite on each other. Ours are all
measures of a row of `tumorboard score` (lesions and counts included) in one call; MONAI's are
`compute_dice`, `compute_surface_dice` with areas between voxels (the same definition: the numbers
agree) and `compute_hausdorff_distance`, which counts rim voxels. Both with the threads that torch
takes by itself.

Command: python benchmarks/mask_metrics.py [--rounds 5]
Prints one JSON line. Target: under 1 s, and at least 3 times faster.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from monai.metrics.hausdorff_distance import compute_hausdorff_distance
from monai.metrics.meandice import compute_dice
from monai.metrics.surface_dice import compute_surface_dice
from scipy.ndimage import gaussian_filter

from tumorboard.evaluation.mask_metrics import measure_mask

SHAPE = (240, 240, 155)
SPACING = (1.0, 1.0, 1.0)


def tumours() -> tuple[np.ndarray, np.ndarray]:
    """Reference and prediction."""
    axes = [np.arange(n) - c for n, c in zip(SHAPE, (110, 130, 80), strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    radius = np.sqrt(x**2 + y**2 + z**2)
    bumps = gaussian_filter(np.random.default_rng(0).standard_normal(SHAPE), 4)
    bumps *= 2 / bumps.std()
    return radius + bumps < 32, np.roll(radius + np.roll(bumps, 3, 0) < 30, 2, 1)


def least(measure: Callable[[], object], rounds: int) -> float:
    """Least seconds of several rounds."""
    seconds: list[float] = []
    for _ in range(rounds):
        start = time.perf_counter()
        measure()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    warnings.filterwarnings("ignore", message=".*always_return_as_numpy.*")
    reference, prediction = tumours()
    y, y_pred = (torch.from_numpy(m)[None, None].float() for m in (reference, prediction))

    def theirs() -> list[float]:
        found = (
            compute_dice(y_pred, y),
            compute_surface_dice(y_pred, y, [1.0], True, spacing=SPACING, use_subvoxels=True),
            compute_hausdorff_distance(y_pred, y, True, percentile=95, spacing=SPACING),
        )
        return [float(value[0, 0]) for value in found]

    start = time.perf_counter()
    found = measure_mask(reference, prediction, spacing=SPACING, tolerance=1.0)
    first = time.perf_counter() - start
    ours = least(
        lambda: measure_mask(reference, prediction, spacing=SPACING, tolerance=1.0), rounds
    )
    dice, nsd, hd95 = theirs()
    monai = least(theirs, rounds)
    print(
        json.dumps(
            {
                "ours_s": round(ours, 3),
                "ours_first_s": round(first, 3),
                "monai_s": round(monai, 3),
                "ratio": round(monai / ours, 1),
                "dice": [found.dice, dice],
                "nsd": [found.nsd, nsd],
                "hd95_mm": [found.hd95, hd95],
                "meets": ours < 1 and monai >= 3 * ours,
            }
        )
    )


if __name__ == "__main__":
    main()
