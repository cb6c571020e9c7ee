"""How well every arm does in groups of patients, and whom the primary arm helps: "subgroups"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tumorboard.evaluation.auroc import NAN
from tumorboard.evaluation.comparison import align_folds, pair_arms
from tumorboard.evaluation.difference import holm
from tumorboard.evaluation.estimates import MIN_PATIENTS, Counts, leading_estimate
from tumorboard.evaluation.influence import (
    BINARY,
    SEVERAL,
    Influence,
    influences,
    of_patients,
)
from tumorboard.evaluation.patient_columns import Grouping, group_patients
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.statistic import ScoredUnits, Thresholds
from tumorboard.evaluation.thresholds import choose_thresholds
from tumorboard.records import Bools
from tumorboard.study_keys import Primary, Threshold

#: What is said of a group that is too small to report, instead of its exact size.
BAND = f"1 to {MIN_PATIENTS - 1}"


def subgroups_document(
    table: PredictionTable, columns: Mapping[str, Mapping[str, str]], *, primary: Primary,
    threshold: Threshold, cuts: Mapping[str, Sequence[float]] | None = None,
    positive: str = "none",
) -> dict[str, Any]:  # fmt: skip
    """Metrics of every arm in every group of every column, their differences, and the gain.

    Groups of fewer than 10 patients are named and not reported. Each group is set against the
    largest of its column; Holm goes over all such differences of one arm and metric, over all
    columns. The gain is the primary arm minus its reference on the patients that both predicted;
    an interaction is the gain of a group minus that of the largest group.

    Args:
        table: Predictions of all arms.
        columns: Column -> patient -> value; see `patient_columns.columns_by_patient`. Patients
            without an entry count as missing.
        primary: The comparison whose gain is reported.
        threshold: How each model's decision threshold is chosen on its validation patients.
        cuts: Column -> cut points of its numbers; tertiles where left out.
        positive: Positive class of two; "none" for the last.

    Returns:
        {metrics, primary, min_patients, n_patients, columns: [{column, note, cuts, n_differing,
        largest, groups: [{group, refused, n_patients, n_events, arms: {arm: {metric: {value,
        ci_low, ci_high, n_patients, method}}}, gain: {metric: {difference, ci_low, ci_high,
        p_value}}, n_gain}], differences: [{arm, metric, group, against, difference, ci_low,
        ci_high, p_value, p_value_holm}], interactions: [the same without arm]}]}. Of a refused
        group `n_patients` is the text "1 to 9" and the rest is empty.
    """
    table = table.with_positive(positive)
    thresholds, _ = choose_thresholds(table, threshold)
    arms = {name: ScoredUnits.of(table.of_arm(name), thresholds) for name in table.arms}
    gain = _paired(table, primary, thresholds)
    analysed = sorted({patient for units in arms.values() for patient in units.patients})
    events = _patients_with_event(arms, n_classes=len(table.classes))
    found = [
        _column(grouping, arms, gain, events)
        for name, values in columns.items()
        for grouping in [
            group_patients(
                name, {p: values.get(p, "") for p in analysed}, cuts=(cuts or {}).get(name, ())
            )
        ]
    ]
    for name in ("differences", "interactions"):
        adjust_by_holm([row for column in found for row in column[name]])
    return {
        "metrics": list(BINARY if len(table.classes) == 2 else SEVERAL),
        "primary": {"arm": primary.arm, "reference": primary.reference, "metric": primary.metric},
        "min_patients": MIN_PATIENTS,
        "n_patients": len(analysed),
        "columns": found,
    }


def _paired(
    table: PredictionTable, primary: Primary, thresholds: Thresholds
) -> tuple[ScoredUnits, ScoredUnits] | None:
    if primary.arm == primary.reference:
        return None
    sides = pair_arms(table, primary.arm, primary.reference)
    return align_folds(*(ScoredUnits.of(side, thresholds) for side in sides))


def _patients_with_event(arms: Mapping[str, ScoredUnits], *, n_classes: int) -> set[str]:
    """Patients with a unit of the positive class; nobody where there are more than two classes."""
    if n_classes != 2:
        return set()
    return {
        units.patients[i]
        for units in arms.values()
        for i in np.unique(units.patient[units.target == 1]).tolist()
    }


@dataclass(frozen=True)
class _Group:
    """One reported group: what it shows, and what its differences are made of."""

    name: str
    shown: dict[str, Any]
    arms: Mapping[str, Mapping[str, Influence]]
    gain: Mapping[str, Influence]


def _column(
    grouping: Grouping, arms: Mapping[str, ScoredUnits],
    gain: tuple[ScoredUnits, ScoredUnits] | None, events: set[str],
) -> dict[str, Any]:  # fmt: skip
    sizes = {name: len(members) for name, members in grouping.groups.items()}
    groups = [
        _group(name, set(members), arms, gain, events)
        for name, members in grouping.groups.items()
        if sizes[name] >= MIN_PATIENTS
    ]
    reported = {group.name: group.shown for group in groups}
    largest = max(groups, key=lambda group: sizes[group.name], default=None)
    others = [group for group in groups if group is not largest]
    return {
        "column": grouping.column,
        "note": grouping.note,
        "cuts": list(grouping.cuts),
        "n_differing": grouping.n_differing,
        "largest": largest.name if largest else None,
        "groups": [reported.get(name) or refused_group(name) for name in grouping.groups],
        "differences": [
            {"arm": arm, **_against(metric, group, largest, each, largest.arms[arm][metric])}
            for group in others
            if largest is not None
            for arm, metrics in group.arms.items()
            if arm in largest.arms
            for metric, each in metrics.items()
        ],
        "interactions": [
            _against(metric, group, largest, each, largest.gain[metric])
            for group in others
            if largest is not None
            for metric, each in group.gain.items()
            if metric in largest.gain
        ],
    }


def refused_group(name: str) -> dict[str, Any]:
    """A group of too few patients: named, and nothing reported of it."""
    return {
        "group": name, "refused": True, "n_patients": BAND, "n_events": None, "arms": {},
        "gain": {}, "n_gain": None,
    }  # fmt: skip


def _group(
    name: str, members: set[str], arms: Mapping[str, ScoredUnits],
    gain: tuple[ScoredUnits, ScoredUnits] | None, events: set[str],
) -> _Group:  # fmt: skip
    shown: dict[str, Any] = {}
    moved: dict[str, Mapping[str, Influence]] = {}
    for arm, units in arms.items():
        part = of_patients(units, _inside(units, members))
        if len(part.patients) >= MIN_PATIENTS:
            moved[arm] = influences(part)
            shown[arm] = _estimates(part, moved[arm])
    gains, n_gain = _gains(gain, members)
    document = {
        "group": name,
        "refused": False,
        "n_patients": len(members),
        "n_events": len(members & events) if events else None,
        "arms": shown,
        "gain": {metric: _tested(each) for metric, each in gains.items()},
        "n_gain": n_gain,
    }
    return _Group(name, document, moved, gains)


def _inside(units: ScoredUnits, members: set[str]) -> Bools:
    return np.asarray([patient in members for patient in units.patients], dtype=bool)


def _gains(
    gain: tuple[ScoredUnits, ScoredUnits] | None, members: set[str]
) -> tuple[dict[str, Influence], int | None]:
    """Primary arm minus reference in a group, and its patients that both predicted."""
    if gain is None:
        return {}, None
    first, second = (of_patients(side, _inside(side, members)) for side in gain)
    n_patients = len(first.patients)
    if n_patients < MIN_PATIENTS:
        return {}, None
    sides = influences(first), influences(second)
    return {metric: each.minus(sides[1][metric]) for metric, each in sides[0].items()}, n_patients


def _estimates(units: ScoredUnits, moved: Mapping[str, Influence]) -> dict[str, Any]:
    """Metrics with the same intervals as in the table of arms where they have a formula."""
    counts = Counts(units)
    found: dict[str, Any] = {}
    for metric, each in moved.items():
        leading = leading_estimate(metric, each.value, counts)
        low, high, _ = each.test()
        method = "normal, from each patient's influence"
        if leading is not None:
            low, high, method = leading.ci_low, leading.ci_high, leading.method
        found[metric] = {
            "value": each.value, "ci_low": low, "ci_high": high,
            "n_patients": counts.n_patients, "method": method,
        }  # fmt: skip
    return found


def _tested(each: Influence) -> dict[str, float]:
    low, high, p_value = each.test()
    return {"difference": each.value, "ci_low": low, "ci_high": high, "p_value": p_value}


def _against(
    metric: str, group: _Group, largest: _Group, one: Influence, other: Influence
) -> dict[str, Any]:
    """A group minus the largest; no interval where one of them has no spread of its own."""
    tested = _tested(one.minus(other))
    if np.isnan(one.variance) or np.isnan(other.variance):
        tested |= {"ci_low": NAN, "ci_high": NAN, "p_value": NAN}
    return {"metric": metric, "group": group.name, "against": largest.name, **tested}


def adjust_by_holm(rows: Sequence[dict[str, Any]]) -> None:
    """Holm over the differences of one arm and metric, of all columns together."""
    families: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        families.setdefault((row.get("arm", ""), row["metric"]), []).append(row)
    for family in families.values():
        adjusted = holm([row["p_value"] for row in family])
        for row, p_value in zip(family, adjusted, strict=True):
            row["p_value_holm"] = p_value
