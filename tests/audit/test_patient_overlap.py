from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seen_cohort import (
    CATEGORICAL,
    NUMERIC,
    copied,
    ids,
    jpeg,
    make_audited,
    make_cohort,
    record,
    speckle,
)

from tumorboard.audit.patient_overlap import PatientOverlap

N = 60
TABLE: dict[str, Any] = {"numeric": NUMERIC, "categorical": CATEGORICAL}
#: Age, sex and site alone: rows agree by chance.
COARSE: dict[str, Any] = {"numeric": ("age",), "categorical": CATEGORICAL}


def test_one_image_under_two_ids(tmp_path: Path) -> None:
    pictures = [*(speckle(i) for i in range(20)), speckle(4), speckle(4)]
    cohort = make_cohort(tmp_path, ids=ids(22), pictures=pictures)
    (finding,) = PatientOverlap().find(make_audited(cohort, cache=tmp_path / "cache"))
    assert (finding.code, finding.severity) == ("patient-overlap", "error")
    assert finding.patients == ("P004", "P020", "P021")
    assert finding.message.startswith("1 person under several patient ids")
    (group,) = finding.evidence["groups"]  # type: ignore[misc]
    assert group["because"][0]["files"] == ["4.png", "20.png", "21.png"]


def test_one_row_under_two_ids(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path, ids=ids(N), columns=copied(record(N), 3, 50))
    (finding,) = PatientOverlap().find(make_audited(cohort, cache=tmp_path, **TABLE))
    assert finding.patients == ("P003", "P050")
    assert "(same row)" in finding.message


@pytest.mark.parametrize(("one", "two"), [("7", "007"), ("case 7", "CASE7"), ("a07", "A7")])
def test_two_spellings_of_one_id_whose_rows_agree(one: str, two: str, tmp_path: Path) -> None:
    names = [one, *ids(N - 2), two]
    columns = copied(record(N, 1), 0, N - 1)
    cohort = make_cohort(tmp_path, ids=names, columns=columns)
    found = PatientOverlap().find(
        make_audited(cohort, cache=tmp_path, numeric=NUMERIC[:2], categorical=CATEGORICAL)
    )
    assert found[0].patients == (one, two)
    assert "same id" in found[0].message


def test_two_spellings_whose_rows_differ_are_two_people(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path, ids=["7", *ids(N - 2), "007"], columns=record(N))
    assert PatientOverlap().find(make_audited(cohort, cache=tmp_path, **TABLE)) == []


@pytest.mark.parametrize("seed", range(3))
def test_running_numbers_of_two_cohorts_are_different_people(seed: int, tmp_path: Path) -> None:
    """Both count from 0; a few rows of age, sex and site agree by chance."""
    first = make_cohort(tmp_path / "a", ids=ids(N), columns=record(N, seed))
    other = make_cohort(tmp_path / "b", name="b", ids=ids(N), columns=record(N, seed + 10))
    assert PatientOverlap().find(make_audited(first, other, cache=tmp_path, **COARSE)) == []


def test_the_same_people_in_two_cohorts(tmp_path: Path) -> None:
    """Rows so coarse that only all equal ids with all equal rows tell."""
    columns = record(N)
    first = make_cohort(tmp_path / "a", ids=ids(N), columns=columns)
    half = {name: cells[: N // 2] for name, cells in columns.items()}
    other = make_cohort(tmp_path / "b", name="b", ids=ids(N // 2), columns=half)
    (finding,) = PatientOverlap().find(make_audited(first, other, cache=tmp_path, **COARSE))
    assert finding.evidence["n_groups"] == N // 2
    (group, *_) = finding.evidence["groups"]  # type: ignore[misc]
    assert [person["cohort"] for person in group["patients"]] == ["made", "b"]


def test_one_image_in_two_cohorts(tmp_path: Path) -> None:
    first = make_cohort(tmp_path / "a", ids=ids(20), pictures=[speckle(i) for i in range(20)])
    other = make_cohort(
        tmp_path / "b", name="b", ids=["X", "Y"], pictures=[speckle(3), jpeg(speckle(5))]
    )
    (finding,) = PatientOverlap().find(make_audited(first, other, cache=tmp_path / "cache"))
    assert "made: P003 = b: X (same image)" in finding.message
    assert finding.patients == ("P003", "X")  # a changed copy is a warning of its own


@pytest.mark.parametrize("seed", range(3))
def test_different_people_are_clean(seed: int, tmp_path: Path) -> None:
    cohort = make_cohort(
        tmp_path, ids=ids(N), columns=record(N, seed), pictures=[speckle(i) for i in range(N)]
    )
    assert PatientOverlap().find(make_audited(cohort, cache=tmp_path / "cache", **TABLE)) == []


def with_visit(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    columns = record(N, seed) | {"visit": [f"2020-{m:02d}-{d:02d}" for m, d in dates(rng)]}
    columns["note"] = [" ".join(rng.choice(list("abcdefghij"), 10)) for _ in range(N)]
    return columns | {"outcome": list(rng.choice(["benign", "malignant"], N))}


def dates(rng: np.random.Generator) -> list[tuple[int, int]]:
    return list(zip(rng.integers(1, 13, N).tolist(), rng.integers(1, 28, N).tolist(), strict=True))


def test_one_person_by_columns_that_are_no_predictors(tmp_path: Path) -> None:
    """Age, sex and site agree by chance; the date and the note as well do not."""
    cohort = make_cohort(tmp_path, ids=ids(N), columns=copied(with_visit(1), 3, 50))
    (finding,) = PatientOverlap().find(make_audited(cohort, cache=tmp_path, **COARSE))
    assert finding.patients == ("P003", "P050")
    assert "note" in finding.message
    assert "outcome" not in finding.message


@pytest.mark.parametrize("seed", range(4))
def test_chance_in_columns_that_are_no_predictors_is_clean(seed: int, tmp_path: Path) -> None:
    columns = with_visit(seed)
    for name in ("age", "sex", "site"):
        columns[name] = copied(columns, 3, 50)[name]
    cohort = make_cohort(tmp_path, ids=ids(N), columns=columns)
    assert PatientOverlap().find(make_audited(cohort, cache=tmp_path, **COARSE)) == []


def test_a_table_that_was_doubled_is_counted_whole(tmp_path: Path) -> None:
    """Every value is common then, and few rows are improbable one by one."""
    half = record(N // 2)
    columns = {name: [*cells, *cells] for name, cells in half.items()}
    cohort = make_cohort(tmp_path, ids=ids(N), columns=columns)
    (finding,) = PatientOverlap().find(make_audited(cohort, cache=tmp_path, **TABLE))
    assert finding.evidence["n_groups"] == N // 2
