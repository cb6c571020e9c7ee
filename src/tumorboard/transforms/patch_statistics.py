"""What training patches are like: their colours, and limits of their quality."""

from __future__ import annotations

from typing import Any

import numpy as np

from tumorboard.formats.prepared_images import grey_of
from tumorboard.records import Floats, Ints
from tumorboard.transforms.found_patches import CHUNK, FoundPatches
from tumorboard.transforms.image_quality import measure_quality, reference_of
from tumorboard.transforms.stain_target import StainTarget

#: Patches that mean, spread and quality are learned from: bounds time, never the seed's.
_SAMPLE = 2048


def patch_statistics(
    found: FoundPatches, rows: Ints, weight: Floats, target: StainTarget
) -> dict[str, Any]:
    """Mean and spread of colours in 0..1 once normalised, and the quality of patches as scanned.

    Args:
        found: Patches of the cohort.
        rows: Training rows that have patches.
        weight: (rows,) weight of each; the patches of a row share it.
        target: What stains are normalised to.

    Returns:
        `n_rows`, `n_patches` looked at, `mean` and `sd` of red, green and blue, and `quality`
        (`image_quality.reference_of`).
    """
    numbers, place = found.at.of(rows)
    share = (weight / np.bincount(place, minlength=len(rows)))[place]
    share = share / share.sum()
    if len(numbers) > _SAMPLE:
        rng = np.random.default_rng(len(numbers))
        chosen = np.sort(rng.choice(len(numbers), _SAMPLE, replace=False, p=share))
        numbers, share = numbers[chosen], np.full(_SAMPLE, 1 / _SAMPLE)
    moments = np.zeros((2, 3))
    quality: list[Floats] = []
    for start in range(0, len(numbers), CHUNK):
        chosen = numbers[start : start + CHUNK]
        cut = found.cut(chosen)
        quality.append(measure_quality(grey_of(cut)))
        unit = target.apply(found, cut, chosen).astype(np.float64) / 255
        part = share[start : start + CHUNK]
        moments += [part @ unit.mean(axis=(2, 3)), part @ np.square(unit).mean(axis=(2, 3))]
    spread = np.sqrt(np.maximum(moments[1] - moments[0] ** 2, 0.0))
    return {
        "n_rows": len(rows), "n_patches": len(numbers), "mean": moments[0].tolist(),
        "sd": spread.tolist(), "quality": reference_of(np.concatenate(quality), share),
    }  # fmt: skip
