"""When the model should not answer: prediction sets measured on test patients, and referral."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from tumorboard.evaluation.conformal import fit_conformal
from tumorboard.evaluation.estimates import MIN_PATIENTS, wilson_interval
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.risk_coverage import risk_coverage
from tumorboard.evaluation.statistic import ScoredUnits, Thresholds
from tumorboard.records import Bools, Floats

#: Resamples behind the interval of the area below the risk-coverage curve.
N_BOOTSTRAP = 300
NAN = float("nan")


def abstention_document(
    table: PredictionTable, *, coverage: float | None, by: Literal["all", "class"] = "all",
    refer_below: float = 0.0, thresholds: Thresholds, rng: np.random.Generator,
    subgroups: Mapping[str, Mapping[str, str]] | None = None, arms: Sequence[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """Prediction sets, referral and risk-coverage of every arm on its test patients.

    The sets of a test unit use quantiles of the validation patients of the same fitted model. A
    unit is referred to a human where its set does not hold exactly one class, or holds another
    class than the one called at the threshold, or where its largest probability is below
    `refer_below`.

    Args:
        table: Predictions with the positive class last.
        coverage: Wanted coverage of the sets; None for no sets.
        by: Over all patients, or within every class.
        refer_below: Probability; 0 for no such rule.
        thresholds: Decision thresholds, by (arm, repeat, fold).
        rng: Source of the resamples.
        subgroups: Column -> patient id -> its group.
        arms: In the order of the report; empty for the table's.

    Returns:
        `coverage` (None without sets), `by`, `refer_below`, `classes`, and `arms`: name ->
        `{n_patients, n_models, sets, referral, risk_coverage, remarks}`, with remarks as `{text,
        n_models}`. `sets`: `{all: held, classes:
        {class: held}, subgroups: {column: {group: held}}, mean_size, shares: {empty, one,
        several}}`, with held `{value, ci_low, ci_high, n_patients, mean_size}` (groups under 10
        patients are left out), or None. `referral`: `{share, n_referred, kept, referred}` with the
        calls' `{accuracy, sensitivity, specificity, n_patients, n_errors}`, or None without a rule.
    """
    seed = int(rng.integers(2**63))
    known = table.take(table.outcome >= 0)
    found: dict[str, Any] = {}
    for arm in arms or table.arms:
        of_arm = known.of_arm(arm)
        units = ScoredUnits.of(of_arm, thresholds)
        if not units.patients:
            continue
        sets, remarks = None, list[dict[str, Any]]()
        if coverage is not None:
            sets, remarks = _sets(of_arm, units, coverage, by)
        found[arm] = {
            "n_patients": len(units.patients),
            "n_models": len(units.models),
            "sets": None if sets is None else _measured(units, sets, subgroups or {}),
            "referral": _referral(units, sets, refer_below),
            "risk_coverage": risk_coverage(units, N_BOOTSTRAP, np.random.default_rng(seed)),
            "remarks": remarks,
        }
    return {
        "coverage": coverage, "by": by, "refer_below": refer_below,
        "classes": list(table.classes), "arms": found,
    }  # fmt: skip


def _sets(
    table: PredictionTable, units: ScoredUnits, coverage: float, by: Literal["all", "class"]
) -> tuple[Bools, list[dict[str, Any]]]:
    """(test units, K) sets by the quantiles of each unit's own model; remarks, with how often."""
    sets = np.zeros(units.probabilities.shape, dtype=np.bool_)
    counted: dict[str, int] = {}
    is_validation = table.part == "validation"
    for repeat, fold in units.models:
        rows = is_validation & (table.repeat == repeat) & (table.fold == fold)
        rule, remarks = fit_conformal(
            table.outcome[rows], table.probabilities[rows], coverage=coverage, by=by,
            patient=table.patient_id[rows],
        )  # fmt: skip
        own = units.of_model(repeat, fold)
        sets[own] = rule.sets(units.probabilities[own])
        for remark in remarks:
            counted[remark] = counted.get(remark, 0) + 1
    return sets, [{"text": text, "n_models": times} for text, times in counted.items()]


def _measured(
    units: ScoredUnits, sets: Bools, subgroups: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    size = sets.sum(axis=1)
    everybody = np.ones(len(size), dtype=np.bool_)
    return {
        "all": _held(units, sets, everybody),
        "classes": {
            name: _held(units, sets, units.target == k) for k, name in enumerate(units.classes)
        },
        "subgroups": {
            column: _held_by_group(units, sets, groups) for column, groups in subgroups.items()
        },
        "mean_size": float(size.mean()),
        "shares": {
            "empty": float(np.mean(size == 0)), "one": float(np.mean(size == 1)),
            "several": float(np.mean(size > 1)),
        },
    }  # fmt: skip


def _held_by_group(
    units: ScoredUnits, sets: Bools, groups: Mapping[str, str]
) -> dict[str, dict[str, float]]:
    group = np.asarray([groups.get(patient, "") for patient in units.patients])[units.patient]
    found = {name: _held(units, sets, group == name) for name in np.unique(group).tolist() if name}
    return {name: held for name, held in found.items() if held["n_patients"] >= MIN_PATIENTS}


def _held(units: ScoredUnits, sets: Bools, inside: Bools) -> dict[str, float]:
    """Share of the units whose set holds the true class, with Wilson's interval by patients."""
    n_patients = len(np.unique(units.patient[inside]))
    if not n_patients:
        return {"value": NAN, "ci_low": NAN, "ci_high": NAN, "n_patients": 0, "mean_size": NAN}
    rows = np.flatnonzero(inside)
    value = float(sets[rows, units.target[rows]].mean())
    low, high = wilson_interval(value, n_patients) if n_patients >= MIN_PATIENTS else (NAN, NAN)
    size = float(sets[rows].sum(axis=1).mean())
    return {
        "value": value, "ci_low": low, "ci_high": high, "n_patients": n_patients,
        "mean_size": size,
    }  # fmt: skip


def _referral(units: ScoredUnits, sets: Bools | None, refer_below: float) -> dict[str, Any] | None:
    if sets is None and refer_below <= 0:
        return None
    referred = units.probabilities.max(axis=1) < refer_below
    if sets is not None:
        holds_call = sets[np.arange(len(sets)), units.predicted]
        referred = referred | (sets.sum(axis=1) != 1) | ~holds_call
    return {
        "share": float(referred.mean()),
        "n_referred": _per_repeat(units, referred),
        "kept": _performance(units, ~referred),
        "referred": _performance(units, referred),
    }


def _performance(units: ScoredUnits, inside: Bools) -> dict[str, Any]:
    """The calls of some units; sensitivity and specificity of two classes only."""
    is_right = units.predicted == units.target
    rates = {"accuracy": inside}
    if len(units.classes) == 2:
        rates["sensitivity"] = inside & (units.target == 1)
        rates["specificity"] = inside & (units.target == 0)
    return {
        "n_patients": len(np.unique(units.patient[inside])),
        "n_errors": _per_repeat(units, inside & ~is_right),
        **{name: _share(units, is_right, rows) for name, rows in rates.items()},
    }


def _share(units: ScoredUnits, is_right: Bools, rows: Bools) -> dict[str, float]:
    n_patients = len(np.unique(units.patient[rows]))
    value = float(is_right[rows].mean()) if n_patients else NAN
    low, high = wilson_interval(value, n_patients) if n_patients >= MIN_PATIENTS else (NAN, NAN)
    return {"value": value, "ci_low": low, "ci_high": high}


def _per_repeat(units: ScoredUnits, rows: Bools | Floats) -> float:
    """Units, averaged over the repeats."""
    return float(np.sum(rows)) / len(np.unique(units.repeat))
