"""Follow-up of patients from two columns of a table: days since time zero, and event or censored.

The coding is never guessed: the study says which value means that the event was seen, and a column
whose name says the opposite is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.formats.messages import counted, listed, shown
from tumorboard.formats.tables import is_number, parse_numbers
from tumorboard.records import Bools, Cohort, Floats

#: Days of one unit: 365.25 days a year and a twelfth of it a month.
DAYS: Mapping[str, float] = {"days": 1.0, "months": 30.4375, "years": 365.25}
#: No follow-up is longer than this: another unit was meant.
MOST_YEARS = 120.0
#: Names of columns in which 1 (or "yes") usually means that the event was not seen.
_CENSORED = re.compile(
    r"(?<!un)(?<!not_)(?<!non_)censor|(^|[^a-z])cens([^a-z]|$)|(^|[^a-z])(alive|living)([^a-z]|$)",
    re.I,
)
#: Names of columns in which 0 (or "no") usually means that the event was not seen.
_EVENT = re.compile(r"(^|[^a-z])(event|events|dead|death|deceased|died)([^a-z]|$)", re.I)
#: Words that say by themselves that no event was seen, whatever the column is called.
_UNSEEN = re.compile(r"\b(alive|living|lebend|censored|no event|event.?free|disease.?free)\b")
#: Units that the name of a column of times spells out.
_UNITS: Mapping[str, re.Pattern[str]] = {
    unit: re.compile(rf"(^|[^a-z]){unit[:-1]}s?([^a-z]|$)", re.I) for unit in DAYS
}
_YES = frozenset({"1", "true", "yes", "y", "t", "censored", "alive", "living"})
_NO = frozenset({"0", "false", "no", "n", "f"})


@dataclass(frozen=True)
class FollowUpColumns:
    """Follow-up of every row.

    Args:
        time_days: (rows,) NaN where it is not known.
        event: (rows,) True where the event was seen.
        known: (rows,) True where both are known.
        other: Value of the event column that means censored; "" where all had the event.
    """

    time_days: Floats
    event: Bools
    known: Bools
    other: str


def read_follow_up(
    cohort: Cohort, *, time: str, time_unit: str, event: str, event_value: str, new: bool = True
) -> FollowUpColumns:
    """Read and check the two columns of follow-up.

    Args:
        cohort: The patients.
        time: Column of the follow-up time.
        time_unit: `days`, `months` or `years`.
        event: Column of the event.
        event_value: What that column holds where the event was seen.
        new: Whether a model shall be fitted; further patients of one may all be censored.

    Raises:
        InputError: A column is absent; times that are no positive numbers, or longer than any life;
            more than two values of the event.
        StudyError: `event_value` is not in the column, or it or the column's name says that it
            means the opposite; the name of the column of times spells another unit.
    """
    for key, name in (("time", time), ("event", event)):
        if name not in cohort.columns:
            raise InputError(
                f"{cohort.table}: no column {name!r} (task.{key}). "
                f"{nearest(name, list(cohort.columns))}"
            )
    days = _days(cohort, time, time_unit)
    is_event, has_event, other = _events(cohort, event, event_value, new=new)
    return FollowUpColumns(days, is_event, has_event & ~np.isnan(days), other)


def _days(cohort: Cohort, time: str, unit: str) -> Floats:
    cells = cohort.columns[time]
    numbers = parse_numbers(
        cells, column=time, lines=cohort.line, patient_ids=cohort.patient_id, table=cohort.table
    )
    rows = np.flatnonzero(numbers <= 0).tolist()
    if rows:
        cell = cells[rows[0]]
        raise InputError(
            f"{cohort.table.name}, column {time} (task.time): {counted(len(rows), 'time')} not "
            f"above 0: {listed([_place(cohort, row, cells) for row in rows])}. Follow-up starts at "
            "time zero and ends later: mend the table, or leave such patients out with exclude = "
            f"{{{time} = [{shown(cell)}]}} under [cohort]."
        )
    named = [own for own, pattern in _UNITS.items() if pattern.search(time)]
    if len(named) == 1 and named[0] != unit:
        raise StudyError(
            f"task.time_unit: found {unit!r}, but the column is named {time!r}. Set time_unit = "
            f"{named[0]!r}, or rename the column if it truly holds {unit}."
        )
    days = numbers * DAYS[unit]
    rows = np.flatnonzero(days > MOST_YEARS * DAYS["years"]).tolist()
    if rows:
        raise InputError(
            f"{cohort.table.name}, column {time} (task.time): as {unit}, "
            f"{counted(len(rows), 'follow-up')} longer than {MOST_YEARS:g} years: "
            f"{listed([_place(cohort, row, cells) for row in rows])}. Check task.time_unit."
        )
    return days


def _events(cohort: Cohort, name: str, event_value: str, *, new: bool) -> tuple[Bools, Bools, str]:
    cells = cohort.columns[name]
    keys = [None if cell is None else _key(cell) for cell in cells]
    written = {_key(cell): cell.strip() for cell in reversed(cells) if cell is not None}
    wanted = _key(event_value)
    counts = Counter(key for key in keys if key is not None)
    if len(counts) > 2:
        raise InputError(_too_many(cohort, name, keys, counts, event_value))
    if wanted not in counts and (new or len(counts) > 1):
        found = " and ".join(f"{written[k]!r} ({n} rows)" for k, n in sorted(counts.items()))
        raise StudyError(
            f"task.event_value: {event_value!r} does not occur in column {name!r}, which holds "
            f"{found or 'missing cells'}. Name the value that means the event was seen."
        )
    _refuse_opposite(name, wanted, counts)
    other = next((written[key] for key in counts if key != wanted), "")
    is_event = np.asarray([key == wanted for key in keys], dtype=bool)
    return is_event, np.asarray([key is not None for key in keys], dtype=bool), other


def _key(cell: str) -> str:
    """`1`, `1.0` and ` 1` are one value, `Dead` and `dead` another."""
    text = cell.strip()
    return f"{float(text):g}" if is_number(text) else " ".join(text.split()).casefold()


def _too_many(
    cohort: Cohort, name: str, keys: Sequence[str | None], counts: Counter[str], event_value: str
) -> str:
    usual = {key for key, _ in counts.most_common(2)} | {_key(event_value)}
    rows = [row for row, key in enumerate(keys) if key is not None and key not in usual]
    cells = cohort.columns[name]
    all_values = ", ".join(f"{key!r} ({n} rows)" for key, n in counts.most_common(6))
    return (
        f"{cohort.table.name}, column {name} (task.event): expected two values, event or censored, "
        f"found {len(counts)}: {all_values}. Further values: "
        f"{listed([_place(cohort, row, cells) for row in rows])}. Mend the table, declare codes of "
        "unknown outcomes in `missing` under [cohort], or leave rows out with exclude."
    )


def _refuse_opposite(name: str, wanted: str, counts: Counter[str]) -> None:
    share = f"{counts[wanted]} of {sum(counts.values())} rows"
    others = [key for key in counts if key != wanted]
    if _UNSEEN.search(wanted) and others and not any(_UNSEEN.search(key) for key in others):
        raise StudyError(
            f"task.event_value: {wanted!r} in column {name!r} means that no event was seen; as "
            f"written, {share} would have the event. Name the value of those who had it, such as "
            f"{others[0]!r}."
        )
    if _CENSORED.search(name) and wanted in _YES:
        raise StudyError(
            f"task.event_value: in a column named {name!r}, {wanted!r} means that the patient was "
            f"censored, not that the event was seen; as written, {share} would have the event. "
            "Name the value of those who had it, such as 0; or rename the column if it truly "
            "marks events."
        )
    if _EVENT.search(name) and not _CENSORED.search(name) and wanted in _NO:
        raise StudyError(
            f"task.event_value: in a column named {name!r}, {wanted!r} means that no event was "
            f"seen; as written, {share} would have the event. Name the value of those who had it, "
            "such as 1; or rename the column if it truly marks censoring."
        )


def _place(cohort: Cohort, row: int, cells: Sequence[str | None]) -> str:
    return f"row {cohort.line[row]} patient {cohort.patient_id[row]}: {shown(cells[row])}"
