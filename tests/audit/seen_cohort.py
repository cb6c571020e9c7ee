"""Generated cohorts for the checks about what is seen twice: pictures, columns -> `Audited`."""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageEnhance
from scipy.ndimage import gaussian_filter

from tumorboard.audit import Audited
from tumorboard.cache import Cache
from tumorboard.modalities import Measured
from tumorboard.modalities.image import Image
from tumorboard.modalities.table import Table
from tumorboard.records import Cohort
from tumorboard.study import Study

Picture = Pillow.Image


def speckle(seed: int, side: int = 64) -> Picture:
    """Tissue with speckle and a dark lesion."""
    rng = np.random.default_rng([1, seed])
    y, x = np.mgrid[:side, :side] / side
    distance = np.hypot(x - rng.uniform(0.4, 0.6), y - rng.uniform(0.4, 0.6))
    level = 1.2 - 0.5 * y - 0.6 / (1 + np.exp(40 * (distance - rng.uniform(0.15, 0.25))))
    grains = gaussian_filter(rng.rayleigh(0.8, (side, side)), 0.6)
    return Pillow.fromarray(np.clip(110 * level * grains, 0, 255).astype(np.uint8))


def noise(seed: int, side: int = 64) -> Picture:
    rng = np.random.default_rng([2, seed])
    return Pillow.fromarray(rng.integers(0, 256, (side, side), dtype=np.uint8))


def dark(seed: int, side: int = 64) -> Picture:
    """A smooth dark frame: a gradient that all share, and a little of its own."""
    rng = np.random.default_rng([3, seed])
    depth = np.linspace(0, 1, side)[:, None]
    own = gaussian_filter(rng.standard_normal((side, side)), 6) * 15 + rng.standard_normal(
        (side, side)
    )
    return Pillow.fromarray(np.clip(60 * np.exp(-3 * depth) + own, 0, 255).astype(np.uint8))


def skin(seed: int, side: int = 64) -> Picture:
    """Colour: a brown lesion in the round field of a dermatoscope."""
    rng = np.random.default_rng([4, seed])
    y, x = np.mgrid[:side, :side] / side - 0.5
    lesion = 1 / (1 + np.exp(40 * (np.hypot(x, y) - rng.uniform(0.1, 0.2))))
    texture = gaussian_filter(rng.standard_normal((side, side)), 1.5) * 50
    colours = [
        200 - 90 * lesion + texture,
        150 - 90 * lesion + texture,
        140 - 90 * lesion + texture,
    ]
    field = 1 / (1 + np.exp(side * (np.hypot(x, y) - 0.48)))
    image = np.stack(colours, axis=-1) * field[..., None]
    return Pillow.fromarray(np.clip(image, 0, 255).astype(np.uint8))


def jpeg(image: Picture) -> Picture:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=50)
    return Pillow.open(io.BytesIO(buffer.getvalue()))


def smaller(image: Picture) -> Picture:
    return image.resize((round(image.width * 0.6), round(image.height * 0.6)))


def brighter(image: Picture) -> Picture:
    return ImageEnhance.Brightness(image).enhance(1.15)


def contrast(image: Picture) -> Picture:
    return ImageEnhance.Contrast(image).enhance(0.8)


def mirrored(image: Picture) -> Picture:
    return image.transpose(Pillow.Transpose.FLIP_LEFT_RIGHT)


def turned(image: Picture) -> Picture:
    return image.transpose(Pillow.Transpose.ROTATE_90)


def make_cohort(
    folder: Path, *, name: str = "made", ids: Sequence[str], pictures: Sequence[Picture] = (),
    columns: Mapping[str, Sequence[Any]] | None = None, suffix: str = ".png",
) -> Cohort:  # fmt: skip
    """Pictures are written to files; rows where there is no picture or column have none."""
    folder.mkdir(parents=True, exist_ok=True)
    files: list[tuple[Path, ...]] = []
    for number, picture in enumerate(pictures):
        path = folder / f"{number}{suffix}"
        picture.save(path)
        files.append((path,))
    text = {
        column: tuple(None if cell is None else str(cell) for cell in cells)
        for column, cells in (columns or {}).items()
    }
    return Cohort(
        name, tuple(ids), tuple(ids), text, {"scan": tuple(files)} if files else {},
        tuple(range(2, len(ids) + 2)), folder / "t.csv", folder,
    )  # fmt: skip


def make_audited(
    cohort: Cohort, *others: Cohort, numeric: Sequence[str] = (), categorical: Sequence[str] = (),
    cache: Path, read: Callable[[], Image] = lambda: Image(files="{file}", size=(64, 64)),
) -> Audited:  # fmt: skip
    def measure(one: Cohort) -> dict[str, Measured]:
        found: dict[str, Measured] = {}
        with Cache(cache, workers=1) as kept:
            if one.files:
                found["scan"] = read().read(one, name="scan", cache=kept)
            if numeric or categorical:
                table = Table(numeric=tuple(numeric), categorical=tuple(categorical))
                found["record"] = table.read(one, name="record", cache=kept)
        return found

    modalities: dict[str, Any] = {}
    if cohort.files:
        modalities["scan"] = {"kind": "image", "files": "{file}", "encoder": "small_cnn"}
    if numeric or categorical:
        modalities["record"] = {
            "kind": "table", "numeric": list(numeric), "categorical": list(categorical),
        }  # fmt: skip
    study = Study.from_tables(
        {
            "study": {"name": "made"},
            "cohort": {"table": "t.csv", "patient_id": "patient_id"},
            "task": {"target": "outcome"},
            "modalities": modalities or {"scan": {"kind": "image", "files": "{file}"}},
        },
        path=Path("study.toml"),
    )
    return Audited(
        study, cohort, None, measure(cohort),  # type: ignore[arg-type] - they need no outcomes
        others={other.name: (other, measure(other)) for other in others},
    )  # fmt: skip


def record(n: int, seed: int = 0) -> dict[str, list[Any]]:
    """Age, size, marker, sex and site of n patients, some missing."""
    rng = np.random.default_rng([5, seed])
    columns: dict[str, list[Any]] = {
        "age": list(rng.integers(30, 80, n)),
        "size_mm": list(np.round(rng.lognormal(3, 0.5, n), 1)),
        "marker": list(np.round(rng.lognormal(3, 0.5, n), 2)),
        "sex": list(rng.choice(["f", "m"], n)),
        "site": list(rng.choice(["a", "b", "c", "d"], n)),
    }
    for row in rng.choice(n, n // 10, replace=False):
        columns["marker"][row] = None
    return columns


NUMERIC, CATEGORICAL = ("age", "size_mm", "marker"), ("sex", "site")


def copied(columns: Mapping[str, Sequence[Any]], source: int, to: int) -> dict[str, list[Any]]:
    """Columns with row `to` replaced by row `source`."""
    return {
        name: [cells[source] if row == to else cell for row, cell in enumerate(cells)]
        for name, cells in columns.items()
    }


def ids(n: int) -> list[str]:
    return [f"P{i:03d}" for i in range(n)]
