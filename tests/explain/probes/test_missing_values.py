"""The share of removed values is exact, nested, and the same for every arm."""

from __future__ import annotations

import numpy as np
import pytest

from tumorboard.explain.probes.missing_values import MissingValues
from tumorboard.modalities.table import MeasuredTable


def table_of(n_rows: int = 40) -> MeasuredTable:
    """Five numbers and a category; a tenth of the numbers missing already."""
    rng = np.random.default_rng(2)
    numbers = {f"n{k}": rng.normal(size=n_rows) for k in range(5)}
    for values in numbers.values():
        values[rng.random(n_rows) < 0.1] = np.nan
    return MeasuredTable(
        present=np.ones(n_rows, dtype=bool), name="record", numbers=numbers,
        categories={"c": tuple(("x",) if i % 3 else None for i in range(n_rows))},
        patient_id=tuple(f"P{i}" for i in range(n_rows)),
    )  # fmt: skip


def observed(table: MeasuredTable) -> np.ndarray:
    cells = [np.asarray([c is not None for c in column]) for column in table.categories.values()]
    return np.stack([*(np.isfinite(v) for v in table.numbers.values()), *cells], axis=1)


def test_the_share_is_exact_nested_and_leaves_every_row_a_value(run) -> None:
    fitted, table = run.fitted("record"), table_of()
    rows, seeds = np.arange(30), np.arange(40) + 7
    trials = list(
        MissingValues(strengths=(0.1, 0.5, 0.75)).trials(fitted, {"record": table}, rows, seeds)
    )
    assert [t.strength for t in trials] == [0.1, 0.5, 0.75]
    before = observed(table)
    last = before
    for trial in trials:
        now = observed(trial.measured["record"])  # type: ignore[arg-type]
        assert before[rows].sum() - now[rows].sum() == round(trial.strength * before[rows].sum())
        assert (now[rows].sum(axis=1) >= 1).all()
        assert not (now & ~last).any(), "what went stays away"
        np.testing.assert_array_equal(now[30:], before[30:])
        last = now


def test_strengths_without_room_are_left_out(run) -> None:
    fitted, table = run.fitted("record"), table_of()
    rows, seeds = np.arange(30), np.arange(40)
    probe = MissingValues(strengths=(0.5, 0.99))
    assert [t.strength for t in probe.trials(fitted, {"record": table}, rows, seeds)] == [0.5]


@pytest.mark.parametrize("arm", ["fused", "logistic"])
def test_every_arm_loses_the_same_values(run, arm: str) -> None:
    def first(name: str) -> np.ndarray:
        probe, fitted = MissingValues(strengths=(0.3,)), run.fitted(name)
        (trial,) = probe.trials(fitted, run.prepared.measured, run.rows, run.seeds)
        return observed(trial.measured["record"])  # type: ignore[arg-type]

    np.testing.assert_array_equal(first(arm), first("record"))
