"""`tumorboard compare`: prediction tables of any programs, against one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.evaluation.any_table import AnyTable, holds_numbers, in_common, join
from tumorboard.evaluation.classification import evaluate_arms
from tumorboard.evaluation.comparison import Comparison, compare_all
from tumorboard.evaluation.outcome_comparison import compare_outcomes, metric_name_in
from tumorboard.evaluation.outcome_files import read_outcomes
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.pairing import LABEL, is_simulated_table
from tumorboard.evaluation.scores import evaluate_outcomes, metrics_of_numbers
from tumorboard.evaluation.tables import read_predictions
from tumorboard.records import Estimate
from tumorboard.study_keys import Primary, Threshold

#: Resamples of the patients.
N_BOOTSTRAP = 2000
#: Kind of prediction -> what is compared unless something is named.
_LEADING = {
    "classification": "auroc", "survival": "c_index", "regression": "r2", "segmentation": "dice",
}  # fmt: skip


@dataclass(frozen=True)
class Compared:
    """One arm beside the reference.

    Args:
        comparison: Arm minus reference, on the patients that both predicted.
        arm: The metric of the arm, on all of its own patients.
        reference: The metric of the reference, on all of its own patients.
        is_simulated: Whether a table says that its modalities come from different people.
    """

    comparison: Comparison
    arm: Estimate
    reference: Estimate
    is_simulated: bool = False


def compare(
    tables: Sequence[Path | str],
    *,
    outcome: str = "none",
    positive: str = "none",
    metric: str = "none",
    reference: str = "none",
    seed: int = 0,
) -> list[Compared]:
    """Compare the arms of prediction tables with one reference arm, each on the patients in common.

    Tables are of classes, of survival, of numbers (a regression) or of segmentations, all of one
    kind. Thresholds of
    classes are Youden's on the validation part of a table, and 0.5 where it has none. Survival is
    compared by the columns that all tables have: risks alone where one has no curves.

    Args:
        tables: CSV files; see `read_predictions` and `read_outcomes` for what they must hold. A
            table without the column `arm` is one arm, named after its file.
        outcome: Outcome column of classes; "none" finds it.
        positive: Positive class of two; "none" for the last.
        metric: What is compared; "none" for `auroc`, `c_index`, `r2` or `dice`.
        reference: Arm that the others are compared with; "none" for the first.
        seed: Of the bootstrap.

    Raises:
        InputError: A faulty table, one arm twice, fewer than two arms, no patients in common.
        StudyError: No such metric.
    """
    paths = [Path(path) for path in tables]
    table = _read_all(paths, outcome, positive)
    arms = table.arms
    if len(arms) < 2:
        raise InputError(f"Only one arm ({', '.join(arms)}): name at least two prediction tables.")
    if reference != "none" and reference not in arms:
        raise InputError(f"--reference: {reference!r} is not an arm. {nearest(reference, arms)}")
    reference = arms[0] if reference == "none" else reference
    first = next(arm for arm in arms if arm != reference)
    kind = table.kind if isinstance(table, OutcomeTable) else "classification"
    metric = _LEADING[kind] if metric == "none" else metric
    if isinstance(table, OutcomeTable):
        metric = metric_name_in(table, metric)
    primary = Primary.model_construct(arm=first, reference=reference, metric=metric)
    comparisons, metrics = _judged(table, primary, seed)
    simulated = any(is_simulated_table(path) for path in paths)
    return [
        Compared(found, metrics[found.arm][metric], metrics[reference][metric], simulated)
        for found in comparisons
    ]


def _judged(
    table: AnyTable, primary: Primary, seed: int
) -> tuple[list[Comparison], Mapping[str, Mapping[str, Estimate]]]:
    """Differences, and arm -> metric -> estimate."""
    rng, again = (np.random.default_rng(seed) for _ in range(2))
    n = N_BOOTSTRAP
    if isinstance(table, OutcomeTable):
        known = metrics_of_numbers(table)
        if primary.metric not in known:
            raise StudyError(
                f"{primary.metric!r} is not a metric of this {table.kind}. "
                f"{nearest(primary.metric, known)}"
            )
        compared = compare_outcomes(table.kind, table, primary, n_bootstrap=n, rng=rng)
        return compared, evaluate_outcomes(table.kind, table, n_bootstrap=n, rng=again)
    compared = compare_all(table, primary, threshold=Threshold(), n_bootstrap=n, rng=rng)
    return compared, evaluate_arms(table, threshold=Threshold(), n_bootstrap=n, rng=again)


def _read_all(paths: Sequence[Path], outcome: str, positive: str) -> AnyTable:
    if not paths:
        raise InputError("No prediction table is named. Expected two or more CSV files.")
    of_numbers = {path: holds_numbers(path) for path in paths}
    if len(set(of_numbers.values())) > 1:
        one, other = (next(p for p, n in of_numbers.items() if n == side) for side in (True, False))
        raise InputError(
            f"{one} predicts numbers, {other} predicts classes. Compare tables of one kind."
        )
    is_numbers = of_numbers[paths[0]]
    if is_numbers and (outcome, positive) != ("none", "none"):
        raise InputError(
            f"{paths[0]}: --outcome and --positive are of classes; this table predicts numbers."
        )
    read: list[AnyTable] = []
    file_of: dict[str, Path] = {}
    for path in paths:
        table: AnyTable = (
            read_outcomes(path)
            if is_numbers
            else read_predictions(path, outcome=outcome, positive=positive)
        )
        _refuse_other_kind(path, table, paths[0], read)
        for arm in table.arms:
            if arm in file_of:
                raise InputError(
                    f"{path}: arm {arm!r} is in {file_of[arm]} as well. Rename one of the files, "
                    "or the arm in its column arm."
                )
            file_of[arm] = path
        read.append(table)
    return join(in_common(read))


def _refuse_other_kind(path: Path, table: AnyTable, first: Path, read: Sequence[AnyTable]) -> None:
    """Survival beside a regression, or numbers of other outcomes, have no difference.

    Raises:
        InputError: The table answers another question than the first.
    """
    if not read or not isinstance(table, OutcomeTable) or not isinstance(read[0], OutcomeTable):
        return
    one, two = read[0], table
    if (one.kind, one.outcome_names) == (two.kind, two.outcome_names):
        return
    named = [f"{t.kind} ({', '.join(t.outcome_names)})" for t in (one, two)]
    raise InputError(
        f"{path}: predicts a {named[1]}, {first} a {named[0]}. Compare tables of one outcome."
    )


def render(compared: Sequence[Compared]) -> str:
    """A small text table: arms with their own intervals, then the differences."""
    first = compared[0].comparison
    reference = compared[0].reference
    head = ("arm", first.metric, "95 % interval", "patients", "with event")
    rows = [_estimate_row(first.reference, reference)]
    rows += [_estimate_row(each.comparison.arm, each.arm) for each in compared]
    if not any(each.n_events for each in (reference, *(own.arm for own in compared))):
        head, rows = head[:-1], [row[:-1] for row in rows]  # numbers have no event
    differences = (
        f"minus {first.reference}", "difference", "95 % interval", "p", "p (Holm)", "in common",
        "test",
    )  # fmt: skip
    lines = [LABEL, ""] if any(each.is_simulated for each in compared) else []
    lines += [*_columns(head, rows), ""]
    lines += _columns(differences, [_difference_row(each.comparison) for each in compared])
    for each in compared:
        own = (each.arm.n_patients, each.reference.n_patients)
        common = each.comparison.n_patients
        if own != (common, common):
            lines.append(
                f"{each.comparison.arm} predicts {own[0]} patients and {first.reference} {own[1]}; "
                f"their difference is that of the {common} in common."
            )
    return "\n".join(lines)


def _estimate_row(arm: str, estimate: Estimate) -> tuple[str, ...]:
    interval = _interval(estimate.ci_low, estimate.ci_high, "")
    return (
        arm, _number(estimate.value, ""), interval, str(estimate.n_patients), str(estimate.n_events)
    )  # fmt: skip


def _difference_row(found: Comparison) -> tuple[str, ...]:
    return (
        found.arm, _number(found.difference, "+"), _interval(found.ci_low, found.ci_high, "+"),
        _number(found.p_value, ""), _number(found.p_value_holm, ""), str(found.n_patients),
        found.test,
    )  # fmt: skip


def _number(value: float, sign: str) -> str:
    return "-" if np.isnan(value) else f"{value:{sign}.3f}"


def _interval(low: float, high: float, sign: str) -> str:
    return "-" if np.isnan(low) else f"{low:{sign}.3f} to {high:{sign}.3f}"


def _columns(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]
