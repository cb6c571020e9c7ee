"""Columns of the cohort table as one vector: scaled numbers, one-hot categories, indicators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tumorboard.cache import Cache
from tumorboard.errors import InputError, nearest
from tumorboard.formats.tables import parse_numbers
from tumorboard.modalities import Measured, Modality
from tumorboard.records import ArraySpec, Bools, Cohort, FittedState, Floats, Ints
from tumorboard.transforms import column_notes
from tumorboard.transforms.category_columns import (
    Categories,
    has_category,
    known_categories,
    mode_of,
    split_cells,
)
from tumorboard.transforms.column_features import (
    feature_array,
    feature_names,
    feature_origins,
    require_values,
)  # fmt: skip
from tumorboard.transforms.column_patterns import check_names
from tumorboard.transforms.column_scaling import Imputation, Scaling, fills_with_mean, fit_numbers
from tumorboard.transforms.imputation import Strata, fit_strata, strata_of, stratum_fills


@dataclass(frozen=True)
class MeasuredTable(Measured):
    """Parsed columns of a cohort.

    Args:
        name: The modality's name in the study.
        numbers: Numeric column -> (rows,) with NaN where it is missing.
        categories: Categorical column -> the categories of each row.
        patient_id: One per row.
    """

    name: str = ""
    numbers: Mapping[str, Floats] = field(default_factory=dict[str, Floats])
    categories: Mapping[str, tuple[Categories, ...]] = field(
        default_factory=dict[str, tuple[Categories, ...]]
    )
    patient_id: tuple[str, ...] = ()


class Table(Modality):
    """Numbers and categories of the cohort table: scaled, one-hot, missing values imputed.

    A missing number takes the fill value of the training rows, or of those in its stratum; a
    missing category has no category at all, or the mode. Both set the column's indicator, which
    exists where training rows lacked the value. A category that training rows did not have sets the
    column `<name>=unknown category`. Whitespace around a category does not count. Every training
    patient weighs 1, however many rows it has. Models that handle missing values themselves get the
    table before imputation. In the names of columns `*` stands for any text: `lab_*_mean`.

    Args:
        numeric: Columns of numbers.
        categorical: Columns of categories.
        scaling: `zscore` (mean, population standard deviation), `robust` (median, interquartile
            range) or `none`, of the values observed in training rows. A range of zero becomes 1.
        imputation: Fill value: `mean`, `median`, or by `skew` the mean where |skewness| <= 1.
        indicators: Add a column that says where a value is missing, for every column or for those
            listed.
        separator: Column -> what separates several categories in one cell.
        categories: A missing category becomes no category (`none`) or the one that most training
            patients have (`mode`).
        strata: Columns of this modality within whose values missing numbers are filled; numbers
            are cut at the quartiles, missing is a stratum of its own. A stratum without a training
            value takes that of all training patients.
        drop_missing_above: Columns that a larger share of the training patients with this table
            lack are dropped; 1 drops none.
    """

    layout = "vector"

    def __init__(
        self,
        *,
        numeric: tuple[str, ...] = (),
        categorical: tuple[str, ...] = (),
        scaling: Scaling = "zscore",
        imputation: Imputation = "skew",
        indicators: bool | tuple[str, ...] = True,
        separator: dict[str, str] = {},  # noqa: B006 - copied below, never changed
        categories: Literal["none", "mode"] = "none",
        strata: tuple[str, ...] = (),
        drop_missing_above: Annotated[float, Field(ge=0, le=1)] = 1.0,
    ) -> None:
        listed_indicators = indicators if isinstance(indicators, tuple) else ()
        check_names(
            numeric, categorical, separator, {"strata": strata, "indicators": listed_indicators}
        )
        self._numeric = numeric
        self._categorical = categorical
        self._scaling: Scaling = scaling
        self._imputation: Imputation = imputation
        self._indicators = indicators
        self._separator = dict(separator)
        self._categories = categories
        self._strata = strata
        self._most_missing = drop_missing_above
        self._fitted: dict[str, Any] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the cohort table that are predictors of this modality."""
        return (*self._numeric, *self._categorical)

    @property
    def origins(self) -> tuple[str, ...]:
        """Column that each feature comes from: its number or categories, and its indicator."""
        return feature_origins(self._fitted)

    def read(self, cohort: Cohort, *, name: str, cache: Cache) -> MeasuredTable:
        """Parse the columns of every row; a row is present where it has any of the values.

        Raises:
            InputError: A column is absent, or a number cannot be read.
        """
        absent = [column for column in self.columns if column not in cohort.columns]
        if absent:
            hint = nearest(absent[0], list(cohort.columns))
            words = ", ".join(map(repr, absent))
            raise InputError(f"{cohort.table.name}: {name} needs column {words}, absent. {hint}")
        about: dict[str, Any] = {"lines": cohort.line, "patient_ids": cohort.patient_id}
        numbers = {
            c: parse_numbers(cohort.columns[c], column=c, table=cohort.table, **about)
            for c in self._numeric
        }
        categories = {
            column: split_cells(cohort.columns[column], self._separator.get(column, ""))
            for column in self._categorical
        }
        present = np.zeros(cohort.n_rows, dtype=np.bool_)
        for values in numbers.values():
            present |= np.isfinite(values)
        for cells in categories.values():
            present |= has_category(cells)
        return MeasuredTable(
            present=present,
            name=name,
            numbers=numbers,
            categories=categories,
            patient_id=cohort.patient_id,
        )

    def fit(self, measured: Measured, rows: Ints, *, weight: Floats) -> ArraySpec:
        """Learn scales, fill values, categories and indicators from the training rows.

        Raises:
            InputError: A column has no value in any training row or holds identifiers, all columns
                are dropped, or two outputs have one name.
        """
        table = _table(measured)
        is_present = table.present[rows]
        rows, weight = rows[is_present], weight[is_present]
        dropped: list[dict[str, Any]] = []
        if self._most_missing == 1:
            require_values(table.name, table.numbers, table.categories, rows)
        strata = fit_strata(self._strata, table.numbers, table.categories, rows, weight)
        of_row = strata_of(strata, table.numbers, table.categories, rows)
        numeric: list[dict[str, Any]] = []
        for column, values in table.numbers.items():
            if self._keeps(column, np.isfinite(values[rows]), weight, dropped):
                numeric.append(self._fit_numbers(column, values[rows], weight, of_row))
        categorical: list[dict[str, Any]] = []
        for column, cells in table.categories.items():
            chosen = [cells[int(row)] for row in rows]
            if self._keeps(column, has_category(chosen), weight, dropped):
                categorical.append(self._fit_categories(table.name, column, chosen, weight))
        if dropped and not (numeric or categorical):
            raise InputError(
                f"{table.name}: every column is missing in more than {100 * self._most_missing:g} "
                "% of the training patients, so none is left. Raise drop_missing_above."
            )
        self._fitted = {"numeric": numeric, "categorical": categorical}
        # Without these settings the state is what earlier versions wrote.
        self._fitted |= {"dropped": dropped} if self._most_missing < 1 else {}
        self._fitted |= {"strata": strata} if strata else {}
        return self._spec()

    def arrays(self, measured: Measured, rows: Ints) -> NDArray[Any]:
        """(rows, features) float32 in the order of `rows` and of the specification's names."""
        table = _table(measured)
        return feature_array(self._fitted, table.numbers, table.categories, rows, impute=True)

    def unimputed(self, measured: Measured, rows: Ints) -> NDArray[Any]:
        """The same with NaN wherever a value is missing; indicators stay 0 and 1."""
        table = _table(measured)
        return feature_array(self._fitted, table.numbers, table.categories, rows, impute=False)

    def notes(self, measured: Measured, rows: Ints) -> tuple[str, ...]:
        """Sentences about columns where these rows are not like the training rows.

        Unseen categories, numbers far outside the training range, values missing where training
        had them all or had none in the stratum; and which columns were dropped.
        """
        table = _table(measured)
        rows = rows[table.present[rows]]
        sentences = column_notes.of_rows(
            self._fitted, table.numbers, table.categories, rows, table.patient_id
        )
        dropped = column_notes.dropped(self._fitted.get("dropped", ()), self._most_missing)
        return (*sentences, *dropped)

    def state(self) -> FittedState:
        """Scales, fill values, categories and indicators of every column."""
        return FittedState(values=dict(self._fitted))

    def restore(self, state: FittedState) -> ArraySpec:
        """Take up a fitted state; see `state`.

        Raises:
            InputError: The state was fitted on other columns.
        """
        groups = [state.values.get("numeric", []), state.values.get("categorical", [])]
        fitted = tuple(entry["column"] for group in groups for entry in group)
        dropped = {entry["column"] for entry in state.values.get("dropped", [])}
        if fitted != tuple(column for column in self.columns if column not in dropped):
            raise InputError(
                f"Fitted state of a table: columns {', '.join(fitted) or 'none'}, expected "
                f"{', '.join(self.columns)}. The model folder does not match its study."
            )
        more = {key: state.values[key] for key in ("dropped", "strata") if key in state.values}
        self._fitted = {"numeric": groups[0], "categorical": groups[1], **more}
        return self._spec()

    def _keeps(
        self, column: str, observed: Bools, weight: Floats, dropped: list[dict[str, Any]]
    ) -> bool:
        """Whether enough training patients have the column; else it is added to those dropped."""
        if self._most_missing == 1:
            return True
        missing = float(weight[~observed].sum() / weight.sum()) if len(weight) else 1.0
        # weights such as 1/3 do not add up exactly
        if observed.any() and missing <= self._most_missing + 1e-9:
            return True
        dropped.append({"column": column, "missing": missing})
        return False

    def _fit_numbers(
        self, column: str, values: Floats, weight: Floats, strata: Strata
    ) -> dict[str, Any]:
        """Fitted state of one column of numbers."""
        scaled = fit_numbers(values, weight, scaling=self._scaling, imputation=self._imputation)
        entry: dict[str, Any] = {"column": column, **scaled}
        entry |= self._missing(column, np.isfinite(values))
        if self._strata:
            mean = fills_with_mean(values, weight, self._imputation)
            entry["strata"] = stratum_fills(values, weight, strata, mean=mean)
        return entry

    def _fit_categories(
        self, name: str, column: str, cells: Sequence[Categories], weight: Floats
    ) -> dict[str, Any]:
        """Fitted state of one column of categories."""
        known = known_categories(cells, where=f"{name}, column {column}")
        entry: dict[str, Any] = {"column": column, "categories": known}
        entry |= self._missing(column, has_category(cells))
        return entry | ({"fill": mode_of(cells, weight)} if self._categories == "mode" else {})

    def _missing(self, column: str, observed: Bools) -> dict[str, bool]:
        """Whether training rows lacked the value, and whether an indicator says so."""
        is_complete = bool(observed.all())
        wanted = self._indicators
        is_wanted = column in wanted if isinstance(wanted, tuple) else wanted
        return {"complete": is_complete, "indicator": is_wanted and not is_complete}

    def _spec(self) -> ArraySpec:
        names = feature_names(self._fitted)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(
                f"Two columns of the table modality would be called {', '.join(twice)}. "
                "Rename the column or the category in the table."
            )
        return ArraySpec("vector", (len(names),), names)


def _table(measured: Measured) -> MeasuredTable:
    if not isinstance(measured, MeasuredTable):
        raise TypeError(f"a table modality was given {type(measured).__name__}")
    return measured
