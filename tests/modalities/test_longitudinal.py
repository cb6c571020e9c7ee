"""Visits as tokens: what enters, what it is scaled by, and what only several visits tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError
from tumorboard.modalities.longitudinal import Longitudinal, MeasuredVisits
from tumorboard.models.encoders.gru import Gru
from tumorboard.records import Cohort

#: Visits in no order; d has none, e has one after its index date.
VISITS = (
    "id,day,crp,ward", "b,-2,6,icu", "a,-1,4,icu", "a,-9,2,ward", "a,-5,NA,ward", "c,0,9,new",
    "b,-4,8,ward", "e,3,1,icu",
)  # fmt: skip


def make_cohort(folder: Path, ids: str, **columns: tuple[str | None, ...]) -> Cohort:
    return Cohort(
        name="c", patient_id=tuple(ids), unit_id=tuple(ids), columns=columns, files={},
        line=tuple(range(2, len(ids) + 2)), table=folder / "patients.csv", root=folder,
    )  # fmt: skip


def modality(**changed: Any) -> Longitudinal:
    settings: dict[str, Any] = {
        "table": "visits.csv", "patient_id": "id", "time": "day", "numeric": ("crp",),
        "categorical": ("ward",), "last_visits": 3, "later": "leave_out", "missing": ("", "NA"),
    }  # fmt: skip
    return Longitudinal(**{**settings, **changed})


def read(one: Longitudinal, cohort: Cohort, *lines: str) -> MeasuredVisits:
    (cohort.root / "visits.csv").write_text("\n".join(lines or VISITS) + "\n")
    with Cache(cohort.root / "cache") as cache:
        return one.read(cohort, name="labs", cache=cache)


def test_features_by_hand(tmp_path: Path) -> None:
    one = modality()
    measured = read(one, make_cohort(tmp_path, "abcde"))
    assert measured.present.tolist() == [True, True, True, False, False]
    np.testing.assert_array_equal(measured.days[0], [-9, -5, -1])
    spec = one.fit(measured, np.array([0, 1]), weight=np.ones(2))
    assert spec.names == (
        "crp", "crp missing", "ward=icu", "ward=ward", "ward=unknown category",
        "time before the index date",
    )  # fmt: skip
    assert spec.sizes == (3, 6)
    assert one.origins == ("crp", "crp", "ward", "ward", "ward", "day")
    # a's 2 and 4 and b's 6 and 8 weigh a half each: mean 5, variance 5
    crp, root = one.state().values["numeric"][0], np.sqrt(5.0)
    assert (crp["center"], crp["fill"]) == (5.0, 5.0)
    assert crp["scale"] == pytest.approx(root)
    # times: a's three weigh a third (mean -5, squares 107/3), b's two a half (-3, 10)
    sd = np.sqrt((107 / 3 + 10) / 2 - 16)
    arrays = one.arrays(measured, np.array([2, 0]))
    assert arrays.dtype == np.float32
    expected = [
        [(2 - 5) / root, 0, 0, 1, 0, -5 / sd],
        [0, 1, 0, 1, 0, -1 / sd],
        [(4 - 5) / root, 0, 1, 0, 0, 3 / sd],
    ]
    np.testing.assert_allclose(arrays[1], expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(arrays[0, 0], [4 / root, 0, 0, 0, 1, 4 / sd], rtol=1e-6)
    assert np.isnan(arrays[0, 1:]).all()
    said = " ".join(one.notes(measured, np.arange(5)))
    assert "1 after the index date" in said
    assert "unseen category of ward ('new')" in said


def test_each_patient_weighs_one_however_many_visits(tmp_path: Path) -> None:
    one = modality(categorical=(), last_visits=9)
    rows = [f"a,{-day},0,x" for day in range(1, 9)]
    measured = read(one, make_cohort(tmp_path, "ab"), VISITS[0], *rows, "b,-1,10,x")
    one.fit(measured, np.array([0, 1]), weight=np.ones(2))
    crp = one.state().values["numeric"][0]
    assert (crp["center"], crp["scale"]) == pytest.approx((5.0, 5.0))


def test_only_the_latest_visits_enter_and_others_are_counted(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path, "abc")
    measured = read(modality(last_visits=2), cohort)
    np.testing.assert_array_equal(measured.days[0], [-5, -1])
    assert "1 earlier than the last 2" in " ".join(measured.notes)
    measured = read(modality(before_days=4), cohort)
    np.testing.assert_array_equal(measured.days, [[-9, -5, np.nan], [-4] + 2 * [np.nan],
                                                  3 * [np.nan]])  # fmt: skip
    assert "3 under 4 days before it" in " ".join(measured.notes)
    assert measured.present.tolist() == [True, True, False]


def test_visits_after_the_index_date_are_refused_unless_left_out(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"1 visit is after .*row 8 patient e: 3 days after.*later"
    ):
        read(modality(later="refuse"), make_cohort(tmp_path, "abe"))
    # the visit of somebody else is nobody's fault
    assert read(modality(later="refuse"), make_cohort(tmp_path, "abc")).present.all()


def test_dates_are_counted_from_the_index_date_of_each_row(tmp_path: Path) -> None:
    lines = ("id,day,crp", "a,2020-03-01,1", "a,2020-02-28,2", "b,2020-03-05,3", "c,2020-01-01,4")
    dates = ("01.03.2020", "05.03.2020", None)
    one = modality(
        categorical=(), time_format="%Y-%m-%d", index_date="biopsy", index_format="%d.%m.%Y"
    )
    measured = read(one, make_cohort(tmp_path, "abc", biopsy=dates), *lines)
    np.testing.assert_array_equal(measured.days[:2, :2], [[-2, 0], [0, np.nan]])
    assert measured.present.tolist() == [True, True, False]
    assert "1 patient has visits and no biopsy" in " ".join(measured.notes)
    with pytest.raises(InputError, match=r"patients.csv, column biopsy: .*row 2 patient a"):
        read(one, make_cohort(tmp_path, "a", biopsy=("2020-03-01",)), *lines)
    with pytest.raises(InputError, match="no column 'biopsy'"):
        read(one, make_cohort(tmp_path, "a"), *lines)
    with pytest.raises(StudyError, match="dates need the column of the index date"):
        modality(time_format="%Y-%m-%d")


def test_rows_of_one_patient_see_the_visits_up_to_their_own_date(tmp_path: Path) -> None:
    lines = ("id,day,crp", "a,2020-01-01,1", "a,2020-06-01,2")
    one = modality(categorical=(), time_format="%Y-%m-%d", index_date="on")
    measured = read(one, make_cohort(tmp_path, "aa", on=("2020-02-01", "2020-06-01")), *lines)
    np.testing.assert_array_equal(measured.days[:, :2], [[-31, np.nan], [-152, 0]])


def test_the_audit_sees_the_latest_cell_of_every_row(tmp_path: Path) -> None:
    measured = read(modality(), make_cohort(tmp_path, "abd"))
    assert measured.latest() == {"crp": ("4.0", "6.0", None), "ward": ("icu", "icu", None)}


def test_what_cannot_be_fitted_is_refused(tmp_path: Path) -> None:
    one = modality()
    measured = read(one, make_cohort(tmp_path, "abd"))
    with pytest.raises(InputError, match="none of the 1 training rows has a visit"):
        one.fit(measured, np.array([2]), weight=np.ones(1))
    measured = read(one, make_cohort(tmp_path, "ab"), VISITS[0], "a,-1,NA,x", "b,-1,3,x")
    with pytest.raises(InputError, match="labs, column crp: no value in any of the 1 visits"):
        one.fit(measured, np.array([0]), weight=np.ones(1))
    one.fit(measured, np.array([1]), weight=np.ones(1))
    with pytest.raises(InputError, match="columns crp, ward, expected crp"):
        modality(categorical=()).restore(one.state())
    with pytest.raises(StudyError, match="at least one column"):
        modality(numeric=(), categorical=())


def test_another_cohort_has_its_own_table_or_nobody_has_visits(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path, "ab")
    one = modality()
    measured = read(one, cohort)
    one.fit(measured, np.array([0, 1]), weight=np.ones(2))
    other = replace(cohort, table=tmp_path / "other" / "new.csv", is_other=True)
    other.table.parent.mkdir()
    (tmp_path / "other" / "visits.csv").write_text("id,day,crp,ward\na,-1,70,icu\n")
    with Cache(tmp_path / "cache") as cache:
        found = one.read(other, name="labs", cache=cache)
        assert found.present.tolist() == [True, False]
        assert found.table.numbers["crp"].tolist() == [70.0]
        nowhere = replace(other, table=tmp_path / "x" / "new.csv", root=tmp_path / "x")
        found = one.read(nowhere, name="labs", cache=cache)
        assert not found.present.any()
        assert np.isnan(one.arrays(found, np.array([0, 1]))).all()
        assert "nobody has it" in one.notes(found, np.array([0, 1]))[0]
        with pytest.raises(InputError, match="no such table"):
            one.read(replace(nowhere, is_other=False), name="labs", cache=cache)


def test_a_trend_that_no_single_visit_carries_is_learned(tmp_path: Path) -> None:
    """Values rise or fall by 1 around a level that says nothing about the slope."""
    rng = np.random.default_rng(3)
    ids = [f"P{i}" for i in range(120)]
    rises = rng.integers(0, 2, len(ids))
    lines = ["id,day,crp"]
    for patient, slope, level in zip(ids, 2 * rises - 1, 3 * rng.normal(size=120), strict=True):
        lines += [f"{patient},{day},{level + slope * (day + 2)}" for day in (-3, -2, -1)]
    lines[1:] = [lines[1 + i] for i in rng.permutation(len(lines) - 1)]
    one = modality(categorical=(), last_visits=4)
    cohort = replace(make_cohort(tmp_path, "a" * 120), patient_id=tuple(ids), unit_id=tuple(ids))
    measured = read(one, cohort, *lines)
    train, test = np.arange(80), np.arange(80, 120)
    spec = one.fit(measured, train, weight=np.ones(80))
    torch.manual_seed(0)
    encoder = Gru(spec, size=16, dropout=0.0)
    network = torch.nn.Sequential(encoder, torch.nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    x, y = torch.from_numpy(one.arrays(measured, train)), torch.from_numpy(rises).float()
    for _ in range(150):
        optimizer.zero_grad()
        logits = network(x)[:, 0]
        torch.nn.functional.binary_cross_entropy_with_logits(logits, y[:80]).backward()
        optimizer.step()
    with torch.no_grad():
        said = network(torch.from_numpy(one.arrays(measured, test)))[:, 0] > 0
    assert (said.numpy() == rises[80:]).mean() > 0.9
    for visit in range(3):
        single = one.arrays(measured, np.arange(120))[:, visit, 0]
        assert abs(np.corrcoef(single, rises)[0, 1]) < 0.45
