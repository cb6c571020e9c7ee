"""Records of a second source: joined by patient id, or refused, or paired and said so."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tumorboard.cohorts.joining import RECORD_OF, join_records, pair_strangers
from tumorboard.errors import InputError, StudyError
from tumorboard.records import Cohort


def cohort_of(name: str, ids: list[str], **columns: list[str | None]) -> Cohort:
    return Cohort(
        name=name,
        patient_id=tuple(ids),
        unit_id=tuple(f"{patient}:{i}" for i, patient in enumerate(ids)),
        columns={"patient_id": tuple(ids), **{n: tuple(c) for n, c in columns.items()}},
        files={},
        line=tuple(range(2, len(ids) + 2)),
        table=Path(f"{name}.csv"),
        root=Path(),
    )


PATCHES = cohort_of("slides", ["a", "a", "b", "c"], x_px=["1", "2", "3", "4"])
RECORDS = cohort_of("hospital", ["b", "a", "z"], age=["40", "50", "60"])


def test_a_record_is_joined_to_every_row_of_its_patient() -> None:
    joined = join_records(PATCHES, replace(RECORDS, known_later={"age": "at discharge"}))
    assert joined.columns["age"] == ("50", "50", "40", None)
    assert joined.columns["x_px"] == PATCHES.columns["x_px"]
    assert joined.known_later == {"age": "at discharge"}
    assert joined.notes == (
        "records joined by patient id: 2 patients of both, 1 of slides.csv without a record, 1 "
        "records of nobody here",
    )


def test_strangers_are_refused() -> None:
    others = cohort_of("hospital", ["x", "y"], age=["40", "50"])
    with pytest.raises(StudyError, match=r"none of the 3 patients of slides\.csv") as caught:
        join_records(PATCHES, others)
    assert "they are strangers" in str(caught.value)
    assert 'evaluation.pairing = "simulated"' in str(caught.value)


def test_strangers_are_paired_where_the_study_says_so_and_the_rows_say_whose_record_it_is() -> None:
    others = cohort_of("hospital", ["x", "y", "z"], age=["40", "50", "60"])
    many = cohort_of("slides", [f"p{i // 10}" for i in range(100)])
    paired = pair_strangers(many, others, seed=3)
    assert sorted(Counter(paired.columns[RECORD_OF]).values()) == [33, 33, 34]
    age_of = dict(zip("xyz", ("40", "50", "60"), strict=True))
    assert paired.columns["age"] == tuple(age_of[str(o)] for o in paired.columns[RECORD_OF])
    assert paired.notes[0].startswith("SIMULATED PAIRING: each of 100 rows has the record of ano")
    again = pair_strangers(many, others, seed=3)
    assert again.columns == paired.columns
    assert pair_strangers(many, others, seed=4).columns != paired.columns


def test_pairs_that_are_real_are_not_simulated() -> None:
    with pytest.raises(StudyError, match="2 patients of 3 have records of their own"):
        pair_strangers(PATCHES, RECORDS, seed=0)


def test_several_records_of_a_patient_are_refused() -> None:
    twice = cohort_of("hospital", ["a", "a", "b"], age=["40", "41", "50"])
    with pytest.raises(InputError, match=r"several rows for 1 patient \(a\)"):
        join_records(PATCHES, twice)


def test_a_column_of_both_is_refused() -> None:
    same = cohort_of("hospital", ["a", "b"], x_px=["1", "2"])
    with pytest.raises(InputError, match="column 'x_px' of hospital"):
        join_records(PATCHES, same)
