"""Columns of the cohort table as one vector: scaled numbers, one-hot categories, indicators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.tables import parse_numbers
from tumorboard.modalities import Measured, Modality
from tumorboard.records import ArraySpec, Bools, Cohort, FittedState, Floats, Ints
from tumorboard.transforms.weighted import weighted_quantile, weighted_skewness

_UNKNOWN = "unknown category"
#: Up to this skewness a column counts as symmetric and its mean stands for a missing value.
_SYMMETRIC = 1.0
#: A column with more categories than this holds identifiers or free text.
_MOST_CATEGORIES = 200
#: A number is remarkable further outside the training range than this share of the range's width.
_BEYOND_RANGE = 0.5

#: Categories of one cell: several where the column has a separator, None where it is missing.
Categories = tuple[str, ...] | None


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

    A missing number takes the fill value of the training rows; a missing category has no category
    at all. Both set the column's indicator, which exists where training rows lacked the value. A
    category that training rows did not have sets the column `<name>=unknown category`. Whitespace
    around a category does not count. Every training patient weighs 1, however many rows it has.

    Args:
        numeric: Columns of numbers.
        categorical: Columns of categories.
        scaling: `zscore` (mean, population standard deviation), `robust` (median, interquartile
            range) or `none`, of the values observed in training rows. A range of zero becomes 1.
        imputation: Fill value: `mean`, `median`, or by `skew` the mean where |skewness| <= 1.
        indicators: Add a column that says where a value is missing.
        separator: Column -> what separates several categories in one cell.
    """

    layout = "vector"

    def __init__(
        self,
        *,
        numeric: tuple[str, ...] = (),
        categorical: tuple[str, ...] = (),
        scaling: Literal["zscore", "robust", "none"] = "zscore",
        imputation: Literal["skew", "mean", "median"] = "skew",
        indicators: bool = True,
        separator: dict[str, str] = {},  # noqa: B006 - copied below, never changed
    ) -> None:
        _check(numeric, categorical, separator)
        self._numeric = numeric
        self._categorical = categorical
        self._scaling = scaling
        self._imputation = imputation
        self._indicators = indicators
        self._separator = dict(separator)
        self._fitted: dict[str, Any] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the cohort table that are predictors of this modality."""
        return (*self._numeric, *self._categorical)

    @property
    def origins(self) -> tuple[str, ...]:
        """Column that each feature comes from: its number or categories, and its indicator."""
        widths = [(entry, 1) for entry in self._fitted["numeric"]]
        widths += [(entry, len(entry["categories"]) + 1) for entry in self._fitted["categorical"]]
        return tuple(
            entry["column"] for entry, n in widths for _ in range(n + bool(entry["indicator"]))
        )

    def read(self, cohort: Cohort, *, name: str, cache: Cache) -> MeasuredTable:
        """Parse the columns of every row; a row is present where it has any of the values.

        Raises:
            InputError: A column is absent, or a number cannot be read.
        """
        absent = [column for column in self.columns if column not in cohort.columns]
        if absent:
            hint = nearest(absent[0], list(cohort.columns))
            missing = ", ".join(repr(column) for column in absent)
            raise InputError(f"{cohort.table.name}: {name} needs column {missing}, absent. {hint}")
        numbers = {column: _numbers(cohort, column) for column in self._numeric}
        categories = {
            column: tuple(
                _split(cell, self._separator.get(column, "")) for cell in cohort.columns[column]
            )
            for column in self._categorical
        }
        present = np.zeros(cohort.n_rows, dtype=np.bool_)
        for values in numbers.values():
            present |= np.isfinite(values)
        for cells in categories.values():
            present |= _has_category(cells)
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
            InputError: A column has no value in any training row or holds identifiers, or two
                outputs have one name.
        """
        table = _table(measured)
        is_present = table.present[rows]
        rows, weight = rows[is_present], weight[is_present]
        numeric: list[dict[str, Any]] = []
        for column, values in table.numbers.items():
            observed = np.isfinite(values[rows])
            _require_some(observed, table.name, column)
            center, scale, fill = self._scale(values[rows][observed], weight[observed])
            numeric.append(
                {"column": column, "center": center, "scale": scale, "fill": fill}
                | {"low": float(values[rows][observed].min())}
                | {"high": float(values[rows][observed].max())}
                | self._missing(observed)
            )
        categorical: list[dict[str, Any]] = []
        for column, cells in table.categories.items():
            chosen = [cells[int(row)] for row in rows]
            observed = _has_category(chosen)
            _require_some(observed, table.name, column)
            known = sorted({category for cell in chosen if cell for category in cell})
            _require_categories(known, table.name, column)
            categorical.append({"column": column, "categories": known} | self._missing(observed))
        self._fitted = {"numeric": numeric, "categorical": categorical}
        return self._spec()

    def arrays(self, measured: Measured, rows: Ints) -> NDArray[Any]:
        """(rows, features) float32 in the order of `rows` and of the specification's names."""
        table = _table(measured)
        output: list[Floats | Bools] = []
        for entry in self._fitted["numeric"]:
            values = table.numbers[entry["column"]][rows]
            is_missing = np.isnan(values)
            filled = np.where(is_missing, entry["fill"], values)
            output.append((filled - entry["center"]) / entry["scale"])
            if entry["indicator"]:
                output.append(is_missing)
        for entry in self._fitted["categorical"]:
            cells = table.categories[entry["column"]]
            output += _one_hot([cells[int(row)] for row in rows], entry)
        return np.stack(output, axis=1).astype(np.float32)

    def notes(self, measured: Measured, rows: Ints) -> tuple[str, ...]:
        """Sentences about columns where these rows are not like the training rows.

        Categories that training had not seen, numbers far outside the training range, and missing
        values where training had none.
        """
        table = _table(measured)
        rows = rows[table.present[rows]]
        sentences: list[str] = []
        for entry in self._fitted["numeric"]:
            values = table.numbers[entry["column"]][rows]
            sentences += _beyond_range(table, rows, values, entry)
            sentences += _newly_missing(table, rows, np.isnan(values), entry)
        for entry in self._fitted["categorical"]:
            cells = [table.categories[entry["column"]][int(row)] for row in rows]
            sentences += _unseen(table, rows, cells, entry)
            sentences += _newly_missing(table, rows, ~_has_category(cells), entry)
        return tuple(sentences)

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
        if fitted != self.columns:
            raise InputError(
                f"Fitted state of a table: columns {', '.join(fitted) or 'none'}, expected "
                f"{', '.join(self.columns)}. The model folder does not match its study."
            )
        self._fitted = {"numeric": groups[0], "categorical": groups[1]}
        return self._spec()

    def _missing(self, observed: Bools) -> dict[str, bool]:
        """Whether training rows lacked the value, and whether an indicator says so."""
        is_complete = bool(observed.all())
        return {"complete": is_complete, "indicator": self._indicators and not is_complete}

    def _scale(self, values: Floats, weight: Floats) -> tuple[float, float, float]:
        """Center, scale and fill value of the observed training values."""
        mean = float(np.average(values, weights=weight))
        middle = weighted_quantile(values, weight, 0.5)
        is_symmetric = abs(weighted_skewness(values, weight)) <= _SYMMETRIC
        use_mean = self._imputation == "mean" or (self._imputation == "skew" and is_symmetric)
        fill = mean if use_mean else middle
        if self._scaling == "none":
            return 0.0, 1.0, fill
        if self._scaling == "zscore":
            sd = float(np.sqrt(np.average((values - mean) ** 2, weights=weight)))
            return mean, sd if values.max() > values.min() else 1.0, fill
        low, high = (weighted_quantile(values, weight, q) for q in (0.25, 0.75))
        return middle, (high - low) or 1.0, fill

    def _spec(self) -> ArraySpec:
        names: list[str] = []
        for entry in self._fitted["numeric"]:
            names.append(entry["column"])
            names += [f"{entry['column']} missing"] if entry["indicator"] else []
        for entry in self._fitted["categorical"]:
            names += [f"{entry['column']}={word}" for word in (*entry["categories"], _UNKNOWN)]
            names += [f"{entry['column']} missing"] if entry["indicator"] else []
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(
                f"Two columns of the table modality would be called {', '.join(twice)}. "
                "Rename the column or the category in the table."
            )
        return ArraySpec("vector", (len(names),), tuple(names))


def _check(
    numeric: Sequence[str], categorical: Sequence[str], separator: Mapping[str, str]
) -> None:
    columns = [*numeric, *categorical]
    problems = [
        f"{column}: named twice in `numeric` and `categorical`. Keep one of them."
        for column in dict.fromkeys(columns)
        if columns.count(column) > 1
    ]
    if not columns:
        problems.append("a table needs at least one column in `numeric` or `categorical`.")
    problems += [
        f"separator.{column}: not one of the categorical columns. {nearest(column, categorical)}"
        for column in separator
        if column not in categorical
    ]
    problems += [
        f"separator.{column}: found an empty text, expected what separates the categories."
        for column, text in separator.items()
        if not text
    ]
    if problems:
        raise StudyError(problems)


def _numbers(cohort: Cohort, column: str) -> Floats:
    return parse_numbers(
        cohort.columns[column],
        column=column,
        lines=cohort.line,
        patient_ids=cohort.patient_id,
        table=cohort.table,
    )


def _split(cell: str | None, separator: str) -> Categories:
    """Categories of a cell; None where it is missing or blank."""
    words = (cell or "").split(separator) if separator else [cell or ""]
    return tuple(dict.fromkeys(word.strip() for word in words if word.strip())) or None


def _has_category(cells: Sequence[Categories]) -> Bools:
    return np.asarray([cell is not None for cell in cells], dtype=np.bool_)


def _one_hot(cells: Sequence[Categories], entry: Mapping[str, Any]) -> list[Floats | Bools]:
    known: dict[str, int] = {category: i for i, category in enumerate(entry["categories"])}
    hot = np.zeros((len(cells), len(known) + 1))
    for row, cell in enumerate(cells):
        for category in cell or ():
            hot[row, known.get(category, len(known))] = 1.0
    columns: list[Floats | Bools] = list(hot.T)
    return [*columns, ~_has_category(cells)] if entry["indicator"] else columns


def _require_some(observed: Bools, name: str, column: str) -> None:
    if not observed.any():
        raise InputError(
            f"{name}, column {column}: no value in any of the {len(observed)} training rows, so it "
            "can be neither scaled nor imputed. Remove the column from this modality."
        )


def _require_categories(known: Sequence[str], name: str, column: str) -> None:
    if len(known) > _MOST_CATEGORIES:
        raise InputError(
            f"{name}, column {column}: {len(known)} categories in the training rows, expected at "
            f"most {_MOST_CATEGORIES}. An identifier or free text is no category: remove the "
            "column from `categorical`, or join categories in the table; numbers belong in "
            "`numeric`."
        )


def _unseen(
    table: MeasuredTable, rows: Ints, cells: Sequence[Categories], entry: Mapping[str, Any]
) -> list[str]:
    known = set(entry["categories"])
    unseen = [
        (int(row), category)
        for row, cell in zip(rows, cells, strict=True)
        for category in cell or ()
        if category not in known
    ]
    if not unseen:
        return []
    count = _patients(table, [row for row, _ in unseen], "has", "have")
    words = listed([repr(word) for word in dict.fromkeys(word for _, word in unseen)])
    return [f"{count} an unseen category of {entry['column']} ({words}), treated as {_UNKNOWN}."]


def _beyond_range(
    table: MeasuredTable, rows: Ints, values: Floats, entry: Mapping[str, Any]
) -> list[str]:
    low, high = entry.get("low", -np.inf), entry.get("high", np.inf)  # older models lack them
    reach = _BEYOND_RANGE * (high - low)
    is_beyond = (values < low - reach) | (values > high + reach)
    if not is_beyond.any():
        return []
    count = _patients(table, rows[is_beyond].tolist(), "has", "have")
    found = listed([f"{value:g}" for value in dict.fromkeys(values[is_beyond].tolist())])
    return [f"{count} {entry['column']} outside what training saw ({low:g} to {high:g}): {found}."]


def _newly_missing(
    table: MeasuredTable, rows: Ints, is_missing: Bools, entry: Mapping[str, Any]
) -> list[str]:
    if not (entry.get("complete", False) and is_missing.any()):
        return []
    count = _patients(table, rows[is_missing].tolist(), "lacks", "lack")
    return [f"{count} {entry['column']}, which was never missing in training."]


def _patients(table: MeasuredTable, rows: Sequence[int], one: str, many: str) -> str:
    """`1 patient has`, `3 patients have`."""
    n = len({table.patient_id[row] for row in rows})
    return f"{counted(n, 'patient')} {one if n == 1 else many}"


def _table(measured: Measured) -> MeasuredTable:
    if not isinstance(measured, MeasuredTable):
        raise TypeError(f"a table modality was given {type(measured).__name__}")
    return measured
