from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from made_cohort import make_audited, patients

from tumorboard.audit.after_index_date import AfterIndexDate
from tumorboard.formats.visit_table import VisitTable
from tumorboard.modalities.longitudinal import MeasuredVisits
from tumorboard.records import Finding

N = 60
SEEDS = range(3)


def find(
    columns: dict, *, categorical: tuple = (), numeric: tuple = (), **cohort: object
) -> list[Finding]:
    base, _ = patients(N)
    return AfterIndexDate().find(
        make_audited(
            {**base, **columns},
            categorical=categorical,
            numeric=numeric,
            cohort={"index_date": "biopsy", **cohort},
        )
    )


def days(seed: int, shift: np.ndarray | int = 0) -> list[date]:
    start = np.random.default_rng(seed).integers(0, 900, N) + shift
    return [date(2018, 1, 1) + timedelta(days=int(day)) for day in start]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y-%m-%dT08:30"])
def test_a_predictor_dated_after_the_index_date_is_an_error(form: str, seed: int) -> None:
    after = np.where(np.arange(N) % 10 == 0, 40, -3)
    index = [day.strftime(form) for day in days(seed)]
    lab = [day.strftime(form) for day in days(seed, after)]
    (finding,) = find({"biopsy": index, "lab_day": lab}, categorical=("lab_day",))
    assert (finding.code, finding.severity) == ("after-index-date", "error")
    assert finding.patients == tuple(f"P{i:04d}" for i in range(0, N, 10))
    assert "holds dates after biopsy in 6 patients" in finding.message


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("shift", [0, -1, -400])
def test_dates_on_or_before_the_index_date_are_fine(shift: int, seed: int) -> None:
    columns = {
        "biopsy": [f"{day:%d/%m/%Y}" for day in days(seed)],
        "first_visit": [f"{day:%d/%m/%Y}" for day in days(seed, shift)],
    }
    assert find(columns, categorical=("first_visit",)) == []


def test_a_declared_format_settles_what_a_date_means() -> None:
    """03/04 and 04/03: later only where the month comes first."""
    columns = {"biopsy": ["03/04/2020"] * N, "visit": ["02/05/2020"] * N}
    assert find(columns, categorical=("visit",)) == []  # either reading is possible: no alarm
    us = {"biopsy": "%m/%d/%Y", "visit": "%m/%d/%Y"}
    europe = {"biopsy": "%d/%m/%Y", "visit": "%d/%m/%Y"}
    assert find(columns, categorical=("visit",), dates=us) == []
    (finding,) = find(columns, categorical=("visit",), dates=europe)
    assert finding.evidence["n_patients"] == N


def test_a_value_measured_after_the_index_date() -> None:
    columns = {
        "biopsy": [day.isoformat() for day in days(0)],
        "ca15_3": list(range(N)),
        "ca15_3_date": [day.isoformat() for day in days(0, 7)],
    }
    (finding,) = find(columns, numeric=("ca15_3",))
    assert "was measured (ca15_3_date) after biopsy in 60 patients" in finding.message
    columns["ca15_3_date"] = [day.isoformat() for day in days(0, -7)]
    assert find(columns, numeric=("ca15_3",)) == []


def test_years() -> None:
    columns = {
        "biopsy": [day.isoformat() for day in days(0)],
        "Quit Smoking Year": [2016 + (i == 3) * 8 for i in range(N)],
    }
    (finding,) = find(columns, numeric=("Quit Smoking Year",))
    assert finding.patients == ("P0003",)


@pytest.mark.parametrize(
    ("name", "severity"),
    [("death01", "error"), ("os_months", "error"), ("Survival Status", "error"), ("died", "error"),
     ("date_last_follow_up", "error"), ("recurrence", "warning"), ("TreatmentResponse", "warning")],
)  # fmt: skip
def test_names_of_the_follow_up(name: str, severity: str) -> None:
    (finding,) = find({"biopsy": ["2020-01-01"] * N, name: list(range(N))}, numeric=(name,))
    assert (finding.code, finding.severity) == ("after-index-date", severity)


@pytest.mark.parametrize(
    "name", ["age", "prior_recurrence", "family_history_of_death", "previous relapse", "position"]
)
def test_names_of_what_came_before(name: str) -> None:
    assert find({"biopsy": ["2020-01-01"] * N, name: list(range(N))}, numeric=(name,)) == []


def test_dates_that_are_no_predictor_are_nobodys_fault() -> None:
    columns = {"biopsy": ["2020-01-01"] * N, "date_of_death": ["2021-01-01"] * N, "x": range(N)}
    assert find(columns, numeric=("x",)) == []


def test_what_the_source_knows_only_later_is_one_error_per_modality() -> None:
    base, _ = patients(N)
    codes = {name: ["1", "0"] * (N // 2) for name in ("elixhauser_chf", "elixhauser_rf")}
    audited = make_audited({**base, **codes}, numeric=tuple(codes))
    late = dict.fromkeys(codes, "at discharge")
    (finding,) = AfterIndexDate().find(
        replace(audited, cohort=replace(audited.cohort, known_later=late))
    )
    assert (finding.code, finding.severity) == ("after-index-date", "error")
    assert "2 predictors of modalities.record are known only at discharge" in finding.message
    assert finding.evidence["columns"] == ["elixhauser_chf", "elixhauser_rf"]


def test_columns_of_visits_are_judged_by_their_names() -> None:
    columns, _ = patients(20, seed=1)
    audited = make_audited(columns, numeric=[])
    table = VisitTable(
        Path("visits.csv"), ("a",), (2,), np.array([-1.0]),
        {"crp": np.ones(1), "days_to_death": np.ones(1)}, {}, (),
    )  # fmt: skip
    measured = MeasuredVisits(
        present=np.ones(1, dtype=np.bool_), name="labs", table=table, index=np.array([[0]])
    )
    found = AfterIndexDate().find(replace(audited, measured={"labs": measured}))
    assert [(f.severity, f.evidence["column"]) for f in found] == [("error", "days_to_death")]
    assert "modalities.labs" in found[0].message
