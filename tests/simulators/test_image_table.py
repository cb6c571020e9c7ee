"""Known truth: bounds by integration, by other estimators and by hand; nothing leaks."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.integrate import dblquad, quad
from scipy.special import expit
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from tumorboard.errors import StudyError
from tumorboard.simulators import TwoSignals, best_auroc
from tumorboard.simulators.image_table import ImageTable, Patients
from tumorboard.transforms import clinical_columns as clinical

N = 20_000
#: Four standard errors of an AUROC of 0.5 with 10,000 cases and 10,000 controls (Hanley 1982).
CHANCE = 4 * np.sqrt(1 / 12 * (1 / 10_000 + 1 / 10_000))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def auroc(is_case: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    return float(roc_auc_score(is_case, score))


@pytest.fixture(scope="module")
def both() -> tuple[ImageTable, Patients]:
    simulator = ImageTable(image_signal=1.5, table_signal=2.0, interaction=1.0, image_noise=0.7)
    return simulator, simulator.draw(n_patients=N, seed=11)


def test_expected_auroc_of_four_patients_by_hand() -> None:
    # Pairs (case, control): 0.9 over 0.2: .9*.8 wins, .2*.1 loses, and so on for the six pairs.
    p = np.asarray([0.9, 0.2, 0.5, 0.5])
    wins = 0.9 * 0.8 + 0.9 * 0.5 * 2 + 0.5 * 0.8 * 2 + 0.5 * (0.25 + 0.25)
    pairs = p.sum() * (1 - p).sum() - (p * (1 - p)).sum()
    assert best_auroc(p, n_batches=2).value == pytest.approx(wins / pairs, abs=1e-12)


def test_best_auroc_of_the_image_is_the_integral() -> None:
    # AUROC = P(u_case > u_control) = 2 * integral of f1(x) F0(x) with equal class sizes.
    simulator = ImageTable(
        image_signal=1.3, table_signal=0.0, missing_images=0.0, missing_values=0.0
    )

    def cdf_control(x: float) -> float:
        return 2 * quad(lambda t: norm.pdf(t) * (1 - expit(1.3 * t)), -9, x)[0]

    exact = quad(lambda x: 2 * norm.pdf(x) * expit(1.3 * x) * cdf_control(x), -9, 9)[0]
    found = simulator.best_auroc()
    assert abs(found["image"].value - exact) < 4 * found["image"].monte_carlo_error + 1e-4
    assert found["both"].value == pytest.approx(found["image"].value, abs=1e-6)
    assert found["table"].value == 0.5


@pytest.mark.parametrize("prevalence", [0.1, 0.5])
def test_intercept_gives_the_prevalence(prevalence: float) -> None:
    model = TwoSignals(1.0, 0.7, 0.8, prevalence)
    mean = dblquad(
        lambda u, v: float(norm.pdf(u) * norm.pdf(v) * model.probability(u, v)), -8, 8, -8, 8,
        epsabs=1e-6,
    )[0]  # fmt: skip
    assert mean == pytest.approx(prevalence, abs=1e-4)


def test_interaction_share_is_the_share_of_variance() -> None:
    u, v = np.random.default_rng(0).standard_normal((2, 400_000))
    model = TwoSignals(1.0, 2.0, 1.5, 0.5)
    total = np.var(1.0 * u + 2.0 * v + 1.5 * u * v)
    assert model.interaction_share == pytest.approx(np.var(1.5 * u * v) / total, abs=0.01)


@pytest.mark.parametrize("name", ["image", "table", "both"])
def test_ideal_reader_is_calibrated_and_reaches_the_bound(
    both: tuple[ImageTable, Patients], name: str
) -> None:
    simulator, patients = both
    probability = simulator.best(patients)[name]
    seen = ~np.isnan(probability)
    outcome, probability = patients.is_malignant[seen], probability[seen]
    found = auroc(outcome, probability)
    assert abs(found - simulator.best_auroc()[name].value) < CHANCE
    # Calibration in tenths of patients: observed minus expected within four standard errors.
    for tenth in np.array_split(np.argsort(probability), 10):
        spread = np.sqrt((probability[tenth] * (1 - probability[tenth])).mean() / len(tenth))
        assert abs(outcome[tenth].mean() - probability[tenth].mean()) < 4 * spread


def test_bounds_hold_whatever_is_missing_not_at_random() -> None:
    simulator = ImageTable(missing_values=0.4, missing_mechanism="not_at_random")
    patients = simulator.draw(n_patients=N, seed=3)
    is_missing = patients.columns.is_missing
    assert is_missing.mean() == pytest.approx(0.4, abs=0.01)
    assert is_missing[patients.v > 1].mean() > is_missing[patients.v < -1].mean() + 0.4
    probability = simulator.best(patients)["table"]
    for tenth in np.array_split(np.argsort(probability), 10):
        spread = np.sqrt((probability[tenth] * (1 - probability[tenth])).mean() / len(tenth))
        observed = patients.is_malignant[tenth].mean()
        assert abs(observed - probability[tenth].mean()) < 4 * spread


def test_true_logit_of_the_latents_is_the_best_of_a_noiseless_image(
    both: tuple[ImageTable, Patients],
) -> None:
    _, patients = both
    latents = np.stack([patients.u, patients.v, patients.u * patients.v], axis=1)
    fitted = LogisticRegression(C=np.inf).fit(latents, patients.is_malignant)
    assert fitted.coef_[0] == pytest.approx([1.5, 2.0, 1.0], abs=0.15)
    reached = auroc(patients.is_malignant, fitted.decision_function(latents))
    assert reached == pytest.approx(auroc(patients.is_malignant, patients.probability), abs=1e-3)


def test_logistic_regression_approaches_the_table_bound_from_below() -> None:
    simulator = ImageTable(missing_values=0.0, interaction=0.0)
    patients = simulator.draw(n_patients=2 * N, seed=5)
    cells = clinical.cells(patients.columns, log_marker_shift=np.zeros(2 * N))
    # Logarithms of what the table says: size and marker are log-normal.
    numbers = np.asarray([[float(a), float(s), float(m)] for a, s, m, _ in cells])
    numbers[:, 1:] = np.log(numbers[:, 1:])
    location = [[float(where == name) for name in clinical.LOCATIONS] for *_, where in cells]
    x = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
    x = np.concatenate([x, np.asarray(location)], axis=1)
    fitted = LogisticRegression().fit(x[:N], patients.is_malignant[:N])
    reached = auroc(patients.is_malignant[N:], fitted.decision_function(x[N:]))
    bound = simulator.best_auroc()["table"].value
    assert bound - 0.02 < reached < bound + CHANCE


def test_image_without_signal_says_nothing_of_the_outcome(tmp_path: Path) -> None:
    simulator = ImageTable(image_signal=0.0, size=(32, 32), images_per_patient=1, missing_images=0)
    simulator.write(tmp_path, n_patients=600, seed=4)
    rows = rows_of(tmp_path / "patients.csv")
    is_case = np.asarray([row["diagnosis"] == "malignant" for row in rows])
    images = np.stack([np.asarray(Image.open(tmp_path / "images" / r["image"])) for r in rows])
    pixels = images.reshape(len(rows), -1).astype(float)
    bytes_ = [float((tmp_path / "images" / r["image"]).stat().st_size) for r in rows]
    statistics = (pixels.mean(axis=1), pixels.std(axis=1), pixels.min(axis=1), np.asarray(bytes_))
    n_case = int(is_case.sum())
    null = 4 * np.sqrt(1 / 12 * (1 / n_case + 1 / (600 - n_case)))
    for statistic in statistics:
        assert abs(auroc(is_case, statistic) - 0.5) < null
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert truth["best_auroc"]["image"]["value"] == 0.5
    assert truth["best_auroc"]["both"] == pytest.approx(truth["best_auroc"]["table"], abs=1e-6)


def test_image_shows_its_signal(tmp_path: Path) -> None:
    simulator = ImageTable(size=(32, 32), images_per_patient=1, missing_images=0)
    simulator.write(tmp_path, n_patients=300, seed=4)
    rows = rows_of(tmp_path / "patients.csv")
    shown = [float(row["image_shown"]) for row in rows_of(tmp_path / "truth_patients.csv")]
    images = np.stack([np.asarray(Image.open(tmp_path / "images" / r["image"])) for r in rows])
    dark = np.quantile(images.reshape(len(rows), -1).astype(float), 0.03, axis=1)
    assert np.corrcoef(dark, shown)[0, 1] < -0.7


def test_interaction_is_seen_by_both_alone() -> None:
    bounds = ImageTable(image_signal=0, table_signal=0, interaction=3).best_auroc()
    assert bounds["image"].value == pytest.approx(0.5, abs=0.005)
    assert bounds["table"].value == pytest.approx(0.5, abs=0.005)
    assert bounds["both"].value > 0.75


def test_patients_are_the_same_in_a_larger_cohort(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    for folder, n_patients in ((small, 6), (large, 9)):
        folder.mkdir()
        ImageTable(size=(16, 16)).write(folder, n_patients=n_patients, seed=2)
    for name in ("patients.csv", "truth_patients.csv"):
        lines = (small / name).read_text().splitlines()
        assert (large / name).read_text().splitlines()[: len(lines)] == lines
    for path in (small / "images").iterdir():
        assert (large / "images" / path.name).read_bytes() == path.read_bytes()


def test_settings_do_not_change_the_draws() -> None:
    plain = ImageTable(missing_values=0.1).draw(n_patients=200, seed=2)
    other = ImageTable(missing_values=0.3, image_signal=0, institutions=3).draw(
        n_patients=200, seed=2
    )
    np.testing.assert_array_equal(plain.u, other.u)
    np.testing.assert_array_equal(plain.columns.standard, other.columns.standard)
    assert np.all(other.columns.is_missing[plain.columns.is_missing])
    assert not np.array_equal(plain.u, ImageTable().draw(n_patients=200, seed=3).u)


def test_table_holds_what_the_settings_say(tmp_path: Path) -> None:
    simulator = ImageTable(
        images_per_patient=3, missing_values=0.2, missing_images=0.1, institutions=3, size=(16, 24)
    )
    simulator.write(tmp_path, n_patients=600, seed=8)
    rows = rows_of(tmp_path / "patients.csv")
    assert list(rows[0]) == [
        "patient_id", "institution", "sex", "age", "tumour_size_mm", "ca15_3", "tumour_location",
        "image", "diagnosis",
    ]  # fmt: skip
    of_patient: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        of_patient.setdefault(row["patient_id"], []).append(row)
    first = [group[0] for group in of_patient.values()]
    assert [row["patient_id"] for row in first] == [f"P{i:05d}" for i in range(1, 601)]
    for column in clinical.LOADINGS:
        assert np.mean([row[column] == "" for row in first]) == pytest.approx(0.2, abs=0.065)
    assert np.mean([row["image"] == "" for row in first]) == pytest.approx(0.1, abs=0.05)
    assert {row["institution"] for row in rows} == {"A", "B", "C"}
    assert {len(group) for group in of_patient.values()} == {1, 2, 3}
    for group in of_patient.values():
        assert len({tuple(v for k, v in row.items() if k != "image") for row in group}) == 1
    named = {row["image"] for row in rows} - {""}
    assert named == {path.name for path in (tmp_path / "images").iterdir()}
    with Image.open(tmp_path / "images" / min(named)) as image:
        assert (image.mode, image.size) == ("L", (24, 16))


def test_institution_shifts_the_device_and_not_the_outcome() -> None:
    patients = ImageTable().draw(n_patients=N, seed=1)
    plain = auroc(patients.is_malignant, patients.institution.astype(float))
    assert abs(plain - 0.5) < CHANCE
    confounded = ImageTable(confounded=True).draw(n_patients=N, seed=1)
    assert auroc(confounded.is_malignant, confounded.institution.astype(float)) == pytest.approx(
        0.8, abs=0.02
    )
    shift = np.where(patients.institution == 0, -0.08, 0.08)
    shifted = clinical.cells(patients.columns, log_marker_shift=shift)
    marker = np.asarray([np.nan if c[2] == "" else np.log(float(c[2])) for c in shifted])
    by_place = [np.nanmean(marker[patients.institution == k]) for k in (0, 1)]
    assert by_place[1] - by_place[0] == pytest.approx(0.16, abs=0.04)


def test_truth_tells_patients_apart_from_the_table(tmp_path: Path) -> None:
    simulator = ImageTable(size=(16, 16))
    simulator.write(tmp_path, n_patients=30, seed=9)
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert (truth["simulator"], truth["seed"], truth["n_patients"]) == ("image_table", 9, 30)
    assert truth["settings"]["image_signal"] == 4.0
    settings: dict[str, Any] = {**truth["settings"], "size": (16, 16)}
    assert ImageTable(**settings).settings() == simulator.settings()
    rows = rows_of(tmp_path / "truth_patients.csv")
    patients = simulator.draw(n_patients=30, seed=9)
    assert [float(r["probability"]) for r in rows] == pytest.approx(patients.probability, abs=1e-6)
    assert [r["best_image"] == "" for r in rows] == list(patients.n_images == 0)


def test_every_setting_at_fault_is_named_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        ImageTable(
            prevalence=1.0, missing_values=0.6, missing_mechanism="not_at_random", size=(8, 64),
            institutions=1, confounded=True, interaction=float("nan"),
        )  # fmt: skip
    assert caught.value.problems == (
        "image_table.interaction: found NaN, expected -10 to 10.",
        "image_table.prevalence: found 1.0, expected 0.01 to 0.99.",
        "image_table.size: found [8, 64], expected a height and width of 16 px or more.",
        "image_table.missing_values: found 0.6, expected 0 to 0.5 where values are missing "
        "not_at_random.",
        "image_table.confounded: found true, expected false where there is one institution.",
    )


def test_masks_lie_on_the_lesions(tmp_path: Path) -> None:
    from PIL import Image

    ImageTable(image_signal=10, images_per_patient=1, missing_images=0).write(
        tmp_path, n_patients=12, seed=3
    )
    for path in sorted((tmp_path / "masks").iterdir()):
        mask = np.asarray(Image.open(path))
        pixels = np.asarray(Image.open(tmp_path / "images" / path.name))
        assert mask.dtype == np.bool_
        assert mask.shape == pixels.shape
        assert 0.05 < mask.mean() < 0.25  # radius 0.17 to 0.25 of the height, flattened
