"""Simulated hospital tables: the truth by integration and by the source that reads them."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from tumorboard.cohorts.mimic_iv import MimicIv as Source
from tumorboard.errors import StudyError
from tumorboard.simulators.mimic_iv import COLUMNS, MimicIv
from tumorboard.transforms.simulated_stays import CONDITIONS, LABS, DeathModel


def written(folder: Path, simulator: MimicIv, *, n: int, seed: int = 3) -> Path:
    folder.mkdir()
    simulator.write(folder, n_patients=n, seed=seed)
    return folder


def table(folder: Path, **settings: object) -> pl.DataFrame:
    source = Source(icd=("174", "C50"), prescriptions="none", **settings)  # pyright: ignore[reportArgumentType]
    return source.tabulate(folder).frame.sort("patient_id")


def lines(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return file.read().splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("it") / "cohort", MimicIv(lab_events=4), n=1500)


def test_the_source_finds_the_facts_that_were_drawn(folder: Path) -> None:
    found = table(folder, lab_window_hours=(-24.0, 0.0))
    stays = MimicIv().draw(n_patients=1500, seed=3)
    assert found["patient_id"].to_list() == [str(10_000_000 + 2 * i) for i in range(1500)]
    np.testing.assert_array_equal(found["age"].to_numpy(), stays.age)
    np.testing.assert_array_equal(found["hospital_expire_flag"].to_numpy(), stays.died)
    np.testing.assert_array_equal(found["n_earlier_admissions"].to_numpy(), stays.n_earlier)
    for c, name in enumerate(CONDITIONS):
        np.testing.assert_array_equal(found[f"elixhauser_{name}"].to_numpy(), stays.has[:, c])
    for k, lab in enumerate(LABS):
        shown = found[f"lab_{lab.itemid}_mean"].cast(pl.Float64).to_numpy()
        expected = lab.median * np.exp(lab.spread * stays.labs[:, k])
        expected[stays.is_missing[:, k]] = np.nan
        np.testing.assert_allclose(shown, expected, atol=0.51 * 10.0**-lab.decimals)


def test_the_ideal_reader_is_calibrated_and_reaches_the_bound() -> None:
    simulator = MimicIv(missing_labs=0.3)
    stays = simulator.draw(n_patients=6000, seed=1)
    for name, p in simulator.best(stays).items():
        found = roc_auc_score(stays.died, p)
        # four standard errors of an AUROC (Hanley & McNeil 1982, by its upper bound)
        n_cases = int(stays.died.sum())
        spread = 4 * np.sqrt(found * (1 - found) / min(n_cases, 6000 - n_cases))
        assert abs(found - simulator.best_auroc()[name].value) < spread
        for tenth in np.array_split(np.argsort(p), 10):
            sd = np.sqrt((p[tenth] * (1 - p[tenth])).mean() / len(tenth))
            assert abs(stays.died[tenth].mean() - p[tenth].mean()) < 4 * sd
    assert stays.is_missing.mean() == pytest.approx(0.3, abs=0.01)


def test_a_missing_lab_is_integrated_out() -> None:
    model = DeathModel(1.0, 1.0, 0.2)
    age, has, labs = np.asarray([70]), np.zeros((1, len(CONDITIONS)), dtype=bool), np.ones((1, 8))
    seen = np.ones((1, 8), dtype=bool)
    seen[0, 2] = False  # albumin, -0.8
    logit = model.intercept + 0.15 + 0.5 - 0.5 + 0.7
    exact = quad(lambda z: norm.pdf(z) * expit(logit - 0.8 * z), -9, 9)[0]
    assert model.probability(age, has, labs, seen)[0] == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_the_intercept_gives_the_death_rate(rate: float) -> None:
    stays = MimicIv(death_rate=rate).draw(n_patients=4000, seed=2)
    assert stays.probability.mean() == pytest.approx(rate, abs=0.012)


def test_codes_of_the_admission_itself_are_the_trap(folder: Path) -> None:
    def of_leaks(*, same: bool) -> float:
        found = table(folder, same_admission_codes=same, labs="none")
        score = sum(found[f"elixhauser_{name}"].cast(pl.Float64) for name in ("fed", "coag"))
        assert isinstance(score, pl.Series)
        return float(roc_auc_score(found["hospital_expire_flag"].to_numpy(), score.to_numpy()))

    bound = json.loads((folder / "truth.json").read_text())["best_auroc"]["prior"]["value"]
    assert of_leaks(same=False) == 0.5
    assert of_leaks(same=True) > bound + 0.05


def test_signals_of_nothing_leave_chance() -> None:
    bounds = MimicIv(history_signal=0.0, lab_signal=0.0).best_auroc()
    assert {name: bound.value for name, bound in bounds.items()} == {"history": 0.5, "prior": 0.5}
    plain = MimicIv().best_auroc()
    assert 0.6 < plain["history"].value < plain["prior"].value - 0.1


def test_tables_have_the_published_columns_and_others_stand_beside(folder: Path) -> None:
    for name, columns in COLUMNS.items():
        first = lines(folder / "hosp" / f"{name}.csv.gz")[0]
        assert first.split(",") == list(columns)
    subjects = pl.read_csv(folder / "hosp" / "patients.csv.gz")["subject_id"]
    assert subjects.is_unique().all()
    assert ((subjects % 2) == 1).sum() == pytest.approx(0.25 * 1500, abs=4 * np.sqrt(1500 * 0.19))
    diagnoses = pl.read_csv(folder / "hosp" / "diagnoses_icd.csv.gz", infer_schema=False)
    assert set(diagnoses["icd_version"]) == {"9", "10"}
    breast = diagnoses.filter(pl.col("icd_code").str.contains("^174|^C50"))
    assert breast["subject_id"].n_unique() == 1500


def test_lab_events_are_of_their_admission(folder: Path) -> None:
    labs, admissions = (
        pl.read_csv(folder / "hosp" / f"{name}.csv.gz", try_parse_dates=True)
        for name in ("labevents", "admissions")
    )
    both = labs.join(admissions, on="hadm_id")
    hours = (both["charttime"] - both["admittime"]).dt.total_minutes() / 60
    assert both.height == labs.height > 1500 * 8
    assert hours.min() == -15
    assert (both["charttime"] <= both["dischtime"]).all()
    assert not hours.is_between(-1, 1, closed="none").any()


def test_units_are_mixed_where_asked(tmp_path: Path) -> None:
    mixed = written(tmp_path / "mixed", MimicIv(lab_events=2, mixed_units=True), n=20)
    labs = pl.read_csv(mixed / "hosp" / "labevents.csv.gz", infer_schema_length=None)
    creatinine = labs.filter(pl.col("itemid") == 50912)
    assert set(creatinine["valueuom"]) == {"mg/dL", "umol/L"}
    by_unit = creatinine.group_by("valueuom").agg(pl.col("valuenum").median()).sort("valueuom")
    low, high = by_unit["valuenum"]
    assert 30 < high / low < 250
    assert 'lab_units = {50912 = "mg/dL"}' in (mixed / "study.toml").read_text()


def test_a_larger_cohort_begins_with_the_smaller_one(tmp_path: Path) -> None:
    small = written(tmp_path / "small", MimicIv(lab_events=2), n=6)
    large = written(tmp_path / "large", MimicIv(lab_events=2), n=9)
    for name in COLUMNS:
        begin = lines(small / "hosp" / f"{name}.csv.gz")
        assert lines(large / "hosp" / f"{name}.csv.gz")[: len(begin)] == begin
    begin = (small / "truth_patients.csv").read_text()
    assert (large / "truth_patients.csv").read_text().startswith(begin)


def test_pieces_join_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = written(tmp_path / "whole", MimicIv(lab_events=2), n=7)
    monkeypatch.setattr("tumorboard.simulators.mimic_iv._CHUNK", 3)
    pieces = written(tmp_path / "pieces", MimicIv(lab_events=2), n=7)
    for name in COLUMNS:
        path = f"hosp/{name}.csv.gz"
        assert lines(pieces / path) == lines(whole / path)
    with (pieces / "truth_patients.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 7


def test_settings_change_the_draws_of_nobody() -> None:
    plain = MimicIv().draw(n_patients=50, seed=2)
    other = MimicIv(death_rate=0.6, missing_labs=0.5).draw(n_patients=20, seed=2, first=30)
    np.testing.assert_array_equal(plain.labs[30:], other.labs)
    np.testing.assert_array_equal(plain.start_day[30:], other.start_day)
    assert other.is_missing[plain.is_missing[30:]].all()


def test_every_setting_at_fault_is_named_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        MimicIv(death_rate=1.0, lab_events=-1, missing_labs=float("nan"))
    assert caught.value.problems == (
        "mimic_iv.death_rate: found 1.0, expected 0.01 to 0.99.",
        "mimic_iv.lab_events: found -1, expected 0 or more.",
        "mimic_iv.missing_labs: found NaN, expected 0 to 0.9.",
    )
