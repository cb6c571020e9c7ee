"""Segmentation by difficulty: size of the lesion, uncertainty of the model, and columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tumorboard.evaluation.bootstrap import bootstrap
from tumorboard.evaluation.difference import judge_replicates
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.evaluation.mask_columns import MaskColumns
from tumorboard.evaluation.outcome_comparison import pair_outcomes
from tumorboard.evaluation.outcome_table import OutcomeTable, OutcomeUnits
from tumorboard.evaluation.patient_columns import group_patients
from tumorboard.evaluation.ratio import mean_of_defined
from tumorboard.evaluation.segmentation_scores import mean_estimate
from tumorboard.evaluation.segmentation_statistic import SegmentationStatistic, where_both
from tumorboard.records import Floats
from tumorboard.study_keys import Primary

#: Ways of dividing that every segmentation has.
SIZE, UNCERTAINTY = "size of the reference", "uncertainty of the model"
_THIRDS = {
    SIZE: ("smallest third", "middle third", "largest third"),
    UNCERTAINTY: ("most certain third", "middle third", "least certain third"),
}


def difficulty_document(
    table: OutcomeTable, primary: Primary, metric: str,
    columns: Mapping[str, Mapping[str, str]], *, n_bootstrap: int, seed: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """The metric of every arm in thirds by size and uncertainty, and in groups of columns.

    Groups of fewer than 10 patients are named and not reported. Differences are of the primary arm
    and its reference, with the paired patient bootstrap: the fitted models are taken as given.

    Layout: one entry per way of dividing: `by`, `note`, `groups` of `name`, `n_patients`,
    `arms` (arm -> `{value, ci_low, ci_high, n_patients}`) and `difference`.
    """
    ways = [_thirds(table, primary.arm, SIZE), _thirds(table, primary.arm, UNCERTAINTY)]
    test = table.take((table.part == "test") & table.known)
    analysed = sorted(set(test.patient_id.tolist()))
    for name, values in columns.items():
        found = group_patients(name, {p: values.get(p, "") for p in analysed})
        ways.append((name, found.note, {k: set(v) for k, v in found.groups.items()}))
    judged: list[dict[str, Any]] = []
    for by, note, groups in ways:
        entries = [
            {
                "name": name,
                "n_patients": len(patients),
                **_of_group(test, patients, primary, metric, n_bootstrap, seed),
            }
            for name, patients in groups.items()
        ]
        if entries:
            judged.append({"by": by, "note": note, "groups": entries})
    return judged


def _thirds(table: OutcomeTable, arm: str, by: str) -> tuple[str, str, dict[str, set[str]]]:
    """Patients in thirds; those without a value (nothing in the reference) are left out."""
    units = OutcomeUnits.of(table.of_arm(arm))
    columns = MaskColumns.of(units.names)
    if by == SIZE:
        values = units.outcome.sum(axis=1)
        values = np.where(values > 0, values, np.nan)
        unit = "ml" if units.outcome_names[0].endswith("_ml") else "px"
    else:
        each = [columns.of_label(units.predictions, "uncertainty", k) for k in columns.labels]
        values, unit = mean_of_defined(np.stack(each)), ""
    value = _mean_by_patient(units, values)
    known = np.flatnonzero(~np.isnan(value))
    if len(known) < len(_THIRDS[by]) or not np.ptp(value[known]) > 0:
        return by, "", {}
    cuts = np.quantile(value[known], [1 / 3, 2 / 3])
    third = np.searchsorted(cuts, value[known], side="left")
    groups = {
        name: {units.patients[int(i)] for i in known[third == k]}
        for k, name in enumerate(_THIRDS[by])
    }
    low, high = (f"{cut:,.0f}" if cut >= 1000 else f"{cut:.3g}" for cut in cuts.tolist())
    note = f"cut at {low} and {high} {unit}".rstrip()
    return by, note, groups


def _mean_by_patient(units: OutcomeUnits, values: Floats) -> Floats:
    n, known = len(units.patients), ~np.isnan(values)
    count = np.bincount(units.patient[known], minlength=n)
    total = np.bincount(units.patient[known], weights=values[known], minlength=n)
    return np.divide(total, count, out=np.full(n, np.nan), where=count > 0)


def _of_group(
    test: OutcomeTable, patients: set[str], primary: Primary, metric: str, n_bootstrap: int,
    seed: int,
) -> dict[str, Any]:  # fmt: skip
    if len(patients) < MIN_PATIENTS:
        return {"arms": {}, "difference": None}
    own = test.take(np.isin(test.patient_id, sorted(patients)))
    arms = {arm: _mean(own.of_arm(arm), metric, n_bootstrap, seed) for arm in own.arms}
    difference = None
    if primary.arm != primary.reference and {primary.arm, primary.reference} <= set(own.arms):
        difference = _difference(own, primary, metric, n_bootstrap, seed)
    return {"arms": arms, "difference": difference}


def _mean(table: OutcomeTable, metric: str, n_bootstrap: int, seed: int) -> dict[str, Any]:
    units = OutcomeUnits.of(table)
    statistic, n = SegmentationStatistic(units, (metric,)), len(units.patients)
    rng = np.random.default_rng(seed)
    drawn = bootstrap(statistic, n_patients=n, n_replicates=n_bootstrap, rng=rng)
    found = mean_estimate(
        float(statistic(np.ones((1, n)))[0, 0]), drawn[:, 0], n=statistic.n_defined(0),
        n_excluded=statistic.n_excluded(0),
    )  # fmt: skip
    return {
        "value": found.value, "ci_low": found.ci_low, "ci_high": found.ci_high,
        "n_patients": found.n_patients,
    }  # fmt: skip


def _difference(
    table: OutcomeTable, primary: Primary, metric: str, n_bootstrap: int, seed: int
) -> dict[str, float]:
    sides = [OutcomeUnits.of(t) for t in pair_outcomes(table, primary.arm, primary.reference)]
    one, two = (SegmentationStatistic(side, (metric,)) for side in where_both(*sides))
    n = len(sides[0].patients)

    def gap(weights: Floats) -> Floats:
        return (one(weights) - two(weights))[:, 0]

    value = float(gap(np.ones((1, n)))[0])
    drawn = bootstrap(gap, n_patients=n, n_replicates=n_bootstrap, rng=np.random.default_rng(seed))
    found, low, high, _, _ = judge_replicates(value, drawn, metric)
    return {"value": found, "ci_low": low, "ci_high": high}
