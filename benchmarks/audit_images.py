"""Audit of images: seconds for the checks about images seen twice, by the number of images.

Writes cohorts of PNG images of 224 x 224 (speckled tissue with a lesion, one per patient, each of
its own), 1 % of which are changed copies of another patient's: JPEG of quality 50 at 60 % of the
size, or 15 % brighter and turned by 90 degrees; and 0.5 % identical ones. Measures preparation
(decoding, resizing, hashing: what training needs too) and the audit's three checks of images, and
counts the copies that they find and pairs that are none.

Command: python benchmarks/audit_images.py [--images 1000 3000 10000]
Prints one JSON line per size. Target: 10,000 images in under 300 s on 2 cores with preparation; ten
times the images in at most 15 times the seconds; every copy found, nothing else.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageEnhance
from scipy.ndimage import gaussian_filter

from tumorboard.audit import Audited
from tumorboard.audit.duplicate_image import DuplicateImage
from tumorboard.audit.near_duplicate_image import NearDuplicateImage
from tumorboard.audit.patient_overlap import PatientOverlap
from tumorboard.cache import Cache
from tumorboard.modalities.image import Image
from tumorboard.records import Cohort, Finding

SIDE = 224


def draw(seed: int) -> Pillow.Image:
    """Speckled tissue that darkens with depth, with a dark lesion near the middle."""
    rng = np.random.default_rng([7, seed])
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    tissue = 1 + 0.5 * np.kron(rng.standard_normal((7, 7)), np.ones((32, 32)))
    tissue = gaussian_filter(tissue, 12.0) - 0.4 * y
    distance = np.hypot(x - rng.uniform(0.4, 0.6), y - rng.uniform(0.4, 0.6))
    lesion = 1 - 0.7 / (1 + np.exp(60 * (distance - rng.uniform(0.12, 0.2))))
    speckle = gaussian_filter(rng.rayleigh(0.8, (SIDE, SIDE)), 1.2)
    return Pillow.fromarray(np.clip(110 * tissue * lesion * speckle, 0, 255).astype(np.uint8))


def changed(image: Pillow.Image, kind: int) -> Pillow.Image:
    """A copy that a near-duplicate check must find."""
    if kind:
        return ImageEnhance.Brightness(image).enhance(1.15).transpose(Pillow.Transpose.ROTATE_90)
    buffer = io.BytesIO()
    image.resize((SIDE * 6 // 10, SIDE * 6 // 10)).save(buffer, "JPEG", quality=50)
    return Pillow.open(buffer)


def write(folder: Path, n: int) -> tuple[Cohort, set[frozenset[str]], set[frozenset[str]]]:
    """The cohort, and the pairs of patients with a changed and with an identical copy."""
    n_changed, n_identical = n // 100, n // 200
    originals = n - n_changed - n_identical
    files = [folder / f"{i}.png" for i in range(n)]

    def one(i: int) -> None:
        image = draw(i if i < originals else i - originals)
        if i >= originals + n_identical:
            image = changed(image, i % 2)
        image.save(files[i], compress_level=1 + (i >= originals))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(n)))
    ids = tuple(f"P{i}" for i in range(n))
    cohort = Cohort(
        "bench", ids, ids, {}, {"scan": tuple((f,) for f in files)}, tuple(range(2, n + 2)),
        folder / "t.csv", folder,
    )  # fmt: skip
    pairs = [frozenset((f"P{i}", f"P{i - originals}")) for i in range(originals, n)]
    return cohort, set(pairs[n_identical:]), set(pairs[:n_identical])


def found_pairs(findings: list[Finding]) -> set[frozenset[str]]:
    """Pairs of patients in the evidence."""
    found: set[frozenset[str]] = set()
    for finding in findings:
        evidence: dict[str, Any] = dict(finding.evidence)
        groups = evidence.get("groups") or [pair["images"] for pair in evidence["pairs"]]
        found |= {frozenset(image["patient_id"] for image in group) for group in groups}
    return found


def measure(n: int) -> dict[str, object]:
    """Seconds and what was found for one size."""
    with tempfile.TemporaryDirectory() as name:
        cohort, near, same = write(Path(name), n)
        with Cache(Path(name) / "cache") as cache:
            started = time.perf_counter()
            scans = Image(files="{file}", size=(SIDE, SIDE)).read(cohort, name="scan", cache=cache)
            prepared = time.perf_counter()
            audited = Audited(None, cohort, None, {"scan": scans})  # type: ignore[arg-type]
            identical = found_pairs(DuplicateImage().find(audited))
            PatientOverlap().find(audited)
            similar = found_pairs(NearDuplicateImage().find(audited))
            done = time.perf_counter()
    return {
        "images": n,
        "prepare_s": round(prepared - started, 1),
        "audit_s": round(done - prepared, 1),
        "copies": len(near),
        "copies_found": len(near & similar),
        "false_pairs": len(similar - near),
        "identical": len(same),
        "identical_found": len(same & identical),
        "cores": os.cpu_count(),
    }


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, nargs="+", default=[1000, 3000, 10000])
    for n in parser.parse_args().images:
        print(json.dumps(measure(n)), flush=True)


if __name__ == "__main__":
    main()
