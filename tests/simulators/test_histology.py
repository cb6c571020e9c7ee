"""The truth of simulated tissue: by counting, by another estimator, and seen in the pixels."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import uniform_filter
from sklearn.metrics import average_precision_score, roc_auc_score

from tumorboard.cohorts.brecahad import CLASSES as BRECAHAD
from tumorboard.cohorts.brecahad import BreCaHAD
from tumorboard.errors import StudyError
from tumorboard.records import Floats
from tumorboard.simulators.histology import CLASSES, NUCLEI, Histology
from tumorboard.transforms.histology_drawing import SPACING, draw_places


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("histology")
    simulator = Histology(
        size=(192, 256), images_per_patient=1, mitoses=0.1, apoptoses=0.15, stain_variation=0.0
    )
    simulator.write(out, n_patients=16, seed=1)
    return out


def test_bounds_are_those_of_a_reader_who_sees_the_appearance() -> None:
    simulator = Histology(mitoses=0.05, apoptoses=0.1, separation=1.5)
    rng = np.random.default_rng(0)
    classes = np.repeat(NUCLEI, [50_000, 100_000, 600_000, 250_000])
    side = np.select([classes == "mitosis", classes == "apoptosis"], [0.75, -0.75], np.nan)
    seen = np.where(np.isnan(side), -99.0, side + rng.standard_normal(len(side)))
    is_mitosis = classes == "mitosis"
    bounds = simulator.best_auroc()
    assert roc_auc_score(is_mitosis, seen) == pytest.approx(bounds["mitosis"], abs=1e-3)
    mirrored = np.where(seen == -99, -99, -seen)
    assert roc_auc_score(classes == "apoptosis", mirrored) == pytest.approx(
        bounds["apoptosis"], abs=1e-3
    )
    found = float(average_precision_score(is_mitosis, seen))
    # four standard errors: 50,000 mitoses, sensitivity and precision of a half or more
    assert simulator.best_average_precision() == pytest.approx(found, abs=0.008)


def test_nobody_tells_them_apart_without_separation() -> None:
    simulator = Histology(mitoses=0.02, apoptoses=0.06, separation=0.0)
    assert simulator.best_average_precision() == pytest.approx(0.25, abs=1e-6)
    assert simulator.best_auroc()["mitosis"] == pytest.approx(1 - 0.5 * 0.06 / 0.98)
    assert Histology(separation=10).best_average_precision() == pytest.approx(1, abs=1e-6)


def test_shares_of_classes_are_those_of_the_settings() -> None:
    simulator = Histology(mitoses=0.02, apoptoses=0.05, rate_variation=0.5)
    rng = np.random.default_rng(4)
    drawn = [simulator._classes(100, 0.02 * simulator._factor(rng), rng) for _ in range(4_000)]  # pyright: ignore[reportPrivateUsage]
    names, counts = np.unique(np.concatenate(drawn), return_counts=True)
    shares = dict(zip(names.tolist(), (counts / counts.sum()).tolist(), strict=True))
    assert shares["mitosis"] == pytest.approx(0.02, abs=0.001)
    assert shares["apoptosis"] == pytest.approx(0.05, abs=0.001)
    assert shares["non_tumor"] == pytest.approx(0.93 * 0.25, abs=0.003)


def test_the_source_reads_what_was_written(written: Path) -> None:
    cohort = BreCaHAD(table="patients.csv").read(written, name="s", files={"patch": "{image}"})
    truth = json.loads((written / "truth.json").read_text())
    assert CLASSES == BRECAHAD
    assert cohort.annotations == truth["annotations"]
    assert cohort.rejections == ()
    assert cohort.patients == tuple(str(i) for i in range(1, 17))
    assert set(cohort.columns["institution"]) == {"A", "B"}
    nuclei = {row["unit_id"]: row["class"] for row in rows_of(written / "truth_nuclei.csv")}
    assert nuclei == dict(zip(cohort.unit_id, cohort.columns["class"], strict=True))
    per_patient = rows_of(written / "truth_patients.csv")
    assert sum(int(row["n_mitosis"]) for row in per_patient) == truth["annotations"]["mitosis"]


def test_pixels_show_the_class_and_the_appearance(written: Path) -> None:
    """Chromatin is darkest in condensed nuclei; the pink rim falls with their appearance."""
    cohort = BreCaHAD().read(written, name="s", files={})
    appearance = {r["unit_id"]: r["appearance"] for r in rows_of(written / "truth_nuclei.csv")}
    red: list[float] = []
    pink: list[float] = []
    images: dict[str, Floats] = {}
    for name, x, y in zip(*(cohort.columns[c] for c in ("image", "x_px", "y_px")), strict=True):
        path = written / str(name)
        if str(name) not in images:
            images[str(name)] = np.asarray(Image.open(path)).astype(float)
        row, column = int(float(str(y))), int(float(str(x)))
        part = images[str(name)][max(0, row - 14) : row + 15, max(0, column - 14) : column + 15]
        red.append(float(uniform_filter(part[..., 0], 5).min()))
        pink.append(float(np.quantile(part[..., 0] - part[..., 1], 0.9)))
    classes = np.asarray(cohort.columns["class"])
    is_nucleus = classes != "lumen"
    is_condensed = np.isin(classes, ("mitosis", "apoptosis"))
    dark = roc_auc_score(is_condensed[is_nucleus], -np.asarray(red)[is_nucleus])
    assert dark > 0.95
    shown = [float(appearance[unit]) for unit in np.asarray(cohort.unit_id)[is_condensed]]
    assert np.corrcoef(shown, np.asarray(pink)[is_condensed])[0, 1] < -0.5


def test_stain_differs_between_patients_and_institutions() -> None:
    simulator = Histology(size=(96, 96), images_per_patient=1)
    means: dict[str, list[Floats]] = {"A": [], "B": []}
    for i in range(24):
        facts, fields = simulator.draw(i, seed=2)
        means[str(facts["institution"])].append(fields[0].pixels.mean(axis=(0, 1)))
    a, b = (np.stack(found) for found in means.values())
    assert a.std(axis=0).min() > 2
    assert a[:, 1].mean() > b[:, 1].mean() + 5  # the second stains more strongly


def test_a_larger_cohort_begins_with_the_smaller_one(tmp_path: Path) -> None:
    for n in (2, 3):
        (tmp_path / str(n)).mkdir()
        Histology(size=(96, 96)).write(tmp_path / str(n), n_patients=n, seed=9)
    for path in (tmp_path / "2").rglob("*.*"):
        other = tmp_path / "3" / path.relative_to(tmp_path / "2")
        if path.name != "truth.json":
            assert other.read_bytes().startswith(path.read_bytes())


def test_nuclei_keep_their_distance() -> None:
    places = draw_places((200, 300), rng=np.random.default_rng(0))
    away = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    assert len(places) > 25
    assert away[~np.eye(len(places), dtype=bool)].min() >= SPACING


def test_every_setting_at_fault_is_named_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        Histology(size=(64, 300), mitoses=0.0, separation=-1)
    assert caught.value.problems == (
        "histology.size: found [64, 300], expected a height and width of 96 px or more.",
        "histology.mitoses: found 0.0, expected 0.001 to 0.2.",
        "histology.separation: found -1, expected 0 to 10.",
    )
