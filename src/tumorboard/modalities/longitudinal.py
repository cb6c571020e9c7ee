"""Measurements of a patient over several visits, from a table with one row per visit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.profile_files import no_profiles, used_files
from tumorboard.formats.visit_table import DAYS, VisitTable, days_of, find_visits, read_visits
from tumorboard.modalities import Measured, Modality
from tumorboard.records import ArraySpec, Cohort, FittedState, Floats, Ints
from tumorboard.transforms import column_notes
from tumorboard.transforms.category_columns import Categories, split_cells
from tumorboard.transforms.column_features import feature_array, feature_names, feature_origins
from tumorboard.transforms.column_patterns import check_names
from tumorboard.transforms.visit_choice import ChosenVisits, choose_visits
from tumorboard.transforms.visit_scaling import fit_visits

#: Name of the last feature: days from the index date, standardised; before it negative.
TIME = "time before the index date"


@dataclass(frozen=True)
class MeasuredVisits(Measured):
    """Visits of a cohort that may be known when the prediction is made.

    Args:
        name: The modality's name in the study.
        table: The visits of everybody.
        index: (rows, visits) number of each of the row's visits in `table`, the earliest first, -1
            for none.
        days: (rows, visits) days from the row's index date, at most 0; NaN for none.
        categories: Categorical column -> the categories of each visit in `table`.
    """

    name: str = ""
    table: VisitTable = field(
        default_factory=lambda: VisitTable(Path(), (), (), np.empty(0), {}, {}, ())
    )
    index: Ints = field(default_factory=lambda: np.empty((0, 1), dtype=np.int64))
    days: Floats = field(default_factory=lambda: np.empty((0, 1)))
    categories: Mapping[str, tuple[Categories, ...]] = field(
        default_factory=dict[str, tuple[Categories, ...]]
    )

    def latest(self) -> dict[str, tuple[str | None, ...]]:
        """Column -> each row's cell at its last visit, None for none: what the audit looks at."""
        last = np.max(self.index, axis=1).tolist()
        cells: dict[str, tuple[str | None, ...]] = {
            name: tuple(None if np.isnan(v) else repr(v) for v in values.tolist())
            for name, values in self.table.numbers.items()
        }
        cells |= self.table.cells
        return {
            name: tuple(own[i] if i >= 0 else None for i in last) for name, own in cells.items()
        }


class Longitudinal(Modality):
    """Rows of a table over visits, as tokens with their times: the latest before the index date.

    Numbers are standardised on the training patients, each of whom weighs 1 however many visits it
    has. A missing number is the training median, a missing category none, and both set the column's
    flag, which exists where training visits lacked the value. The last feature of a visit is its
    time. Visits that did not happen are NaN. Visits after the index date never enter.

    Args:
        table: Table of all visits, one row each, relative to the data folder; another cohort's is
            the one of this name beside that cohort's own table.
        patient_id: Column of the patient's id, the same ids as in the cohort table.
        time: Column of the visit's time.
        numeric: Columns of numbers.
        categorical: Columns of categories.
        time_format: `days` where times are days from the index date (before it negative), or the
            format of dates, such as `%Y-%m-%d`.
        index_date: Column of the cohort table with the date that prediction is made at, where times
            are dates. A date without time of day is its midnight.
        index_format: Format of the index date; `same` as the times.
        last_visits: At most so many visits, the latest.
        before_days: Only visits at least so many days before the index date.
        later: Visits after the index date are refused, or left out and counted.
        missing: Cells that mean not known.
    """

    layout = "tokens"

    def __init__(
        self,
        *,
        table: str,
        patient_id: str,
        time: str,
        numeric: tuple[str, ...] = (),
        categorical: tuple[str, ...] = (),
        time_format: str = DAYS,
        index_date: str = "none",
        index_format: str = "same",
        last_visits: Annotated[int, Field(ge=1)] = 16,
        before_days: Annotated[float, Field(ge=0)] = 0.0,
        later: Literal["refuse", "leave_out"] = "refuse",
        missing: tuple[str, ...] = ("",),
    ) -> None:
        check_names(numeric, categorical, {}, {})
        if (time_format == DAYS) != (index_date == "none"):
            raise StudyError(
                f"time_format = {time_format!r} with index_date = {index_date!r}: dates need the "
                "column of the index date, and days are already counted from it."
            )
        self._file = table
        self._read_as: dict[str, Any] = {
            "patient_id": patient_id, "time": time, "time_format": time_format,
            "numeric": numeric, "categorical": categorical, "missing": missing,
        }  # fmt: skip
        self._index_date = index_date
        self._index_format = time_format if index_format == "same" else index_format
        self._n_visits = last_visits
        self._before_days = before_days
        self._refuses = later == "refuse"
        self._fitted: dict[str, Any] = {}

    @property
    def origins(self) -> tuple[str, ...]:
        """Column of the visits that each feature comes from."""
        return (*feature_origins(self._fitted), self._read_as["time"])

    def read(self, cohort: Cohort, *, name: str, cache: Cache) -> MeasuredVisits:
        """Read the table and find each row's visits up to its index date.

        Raises:
            InputError: The table cannot be read without guessing, or has visits after the index
                date; every row at fault is named.
        """
        path = find_visits(self._file, cohort)
        if path is None:
            return self._nobodys(cohort, name=name)
        table = read_visits(path, **self._read_as)
        at = self._index_days(cohort)
        chosen = choose_visits(
            table, cohort.patient_id, at, n_visits=self._n_visits, before_days=self._before_days
        )
        if chosen.later and self._refuses:
            self._refuse_later(table, chosen.later)
        return MeasuredVisits(
            present=chosen.index[:, 0] >= 0,
            records=used_files(cohort.root, path, modality=name),
            notes=(*table.notes, *self._left_out(table, chosen, cohort, at)),
            name=name,
            table=table,
            index=chosen.index,
            days=chosen.days,
            categories={c: split_cells(cells, "") for c, cells in table.cells.items()},
        )

    def fit(self, measured: Measured, rows: Ints, *, weight: Floats) -> ArraySpec:
        """Learn scales, medians, categories and flags from the visits of the training rows.

        Raises:
            InputError: No visit, or a column without a value, in any training row.
        """
        visits = _visits(measured)
        row, place = np.nonzero(visits.index[rows] >= 0)
        own = visits.index[rows][row, place]
        if not len(own):
            raise InputError(
                f"{visits.name}: none of the {len(rows)} training rows has a visit before its "
                f"index date in {visits.table.path.name}. Are the patient ids written alike?"
            )
        self._fitted = fit_visits(
            {column: values[own] for column, values in visits.table.numbers.items()},
            {c: [cells[i] for i in own.tolist()] for c, cells in visits.categories.items()},
            visits.days[rows][row, place], row=row, weight=weight, where=visits.name,
        )  # fmt: skip
        return self._spec()

    def arrays(self, measured: Measured, rows: Ints) -> NDArray[Any]:
        """(rows, visits, features) float32, the earliest visit first; NaN for none."""
        visits = _visits(measured)
        row, place = np.nonzero(visits.index[rows] >= 0)
        own = visits.index[rows][row, place]
        found = np.full((len(rows), *self._spec().sizes), np.nan, dtype=np.float32)
        found[row, place, :-1] = feature_array(
            self._fitted, visits.table.numbers, visits.categories, own, impute=True
        )
        time = self._fitted["time"]
        found[row, place, -1] = (visits.days[rows][row, place] - time["center"]) / time["scale"]
        return found

    def notes(self, measured: Measured, rows: Ints) -> tuple[str, ...]:
        """What was read and left out, and where these rows' visits are not like the training's."""
        visits = _visits(measured)
        if not self._fitted:
            return visits.notes
        own = np.unique(visits.index[rows])
        of_visits = column_notes.of_rows(
            self._fitted, visits.table.numbers, visits.categories, own[own >= 0],
            visits.table.patient_id,
        )  # fmt: skip
        return (*visits.notes, *(f"{visits.name}: {sentence}" for sentence in of_visits))

    def state(self) -> FittedState:
        """Scales, medians, categories and flags of every column, and the scale of the times."""
        return FittedState(values=dict(self._fitted))

    def restore(self, state: FittedState) -> ArraySpec:
        """Take up a fitted state; see `state`.

        Raises:
            InputError: The state was fitted on other columns.
        """
        found = [e["column"] for key in ("numeric", "categorical") for e in state.values[key]]
        expected = [*self._read_as["numeric"], *self._read_as["categorical"]]
        if found != expected:
            raise InputError(
                f"Fitted state of visits: columns {', '.join(found) or 'none'}, expected "
                f"{', '.join(expected)}. The model folder does not match its study."
            )
        self._fitted = dict(state.values)
        return self._spec()

    def _index_days(self, cohort: Cohort) -> Floats:
        """(rows,) the index date on the scale of the times: 0 where they are counted from it."""
        if self._index_date == "none":
            return np.zeros(cohort.n_rows)
        if self._index_date not in cohort.columns:
            hint = nearest(self._index_date, list(cohort.columns))
            raise InputError(f"{cohort.table.name}: no column {self._index_date!r}. {hint}")
        return days_of(
            cohort.columns[self._index_date], form=self._index_format, column=self._index_date,
            lines=cohort.line, ids=cohort.patient_id, table=cohort.table,
        )  # fmt: skip

    def _nobodys(self, cohort: Cohort, *, name: str) -> MeasuredVisits:
        """Of another cohort without such a table."""
        columns: dict[str, Any] = {
            "numbers": {c: np.empty(0) for c in self._read_as["numeric"]},
            "cells": {c: () for c in self._read_as["categorical"]},
        }
        shape = (cohort.n_rows, self._n_visits)
        return MeasuredVisits(
            present=np.zeros(cohort.n_rows, dtype=np.bool_),
            notes=(no_profiles(self._file),),
            name=name,
            table=VisitTable(Path(), (), (), np.empty(0), notes=(), **columns),
            index=np.full(shape, -1, dtype=np.int64),
            days=np.full(shape, np.nan),
            categories=columns["cells"],
        )

    def _refuse_later(self, table: VisitTable, later: Mapping[int, float]) -> None:
        found = [
            f"row {table.line[i]} patient {table.patient_id[i]}: {days:g} days after"
            for i, days in sorted(later.items(), key=lambda item: table.line[item[0]])
        ]
        said = counted(len(later), "visit is", "visits are")
        raise InputError(
            f"{table.path.name}, column {self._read_as['time']}: {said} after the index date: "
            f"{listed(found)}. Nobody knows them when the prediction is made: remove them, or set "
            'later = "leave_out". Days before the index date are negative.'
        )

    def _left_out(
        self, table: VisitTable, chosen: ChosenVisits, cohort: Cohort, at: Floats
    ) -> list[str]:
        """How many visits were left out and why; patients without an index date."""
        reasons = {
            "after the index date": chosen.later,
            f"under {self._before_days:g} days before it": chosen.too_close,
            f"earlier than the last {self._n_visits}": chosen.too_early,
        }
        counts = [f"{len(visits):,} {why}" for why, visits in reasons.items() if visits]
        notes = [f"{table.path.name}: visits left out: {', '.join(counts)}"] if counts else []
        unplaced = {cohort.patient_id[row] for row in np.flatnonzero(np.isnan(at)).tolist()}
        n_unplaced = len(unplaced & set(table.patient_id))
        if n_unplaced:
            said = counted(n_unplaced, "patient has visits", "patients have visits")
            notes.append(
                f"{table.path.name}: {said} and no {self._index_date}, and so no usable visit"
            )
        return notes

    def _spec(self) -> ArraySpec:
        names = (*feature_names(self._fitted), TIME)
        return ArraySpec("tokens", (self._n_visits, len(names)), names)


def _visits(measured: Measured) -> MeasuredVisits:
    if not isinstance(measured, MeasuredVisits):
        raise TypeError(f"a longitudinal modality was given {type(measured).__name__}")
    return measured
