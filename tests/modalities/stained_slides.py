"""Made slides with two stains, and cohorts of points on them, for tests of patches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tumorboard.records import Cohort

#: Haematoxylin and eosin of a slide, as decadic densities of red, green and blue.
USUAL = ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11))
#: The same tissue after another laboratory's stains.
OTHER = ((0.50, 0.75, 0.43), (0.17, 0.90, 0.40))


def stained(
    seed: int, *, size: tuple[int, int] = (96, 128), vectors: object = USUAL, amount: float = 1.0
) -> NDArray[np.uint8]:
    """(height, width, 3) tissue with varied amounts of both stains, and a corner of glass."""
    rng = np.random.default_rng(seed)
    amounts = rng.gamma(2.0, 0.25, (*size, 2)) * rng.integers(0, 2, (*size, 2)) * amount
    amounts[: size[0] // 4, : size[1] // 4] = 0
    density = amounts @ np.asarray(vectors, dtype=np.float64)
    return np.rint(np.clip(256 * 10**-density - 1, 0, 255)).astype(np.uint8)


def save(path: Path, pixels: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def points(
    files: Sequence[tuple[Path, ...]],
    places: Sequence[tuple[str | None, str | None]],
    *,
    patients: Sequence[str] = (),
    columns: Mapping[str, tuple[str | None, ...]] | None = None,
) -> Cohort:
    """One row per point of the modality "tissue"."""
    ids = tuple(patients) or tuple(f"P{k}" for k in range(len(files)))
    lines = tuple(range(2, len(files) + 2))
    units = tuple(f"{patient}:{line}" for patient, line in zip(ids, lines, strict=True))
    both = {"x_px": tuple(p[0] for p in places), "y_px": tuple(p[1] for p in places)}
    return Cohort(
        name="points", patient_id=ids, unit_id=units,
        columns=both if columns is None else columns, files={"tissue": tuple(files)}, line=lines,
        table=Path("points.csv"), root=Path(),
    )  # fmt: skip
