"""Splits by patient: nobody on two sides, everybody tested once, strata in proportion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tumorboard.cohorts.splits import (
    split_by_institution,
    split_patients,
    split_units,
    validate_by_unit,
)
from tumorboard.errors import StudyError
from tumorboard.records import Cohort, Ints, Split


def split(patient_id: Sequence[str], strata: Sequence[int] | Ints, **changes: Any) -> list[Split]:
    options: dict[str, Any] = {
        "folds": 5, "repeats": 1, "holdout": None, "validation": 0.15, "seed": 7, **changes,
    }  # fmt: skip
    return split_patients(patient_id, np.asarray(strata, dtype=np.int64), **options)


@st.composite
def cohorts(draw: st.DrawFn) -> tuple[list[str], list[int], int]:
    """Rows of patients with one stratum each, in any order, and a number of folds that works."""
    folds = draw(st.integers(2, 6))
    sizes = draw(st.lists(st.integers(max(folds, 4), 25), min_size=1, max_size=4))
    rows = [
        (f"p{stratum}-{i}", stratum)
        for stratum, size in enumerate(sizes)
        for i in range(size)
        for _ in range(draw(st.integers(1, 3)))
    ]
    rows = draw(st.permutations(rows))
    return [p for p, _ in rows], [s for _, s in rows], folds


@settings(max_examples=60, deadline=None)
@given(cohorts(), st.integers(1, 3), st.integers(0, 2**32 - 1), st.floats(0.05, 0.5))
def test_k_fold_properties(
    cohort: tuple[list[str], list[int], int], repeats: int, seed: int, validation: float
) -> None:
    patients, strata, folds = cohort
    splits = split(patients, strata, folds=folds, repeats=repeats, seed=seed, validation=validation)
    assert [(s.repeat, s.fold) for s in splits] == [
        (r, f) for r in range(1, repeats + 1) for f in range(1, folds + 1)
    ]
    stratum_of = dict(zip(patients, strata, strict=True))
    sizes = Counter(stratum_of.values())
    tested: Counter[tuple[int, str]] = Counter()
    for one in splits:
        # One part per patient is what keeps a patient's rows on one side.
        assert set(one.parts) == set(patients)
        counts = Counter((part, stratum_of[patient]) for patient, part in one.parts.items())
        for stratum, size in sizes.items():
            assert abs(counts["test", stratum] - size / folds) < 1
            assert counts["train", stratum] >= 1
            rest = size - counts["test", stratum]
            assert abs(counts["validation", stratum] - validation * rest) <= 1
            assert counts["validation", stratum] >= 1
        tested.update((one.repeat, p) for p, part in one.parts.items() if part == "test")
    assert tested == {(r, p): 1 for r in range(1, repeats + 1) for p in set(patients)}
    fold_sizes = [sum(part == "test" for part in one.parts.values()) for one in splits]
    assert max(fold_sizes) - min(fold_sizes) <= 1


@settings(max_examples=30, deadline=None)
@given(cohorts(), st.randoms(use_true_random=False))
def test_row_order_and_repeats_change_nothing(
    cohort: tuple[list[str], list[int], int], random: Any
) -> None:
    patients, strata, folds = cohort
    once = split(patients, strata, folds=folds)
    order = list(range(len(patients)))
    random.shuffle(order)
    moved = split([patients[i] for i in order], [strata[i] for i in order], folds=folds, repeats=3)
    assert moved[:folds] == once
    assert [dict(a.parts) for a in moved[folds : 2 * folds]] != [dict(b.parts) for b in once]


@settings(max_examples=30, deadline=None)
@given(cohorts(), st.integers(1, 3))
def test_holdout_properties(cohort: tuple[list[str], list[int], int], repeats: int) -> None:
    patients, strata, _ = cohort
    splits = split(patients, strata, holdout=(0.7, 0.15, 0.15), repeats=repeats)
    stratum_of = dict(zip(patients, strata, strict=True))
    sizes = Counter(stratum_of.values())
    assert [(s.repeat, s.fold) for s in splits] == [(r, 1) for r in range(1, repeats + 1)]
    for one in splits:
        assert set(one.parts) == set(patients)
        counts = Counter((part, stratum_of[patient]) for patient, part in one.parts.items())
        for stratum, size in sizes.items():
            for part, share in (("train", 0.7), ("validation", 0.15), ("test", 0.15)):
                assert counts[part, stratum] >= 1
                assert abs(counts[part, stratum] - share * size) <= 1.5


def test_a_seed_gives_other_splits_and_the_same_seed_the_same() -> None:
    patients = [f"p{i}" for i in range(40)]
    strata = [i % 2 for i in range(40)]
    assert split(patients, strata) == split(patients, strata)
    assert split(patients, strata) != split(patients, strata, seed=8)


def test_large_holdout_has_the_shares_that_were_asked_for() -> None:
    patients = [f"p{i}" for i in range(1000)]
    [one] = split(patients, [i % 2 for i in range(1000)], holdout=(0.7, 0.15, 0.15))
    assert Counter(one.parts.values()) == {"train": 700, "validation": 150, "test": 150}


def test_a_patients_stratum_is_the_most_frequent_of_its_rows() -> None:
    # By the majority rule a0..a3 are stratum 0 (a tie takes the smaller) and b0..b3 stratum 1; by
    # any other rule some fold of two would not test two of each.
    patients = [f"a{i}" for i in range(4) for _ in range(2)] + [
        f"b{i}" for i in range(4) for _ in range(3)
    ]
    strata = [1, 0] * 4 + [0, 1, 1] * 4
    for seed in range(20):
        for one in split(patients, strata, folds=2, seed=seed):
            tested = Counter(p[0] for p, part in one.parts.items() if part == "test")
            assert tested == {"a": 2, "b": 2}


# T12


def test_small_classes_stop_before_training_with_counts() -> None:
    patients = [f"p{i}" for i in range(14)]
    strata = [0] * 10 + [1] * 4
    message = (
        r"evaluation\.folds: 5 folds, but the smallest class has 4 patients "
        r"\(benign: 10, malignant: 4\).*largest number of folds that works is 4"
    )
    with pytest.raises(StudyError, match=message):
        split(patients, strata, classes=("benign", "malignant"))
    assert len(split(patients, strata, folds=4)) == 4
    with pytest.raises(StudyError, match=r"class 1: 2\).*No number of folds works"):
        split(patients[:12], strata[:12], folds=2)
    with pytest.raises(StudyError, match=r"fewer than 3 patients \(class 0: 10, class 1: 2\)"):
        split(patients[:12], strata[:12], holdout=(0.7, 0.15, 0.15))


def test_three_patients_need_three_folds() -> None:
    patients, strata = [f"p{i}" for i in range(3)], [0, 0, 0]
    assert len(split(patients, strata, folds=3)) == 3
    with pytest.raises(StudyError, match="largest number of folds that works is 3"):
        split(patients, strata, folds=2)


def test_many_rows_of_one_patient_count_once() -> None:
    with pytest.raises(StudyError, match="smallest class has 3 patients"):
        split(["a"] * 50 + ["b"] * 50 + ["c"] * 50, [0] * 150)


def test_every_institution_is_tested_once_by_models_that_never_saw_it() -> None:
    ids = [f"p{i}" for i in range(40) for _ in range(2)]
    home = [("A", "B", "C", "D")[i % 4] for i in range(40) for _ in range(2)]
    strata = np.asarray([i // 4 % 2 for i in range(40) for _ in range(2)])
    splits = split_by_institution(ids, strata, home, repeats=2, validation=0.2, seed=1)
    assert [(s.repeat, s.fold) for s in splits] == [(r, f) for r in (1, 2) for f in (1, 2, 3, 4)]
    of = dict(zip(ids, home, strict=True))
    for s in splits:
        assert {of[p] for p, part in s.parts.items() if part == "test"} == {"ABCD"[s.fold - 1]}
        assert len(s.parts) == 40
        assert "validation" in s.parts.values()


def test_an_institution_must_be_known_and_leave_each_class_behind() -> None:
    ids, strata = [f"p{i}" for i in range(12)], np.asarray([0, 1] * 6)

    def call(home: Sequence[str | None], s: Ints = strata) -> None:
        split_by_institution(ids, s, home, repeats=1, validation=0.2, seed=1)

    with pytest.raises(StudyError, match=r"needs two institutions, found 1 \(A\)"):
        call(["A"] * 12)
    with pytest.raises(StudyError, match=r"patient 'p11' has no institution \(1 patients have"):
        call(["A", "B"] * 5 + ["A", None])
    with pytest.raises(StudyError, match=r"without institution 'A' a class has fewer than 2"):
        call(["A"] * 6 + ["B"] * 6, np.asarray([0, 1, 0, 1, 0, 1] + [0] * 6))


def test_a_split_by_unit_puts_patches_of_one_patient_on_both_sides() -> None:
    units = [f"case{i // 50}:{i}" for i in range(150)]
    strata = np.asarray([i % 3 for i in range(150)], dtype=np.int64)
    cohort = Cohort(
        "c", tuple(u.split(":")[0] for u in units), tuple(units), {}, {}, tuple(range(2, 152)),
        Path("t"), Path(),
    )  # fmt: skip
    splits = split_units(units, strata, folds=3, repeats=1, holdout=None, validation=0.15, seed=7)
    tested = np.concatenate([split.rows(cohort, "test") for split in splits])
    assert sorted(tested.tolist()) == list(range(150))
    for one in splits:
        parts = {
            part: {cohort.patient_id[i] for i in one.rows(cohort, part)}
            for part in ("train", "test")
        }
        assert parts["train"] == parts["test"] == {"case0", "case1", "case2"}
        shares = Counter(strata[one.rows(cohort, "test")].tolist())
        assert max(shares.values()) - min(shares.values()) <= 1


def test_units_of_training_patients_validate_where_no_patient_can_be_spared() -> None:
    ids = [f"case{i // 40}" for i in range(120)]
    units = [f"{patient}:{i}" for i, patient in enumerate(ids)]
    strata = np.asarray([0] * 90 + [1] * 30, dtype=np.int64)[np.argsort(np.arange(120) % 4)]
    cohort = Cohort("c", tuple(ids), tuple(units), {}, {}, tuple(range(2, 122)), Path("t"), Path())
    whole = split(ids, [0] * 120, folds=3)
    splits = validate_by_unit(whole, ids, units, strata, validation=0.25, seed=7)
    for before, after in zip(whole, splits, strict=True):
        np.testing.assert_array_equal(after.rows(cohort, "test"), before.rows(cohort, "test"))
        train, validation = after.rows(cohort, "train"), after.rows(cohort, "validation")
        assert len(train) + len(validation) == 80
        assert set(train.tolist()).isdisjoint(validation.tolist())
        assert {cohort.patient_id[i] for i in train} == {cohort.patient_id[i] for i in validation}
        for stratum in (0, 1):
            among = np.concatenate([train, validation])
            n = int((strata[among] == stratum).sum())
            assert int((strata[validation] == stratum).sum()) == round(0.25 * n)


def test_a_patient_with_nuclei_of_two_classes_counts_for_both() -> None:
    """Her majority decides her stratum alone; it does not take the other class away from her."""
    ids = [f"p{i // 16}" for i in range(128)]
    strata = [0] * 7 + [1] * 9 + ([0] * 8 + [1] * 8) * 7  # one patient has one more of class 1
    splits = split(ids, strata, folds=2)
    tested = [patient for s in splits for patient, part in s.parts.items() if part == "test"]
    assert sorted(tested) == [f"p{i}" for i in range(8)]


def test_three_cases_make_two_folds_where_no_whole_case_validates() -> None:
    ids = [f"p{i // 4}" for i in range(12)]
    strata = [0, 1] * 6
    with pytest.raises(StudyError, match=r"2 folds, but the smallest class has 3 patients"):
        split(ids, strata, folds=2)
    assert len(split(ids, strata, folds=2, spared=1)) == 2


def test_too_few_units_are_called_by_their_word() -> None:
    units = [f"p{i}:1" for i in range(12)]
    strata = np.asarray([0] * 10 + [1] * 2)
    with pytest.raises(StudyError, match=r"3 folds, but the smallest class has 2 annotations"):
        split_units(
            units, strata, folds=3, repeats=1, holdout=None, validation=0.15, seed=7,
            word="annotation",
        )  # fmt: skip
    with pytest.raises(StudyError, match=r"a class has fewer than 3 annotations"):
        split_units(
            units, strata, folds=3, repeats=1, holdout=(0.7, 0.15, 0.15), validation=0.15, seed=7,
            word="annotation",
        )  # fmt: skip
