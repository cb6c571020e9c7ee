"""Values of the clinical table removed at random."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from tumorboard.explain.probes import Probe, Trial
from tumorboard.modalities import Measured
from tumorboard.modalities.table import MeasuredTable
from tumorboard.records import Bools, Floats, Ints
from tumorboard.training.fitted import FittedArm


class MissingValues(Probe):
    """Values of the clinical table removed at random.

    The stated share of all values that the rows have is removed, exactly; what goes at one strength
    stays away at the next. Every row keeps one value, so that all are still predicted: strengths
    that this does not leave room for are left out.

    Args:
        strengths: Shares of the values that are removed.
    """

    unit = "share of table values removed"

    def __init__(self, *, strengths: tuple[float, ...] = (0.1, 0.25, 0.5, 0.75)) -> None:
        self._strengths = strengths

    def refuses(self, fitted: FittedArm) -> str:
        """It needs a table of two columns."""
        tables = [m for n, m in fitted.modalities.items() if fitted.specs[n].layout == "vector"]
        if not tables:
            return "it reads no table"
        enough = any(len(table.columns) > 1 for table in tables)
        return "" if enough else "its table has one column, which every row keeps"

    def trials(
        self, fitted: FittedArm, measured: Mapping[str, Measured], rows: Ints, seeds: Ints
    ) -> Iterator[Trial]:
        """One trial per strength that leaves every row a value in each of its tables."""
        present = fitted.present(measured)[rows].any(axis=1)
        tables = {
            name: table
            for name in fitted.arm.modalities
            if isinstance(table := measured[name], MeasuredTable)
        }
        for strength in self._strengths:
            worse = {name: _without(table, rows, seeds, strength) for name, table in tables.items()}
            kept = {name: table for name, table in worse.items() if table is not None}
            if len(kept) == len(tables):
                yield Trial(strength, {**measured, **kept}, rows[present])


def _without(table: MeasuredTable, rows: Ints, seeds: Ints, share: float) -> MeasuredTable | None:
    """The table without this share of the rows' values; None where a row would keep none."""
    observed = _observed(table)[rows]
    order = _order(observed, seeds[rows])
    n_removed = round(share * int(observed.sum()))
    # the value of each row that would go last is kept
    last = np.where(observed, order, -np.inf).argmax(axis=1)
    order[np.arange(len(rows)), last] = np.inf
    if n_removed > int(np.isfinite(order).sum()):
        return None
    gone = np.zeros(order.size, dtype=np.bool_)
    gone[np.argsort(order, axis=None, kind="stable")[:n_removed]] = True
    gone = gone.reshape(order.shape)
    numbers = dict(table.numbers)
    for k, column in enumerate(table.numbers):
        values = table.numbers[column].copy()
        values[rows[gone[:, k]]] = np.nan
        numbers[column] = values
    categories = dict(table.categories)
    for k, column in enumerate(table.categories, start=len(table.numbers)):
        cells = list(table.categories[column])
        for row in rows[gone[:, k]].tolist():
            cells[row] = None
        categories[column] = tuple(cells)
    return replace(table, numbers=numbers, categories=categories)


def _observed(table: MeasuredTable) -> Bools:
    """(rows, columns) where the table has a value: numbers first."""
    numbers = [np.isfinite(values) for values in table.numbers.values()]
    cells = [
        np.asarray([cell is not None for cell in column], dtype=np.bool_)
        for column in table.categories.values()
    ]
    return np.stack([*numbers, *cells], axis=1)


def _order(observed: Bools, seeds: Ints) -> Floats:
    """(rows, columns) random numbers, each row's from its own seed; infinite where no value is."""
    drawn = [np.random.default_rng(int(seed)).random(observed.shape[1]) for seed in seeds]
    return np.where(observed, np.stack(drawn) if drawn else np.zeros(observed.shape), np.inf)
