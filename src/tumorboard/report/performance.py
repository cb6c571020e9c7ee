"""The tables of numbers: every arm's metrics with intervals, class by class, and differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tumorboard.evaluation.comparison import Comparison
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.evaluation.rare_class import RARE_SHARE
from tumorboard.records import Estimate, Floats
from tumorboard.report.number_format import (
    METRIC_NAMES,
    Cell,
    both,
    counted,
    interval,
    metric_name,
    number,
    p_value,
)

#: Columns of the arms table, in order: with two classes, and with more. What a large class cannot
#: flatter comes first; the accuracy, which it can, comes last.
BINARY = (
    "auroc", "auprc", "sensitivity", "specificity", "ppv", "npv", "f1", "mcc", "brier",
)  # fmt: skip
SEVERAL = ("macro_f1", "balanced_accuracy", "auprc", "auroc", "ppv", "mcc", "brier", "accuracy")
PER_CLASS = ("sensitivity", "auprc", "auroc", "ppv", "specificity", "npv", "f1")

Metrics = Mapping[str, Mapping[str, Estimate]]


@dataclass(frozen=True)
class ArmRow:
    """One arm of a table of metrics."""

    arm: str
    describes: str
    n_patients: int
    n_events: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class MetricTable:
    """Metrics in columns, arms in rows; `about` says who is counted, where that needs saying."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[ArmRow, ...]
    about: str = ""
    is_rare: bool = False
    has_few_patients: bool = False


@dataclass(frozen=True)
class ClassCount:
    """How much of one class was tested.

    Args:
        n_units: Units of the class.
        n_all: Units of every class.
        n_patients: Patients with a unit of the class.
    """

    n_units: int
    n_all: int
    n_patients: int

    @property
    def share(self) -> float:
        """Share of the units: what the average precision of a coin comes to."""
        return self.n_units / self.n_all if self.n_all else 0.0

    def about(self, unit: str) -> str:
        """`390 of 25,828 annotations (1.5 %), 17 patients; the AUPRC of a coin is 0.015`."""
        share = f"{100 * self.share:.1f} %"
        patients = "" if unit == "patient" else f", of {counted(self.n_patients, 'patient')}"
        return (
            f"{self.n_units:,} of {counted(self.n_all, unit)} ({share}){patients}; "
            f"the AUPRC of a coin is {number(self.share)}"
        )


def arms_table(
    metrics: Metrics, *, arms: Sequence[str], n_classes: int, describes: Mapping[str, str]
) -> MetricTable:
    """The main table: only metrics that at least one arm has."""
    wanted = BINARY if n_classes == 2 else SEVERAL
    columns = [name for name in wanted if any(name in metrics[arm] for arm in arms)]
    return _table("All arms", columns, metrics, arms, describes)


def outcome_tables(
    metrics: Metrics, *, arms: Sequence[str], leading: Sequence[str], describes: Mapping[str, str]
) -> tuple[MetricTable, MetricTable]:
    """The main table and that of further metrics, of survival times or of other numbers."""
    found = list(dict.fromkeys(name for arm in arms for name in metrics[arm]))
    main = [name for name in leading if name in found]
    rest = [name for name in found if name not in leading]
    return (
        _table("All arms", main, metrics, arms, describes),
        _table("Further metrics", rest, metrics, arms, {}),
    )


def other_metrics(metrics: Metrics, *, arms: Sequence[str], n_classes: int) -> MetricTable:
    """The known metrics that the main table leaves out."""
    wanted = [name for name in METRIC_NAMES if name not in (BINARY if n_classes == 2 else SEVERAL)]
    columns = [name for name in wanted if any(name in metrics[arm] for arm in arms)]
    return _table("Further metrics", columns, metrics, arms, {})


def class_tables(
    metrics: Metrics, *, arms: Sequence[str], counts: Mapping[str, ClassCount],
    unit: str = "patient",
) -> list[MetricTable]:  # fmt: skip
    """One table per class of a study with more than two: the class against the rest.

    Args:
        counts: Class -> how much of it was tested; the rarest class is shown first.
    """
    if len(counts) <= 2:
        return []
    tables: list[MetricTable] = []
    shown = {m: any(f"{m}_{k}" in metrics[arm] for arm in arms for k in counts) for m in PER_CLASS}
    for name in sorted(counts, key=lambda k: counts[k].n_units):
        found = [m for m in PER_CLASS if shown[m]]
        renamed = {
            arm: {m: metrics[arm][f"{m}_{name}"] for m in found if f"{m}_{name}" in metrics[arm]}
            for arm in arms
        }
        if any(renamed.values()):
            made = _table(name, found, renamed, arms, {})
            count = counts[name]
            few = count.n_patients < MIN_PATIENTS
            tables.append(
                replace(made, about=count.about(unit), is_rare=is_rare(count), has_few_patients=few)
            )
    return tables


def is_rare(count: ClassCount) -> bool:
    """Whether a class is rare enough to be lost in a mean over units."""
    return count.share < RARE_SHARE


def _table(
    title: str,
    columns: Sequence[str],
    metrics: Metrics,
    arms: Sequence[str],
    describes: Mapping[str, str],
) -> MetricTable:
    rows: list[ArmRow] = []
    for arm in arms:
        estimates = [metrics[arm].get(name) for name in columns]
        known = next((e for e in estimates if e is not None), None)
        rows.append(
            ArmRow(
                arm=arm,
                describes=describes.get(arm, ""),
                n_patients=known.n_patients if known else 0,
                n_events=known.n_events if known else 0,
                cells=tuple(_cell(estimate) for estimate in estimates),
            )
        )
    return MetricTable(title, tuple(metric_name(name) for name in columns), tuple(rows))


def _cell(estimate: Estimate | None) -> Cell:
    if estimate is None:
        return Cell(number(float("nan")))
    low_to_high = interval(estimate.ci_low, estimate.ci_high)
    return Cell(number(estimate.value), low_to_high, estimate.method)


def confusion_matrices(
    metrics: Metrics, *, arms: Sequence[str], classes: Sequence[str]
) -> dict[str, Floats]:
    """(true, predicted) counts of every arm whose cells were all written."""
    found: dict[str, Floats] = {}
    for arm in arms:
        cells = [[metrics[arm].get(f"confusion_{t}_{p}") for p in classes] for t in classes]
        if all(cell is not None for row in cells for cell in row):
            found[arm] = np.asarray(
                [[cell.value if cell else 0.0 for cell in row] for row in cells], dtype=np.float64
            )
    return found


def describe_arms(study: Mapping[str, Any]) -> dict[str, str]:
    """What each arm of a resolved study is, in a few words."""
    return {name: _describe(arm) for name, arm in study.get("arms", {}).items()}


def _describe(arm: Mapping[str, Any]) -> str:
    members = " + ".join(arm.get("modalities", ()))
    baseline, fusion = arm.get("baseline", "none"), arm.get("fusion", "none")
    if baseline != "none":
        return f"{members}: {_word(baseline)} (baseline)"
    encoders = [
        f"{encoder['name']}-{encoder['depth']}" if "depth" in encoder else str(encoder["name"])
        for encoder in arm.get("encoders", {}).values()
    ]
    parts = [", ".join(encoders)] if encoders else []
    if fusion != "none":
        parts.append(f"fusion {_word(fusion)}")
    return f"{members}: {'; '.join(parts)}" if parts else members


def _word(component: Any) -> str:
    name = component["name"] if isinstance(component, Mapping) else component
    return str(name).replace("_", " ")


def difference_rows(
    differences: Sequence[Comparison], means: Mapping[tuple[str, str], tuple[float, float]]
) -> list[dict[str, str]]:
    """Rows of the comparison table as the page shows them.

    Args:
        differences: The comparisons.
        means: (arm, metric) -> the two values whose difference stands in the row.
    """
    unknown = (float("nan"), float("nan"))
    return [
        {
            "arm": row.arm,
            "reference": row.reference,
            "metric": metric_name(row.metric),
            "both": both(*means.get((row.arm, row.metric), unknown)),
            "difference": number(row.difference, signed=True),
            "interval": interval(row.ci_low, row.ci_high, signed=True),
            "p_value": p_value(row.p_value),
            "p_value_holm": p_value(row.p_value_holm),
            "test": row.test,
            "n_patients": str(row.n_patients),
        }
        for row in differences
    ]
