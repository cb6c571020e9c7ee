"""Follow-up as tables hold it: units, codings, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tumorboard.errors import InputError, StudyError
from tumorboard.records import Cohort
from tumorboard.transforms.follow_up import FollowUpColumns, read_follow_up


def read(
    time: Sequence[str | None], event: Sequence[str | None], *, column: str = "status",
    event_value: str = "1", unit: str = "days", name: str = "followed",
) -> FollowUpColumns:  # fmt: skip
    patients = tuple(f"P{i}" for i in range(len(time)))
    cohort = Cohort(
        name="t", patient_id=patients, unit_id=patients, files={}, root=Path(),
        columns={name: tuple(time), column: tuple(event)},
        line=tuple(range(2, len(time) + 2)), table=Path("t.csv"),
    )  # fmt: skip
    return read_follow_up(cohort, time=name, time_unit=unit, event=column, event_value=event_value)


def test_months_and_years_are_days() -> None:
    assert read(["12", "1"], ["1", "0"], unit="months").time_days.tolist() == [365.25, 30.4375]
    assert read(["2", "1"], ["1", "0"], unit="years").time_days.tolist() == [730.5, 365.25]


@pytest.mark.parametrize(
    ("cells", "value"),
    [(["1", "0", "1"], "1"), (["1.0", "0.0", "1.0"], "1"), (["2", "1", "2"], "2"),
     (["Dead", "Alive", "dead "], "Dead"), (["True", "False", "TRUE"], "True")],
)  # fmt: skip
def test_codings_of_the_event(cells: list[str], value: str) -> None:
    found = read(["1", "2", "3"], cells, event_value=value)
    assert found.event.tolist() == [True, False, True]


def test_a_missing_cell_is_no_censoring() -> None:
    found = read(["1", None, "3"], ["1", "0", None])
    assert found.known.tolist() == [True, False, False]
    assert np.isnan(found.time_days[1])


def test_times_that_are_not_above_zero_are_listed_with_the_remedy() -> None:
    with pytest.raises(
        InputError, match=r"t\.csv, column followed .*2 times not above 0: row 3 patient P1: '0', "
        r"row 4 patient P2: '-4'.*exclude = \{followed = \['0'\]\}",
    ):  # fmt: skip
        read(["1", "0", "-4"], ["1", "0", "1"])


def test_a_time_that_is_no_number_is_listed() -> None:
    with pytest.raises(InputError, match="row 3 patient P1: '> 5'"):
        read(["1", "> 5"], ["1", "0"])


def test_lives_of_centuries_are_another_unit() -> None:
    with pytest.raises(InputError, match=r"as months, 1 follow-up longer than 120 years.*P0"):
        read(["2190", "12"], ["1", "0"], unit="months")


def test_more_than_two_values_are_listed_with_their_rows() -> None:
    with pytest.raises(
        InputError, match=r"expected two values, event or censored, found 3.*row 6 patient P4: 'NA'"
    ):
        read(["1"] * 5, ["1", "0", "1", "0", "NA"])


def test_a_value_that_is_not_there_is_shown_beside_those_that_are() -> None:
    with pytest.raises(StudyError, match=r"'Dead' does not occur.*'0' \(1 rows\) and '1' \(2 rows"):
        read(["1", "2", "3"], ["1", "0", "1"], event_value="Dead")


@pytest.mark.parametrize("column", ["censorship", "Censored", "is_cens", "alive"])
def test_one_means_censored_in_a_column_of_that_name(column: str) -> None:
    with pytest.raises(
        StudyError, match=rf"{column}.*'1' means that the patient was censored.*2 of 3 rows"
    ):
        read(["1", "2", "3"], ["1", "0", "1"], column=column)
    found = read(["1", "2", "3"], ["1", "0", "1"], column=column, event_value="0")
    assert found.event.tolist() == [False, True, False]
    assert found.other == "1"


@pytest.mark.parametrize("column", ["event", "deadstatus.event", "OS_death"])
def test_zero_means_no_event_in_a_column_of_that_name(column: str) -> None:
    with pytest.raises(StudyError, match="'0' means that no event was seen"):
        read(["1", "2"], ["1", "0"], column=column, event_value="0")


@pytest.mark.parametrize("column", ["uncensored", "not_censored", "status", "licensed", "event"])
def test_other_names_say_nothing_against_one(column: str) -> None:
    assert read(["1", "2"], ["1", "0"], column=column).event.tolist() == [True, False]


def test_an_absent_column_is_named() -> None:
    cohort = Cohort(
        name="t", patient_id=("P",), unit_id=("P",), files={}, root=Path(), line=(2,),
        columns={"month": ("1",), "e": ("1",)}, table=Path("t.csv"),
    )  # fmt: skip
    with pytest.raises(InputError, match=r"no column 'months' \(task.time\).*'month'"):
        read_follow_up(cohort, time="months", time_unit="days", event="e", event_value="1")


@pytest.mark.parametrize(
    ("value", "other"), [("alive", "dead"), ("Censored", "1"), ("1: alive", "2")]
)
def test_a_value_that_says_itself_that_no_event_was_seen_is_refused(value: str, other: str) -> None:
    with pytest.raises(StudyError, match=rf"means that no event was seen.*such as '{other}'"):
        read(["1", "2"], [value, other], event_value=value)


@pytest.mark.parametrize(
    ("cells", "value"),
    [(["alive", "dead"], "dead"), (["alive with disease", "alive"], "alive with disease"),
     (["not alive", "alive"], "not alive")],
)  # fmt: skip
def test_such_words_in_both_values_or_in_the_other_say_nothing(
    cells: list[str], value: str
) -> None:
    assert read(["1", "2"], cells, event_value=value).event.tolist() == [
        cell == value for cell in cells
    ]


@pytest.mark.parametrize("name", ["survival_months", "Months", "time (month)"])
def test_a_unit_in_the_name_of_the_times_is_the_unit(name: str) -> None:
    assert read(["1"], ["1"], name=name, unit="months").time_days.tolist() == [30.4375]
    with pytest.raises(StudyError, match=r"time_unit: found 'days', but the column is named"):
        read(["1"], ["1"], name=name)


def test_a_name_of_two_units_or_of_none_says_nothing() -> None:
    for name in ("days_or_months", "monthly_visits", "birthday_years", "os"):
        assert read(["2"], ["1"], name=name, unit="years").time_days.tolist() == [730.5]
