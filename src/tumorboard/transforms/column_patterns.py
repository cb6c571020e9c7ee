"""Column names with `*`, such as `lab_*_mean`, written out against the columns of a cohort."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from tumorboard.errors import StudyError, nearest
from tumorboard.formats.messages import listed

#: Settings of a table modality that name predictors, and those that name some of these again.
_PREDICTORS, _AMONG = ("numeric", "categorical"), ("strata", "indicators")
#: Columns that a message names one by one; of more, a few.
_FEW = 20


def _named(columns: Sequence[str]) -> str:
    return f"It has {listed(list(columns))}."


def is_pattern(name: str) -> bool:
    """Whether a name stands for several columns."""
    return "*" in name


def matches(pattern: str, column: str) -> bool:
    """Whether a column is meant: `*` is any text, also none; nothing else is special."""
    words = (re.escape(word) for word in pattern.split("*"))
    return re.fullmatch(".*".join(words), column, re.DOTALL) is not None


def expand(
    patterns: Sequence[str], columns: Sequence[str], *, exclude: Sequence[str] = (), where: str
) -> tuple[str, ...]:
    """Columns that names and patterns mean: each once, a pattern's in the order of `columns`.

    A name without `*`, or one that is a column as it is written, stays what it is, known or not:
    whoever reads the table says where it is absent.

    Args:
        patterns: Names and patterns in the author's order.
        columns: Columns of the cohort.
        exclude: Columns that no pattern means: the patient's id, the outcome, the institution.
        where: Path of the setting in the study file, such as `modalities.record.numeric`.

    Raises:
        StudyError: Patterns that mean no column; all at once.
    """
    found: list[str] = []
    problems: list[str] = []
    allowed = [column for column in columns if column not in set(exclude)]
    for pattern in patterns:
        if not is_pattern(pattern) or pattern in allowed:
            found.append(pattern)
            continue
        meant = [column for column in allowed if matches(pattern, column)]
        if not meant:
            hint = nearest(pattern, allowed) if len(allowed) <= _FEW else _named(allowed)
            problems.append(f"{where}: {pattern!r} matches no column of the cohort. {hint}")
        found += meant
    if problems:
        raise StudyError(problems)
    return tuple(dict.fromkeys(found))


def expand_table(
    settings: Mapping[str, Any], columns: Sequence[str], *, exclude: Sequence[str] = (), where: str
) -> dict[str, Any]:
    """Settings of a table modality with every pattern written out.

    `numeric` and `categorical` mean columns of the cohort; `strata` and a list of `indicators` mean
    columns of these two.

    Args:
        settings: Resolved settings of the modality.
        columns: Columns of the cohort.
        exclude: Columns that no pattern means.
        where: Path of the modality in the study file.

    Raises:
        StudyError: Patterns that mean no column, and columns that both numbers and categories
            claim, with the names that do.
    """
    expanded = dict(settings)
    problems: list[str] = []
    for keys in (_PREDICTORS, _AMONG):
        known = columns
        if keys is _AMONG:
            known = [c for key in _PREDICTORS for c in cast("Sequence[str]", expanded[key])]
        for key in keys:
            named: object = settings.get(key, ())
            if not isinstance(named, list | tuple):
                continue
            try:
                names = cast("Sequence[str]", named)
                found = expand(names, known, exclude=exclude, where=f"{where}.{key}")
                expanded[key] = list(found)
            except StudyError as error:
                problems += error.problems
                expanded[key] = []
    problems += [
        f"{where}: column {column!r} is meant in `numeric` ({_by(settings['numeric'], column)}) "
        f"and in `categorical` ({_by(settings['categorical'], column)}). Keep one of them."
        for column in expanded["numeric"]
        if column in set(expanded["categorical"])
    ]
    if problems:
        raise StudyError(problems)
    return expanded


def check_names(
    numeric: Sequence[str],
    categorical: Sequence[str],
    separator: Mapping[str, str],
    among: Mapping[str, Sequence[str]],
) -> None:
    """Refuse settings of a table that contradict each other; patterns may stand for columns.

    Args:
        numeric: Columns of numbers.
        categorical: Columns of categories.
        separator: Column of categories -> what separates several in one cell.
        among: Setting -> columns, which must be among those of numbers and categories.

    Raises:
        StudyError: All problems at once.
    """
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
        if not _is_among(column, categorical)
    ]
    problems += [
        f"separator.{column}: found an empty text, expected what separates the categories."
        for column, text in separator.items()
        if not text
    ]
    problems += [
        f"{key}: {column!r} is not a column of this modality. {nearest(column, columns)}"
        for key, named in among.items()
        for column in named
        if not (is_pattern(column) or _is_among(column, columns))
    ]
    if problems:
        raise StudyError(problems)


def _is_among(column: str, names: Sequence[str]) -> bool:
    return any(column == name or (is_pattern(name) and matches(name, column)) for name in names)


def _by(names: Sequence[str], column: str) -> str:
    """The first name or pattern that means a column."""
    return next(repr(name) for name in names if name == column or matches(name, column))
