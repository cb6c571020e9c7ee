"""Second start of a study: it reads no image twice and reaches its first batch at once.

Measures the preparation (hashes, decoding, resizing) of a folder of PNG images at the first and at
the second start, both to the first batch, and counts the images decoded.

Command: python benchmarks/second_start.py [--images 1500]
Prints one JSON line. Target: second / first under 0.1, with no image decoded.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tumorboard.cache import Cache
from tumorboard.formats import prepared_images
from tumorboard.study import Study
from tumorboard.training.batches import Rows, loader
from tumorboard.training.fit import fit_modalities
from tumorboard.training.prepare import prepare
from tumorboard.verbs.study_splits import split_study


def write_cohort(folder: Path, n: int) -> Path:
    """A table and as many 600x500 PNG images."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir()
    lines = ["patient_id,file,y"]
    base = rng.integers(0, 255, (500, 600), dtype=np.uint8)
    for i in range(n):
        image = np.roll(base, i, axis=1)
        image[0, :2] = divmod(i, 256)  # every image has content of its own
        Image.fromarray(image).save(folder / "images" / f"{i}.png")
        lines.append(f"P{i},{i}.png,{i % 2}")
    (folder / "patients.csv").write_text("\n".join(lines), encoding="utf-8")
    (folder / "study.toml").write_text(
        "[study]\nname = 'start'\n[cohort]\ntable = 'patients.csv'\n[task]\ntarget = 'y'\n"
        "positive = '1'\n[modalities.image]\nkind = 'image'\nfiles = 'images/{file}'\n"
        "[arms]\nimage = {modalities = ['image']}\n",
        encoding="utf-8",
    )
    return folder / "study.toml"


def first_batch(study: Study, root: Path, cache_folder: Path) -> float:
    """Seconds from the study to its first batch."""
    started = time.perf_counter()
    with Cache(cache_folder) as cache:
        prepared = prepare(study, root, cache=cache)
        split = split_study(study, prepared)[0]
        modalities, _ = fit_modalities(study, prepared, split, study.arms["image"])
        weight = np.ones(prepared.cohort.n_rows)
        data = Rows(modalities, prepared.measured, prepared.outcomes.target, weight)
        next(iter(loader(data, split.rows(prepared.cohort, "train"), 16)))
    return time.perf_counter() - started


def main() -> None:
    """Measure both starts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=1500)
    arguments = parser.parse_args()
    decoded = 0
    original = prepared_images.read_pixels

    def counting(path: Path, *, page: int = 0) -> object:
        nonlocal decoded
        decoded += 1
        return original(path, page=page)

    prepared_images.read_pixels = counting  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        study = Study.load(write_cohort(root, arguments.images))
        counts: list[int] = []
        seconds: list[float] = []
        for _ in range(2):
            decoded = 0
            seconds.append(first_batch(study, root, root / "cache"))
            counts.append(decoded)
    print(
        json.dumps(
            {
                "images": arguments.images,
                "first_s": round(seconds[0], 3),
                "second_s": round(seconds[1], 3),
                "second_over_first": round(seconds[1] / seconds[0], 4),
                "decoded_first": counts[0],
                "decoded_second": counts[1],
                "cores": os.cpu_count(),
            }
        )
    )


if __name__ == "__main__":
    main()
