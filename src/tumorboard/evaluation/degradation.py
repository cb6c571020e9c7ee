"""How performance falls as inputs get worse: curves per arm and probe, paired with inputs as were.

The same patients, at the same decision thresholds, are predicted from worse and worse inputs, so
every fall is a paired difference; its interval is that of the summed influences of the patients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tumorboard.evaluation.auroc import NAN
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.evaluation.influence import Influence, influences
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.probe_table import UNTOUCHED, ProbeTable
from tumorboard.evaluation.statistic import ScoredUnits, Thresholds
from tumorboard.evaluation.thresholds import choose_thresholds
from tumorboard.records import Floats
from tumorboard.study_keys import Primary, Threshold
from tumorboard.study_words import LOWER_IS_BETTER

#: A metric has fallen noticeably when it is this much worse.
FALL = 0.05
#: Subsets of modalities are no scale of strengths; they are a topic of their own.
_NO_CURVE = "missing_modality"


def degradation_document(
    probes: ProbeTable,
    predictions: PredictionTable,
    *,
    threshold: Threshold,
    primary: Primary | None = None,
    units: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Curves of every probe that has strengths.

    Args:
        probes: What the models predicted from worse inputs.
        predictions: Validation and test predictions, which the thresholds come from.
        threshold: How each model's decision threshold is chosen.
        primary: The comparison whose difference is followed over the strengths; None for none.
        units: Probe -> what its strength counts.

    Returns:
        `fall`, `metrics` and `probes`: probe -> `unit`, `arms` and `against`. An arm has
        `strengths` (0 first), `n_patients`, and for each metric lists over the strengths: `value`,
        `ci_low`, `ci_high`, `drop` (how much worse than at 0), `drop_low`, `drop_high`, and
        `falls_at`, the strength where the drop reaches `fall` (null where it never does).
        `against` follows arm minus reference: `difference`, `ci_low`, `ci_high`, `crossover`, the
        strength where the difference changes its sign, and `is_reference_degraded`.
    """
    thresholds, _ = choose_thresholds(predictions, threshold)
    arms = probes.predictions.arms
    found: dict[str, Any] = {}
    metrics: tuple[str, ...] = ()
    for probe in probes.probes:
        if probe == _NO_CURVE:
            continue
        curves = {
            arm: curve
            for arm in arms
            if (curve := curve_of(probes, arm, probe, thresholds)) is not None
        }
        metrics = metrics or tuple(next(iter(next(iter(curves.values())).values())))
        found[probe] = {
            "unit": (units or {}).get(probe, "strength"),
            "arms": {arm: _arm_document(curve) for arm, curve in curves.items()},
            "against": _against(probes, probe, primary, thresholds),
        }
    return {"fall": FALL, "metrics": list(metrics), "probes": found}


def curve_of(
    probes: ProbeTable, arm: str, probe: str, thresholds: Thresholds
) -> dict[float, dict[str, Influence]] | None:
    """Strength -> metrics of one arm, on the units predicted at every strength; None for no rows.

    Strength 0 are the inputs as they were.
    """
    scored = scored_units(probes, arm, probe, thresholds)
    return None if len(scored) < 2 else {s: _metrics(units) for s, units in scored.items()}


def scored_units(
    probes: ProbeTable, arm: str, probe: str, thresholds: Thresholds, *, only: Sequence[str] = ()
) -> dict[float, ScoredUnits]:
    """Strength -> test units of one arm that were predicted at every strength.

    Args:
        probes: The table.
        arm: The arm.
        probe: The probe.
        thresholds: Decision thresholds.
        only: Further restriction to these patients; empty for none.
    """
    tables = {0.0: probes.of(arm, UNTOUCHED).predictions}
    worse = probes.of(arm, probe)
    for strength in np.unique(worse.strength).tolist():
        tables[strength] = worse.predictions.take(worse.strength == strength)
    patients = [set(table.patient_id.tolist()) for table in tables.values()]
    shared = set.intersection(*patients) & (set(only) or patients[0])
    kept = {
        strength: table.take(np.isin(table.patient_id, sorted(shared)))
        for strength, table in tables.items()
    }
    return {strength: ScoredUnits.of(table, thresholds) for strength, table in kept.items()}


def balanced_accuracy(found: Mapping[str, Influence]) -> Influence:
    """Mean of sensitivity and specificity of a binary outcome."""
    parts = [found["sensitivity"], found["specificity"]]
    together: dict[str, float] = {}
    for part in parts:
        for patient, moved in part.of_patient.items():
            together[patient] = together.get(patient, 0.0) + moved / 2
    return Influence(sum(part.value for part in parts) / 2, together)


def crossing(strengths: Sequence[float], values: Floats, level: float) -> float:
    """First strength where the values, joined by straight lines, reach `level` from below."""
    for i, value in enumerate(values):
        if not value >= level:
            continue
        if i == 0 or np.isnan(values[i - 1]):
            return float(strengths[i])
        share = (level - values[i - 1]) / (value - values[i - 1])
        return float(strengths[i - 1] + share * (strengths[i] - strengths[i - 1]))
    return NAN


def _metrics(units: ScoredUnits) -> dict[str, Influence]:
    found = influences(units)
    if len(units.classes) == 2:
        found["balanced_accuracy"] = balanced_accuracy(found)
    names = ("auroc", "accuracy", "balanced_accuracy", "sensitivity", "specificity", "brier")
    return {name: found[name] for name in names if name in found}


def _arm_document(curve: Mapping[float, Mapping[str, Influence]]) -> dict[str, Any]:
    strengths = list(curve)
    n_patients = max(len(i.of_patient) for i in curve[0.0].values())
    document: dict[str, Any] = {"strengths": strengths, "n_patients": n_patients, "metrics": {}}
    for name, clean in curve[0.0].items():
        worse_is = -1.0 if name in LOWER_IS_BETTER else 1.0
        rows = [(curve[s][name], clean.minus(curve[s][name])) for s in strengths]
        values = [_limits(value, n_patients) for value, _ in rows]
        falls = [_limits(fall, n_patients) for _, fall in rows]
        drop = worse_is * np.asarray([fall.value for _, fall in rows])
        limits = worse_is * np.asarray(falls)
        document["metrics"][name] = {
            "value": [value.value for value, _ in rows],
            "ci_low": [max(0.0, low) if low == low else low for low, _ in values],
            "ci_high": [min(1.0, high) if high == high else high for _, high in values],
            "drop": drop.tolist(),
            "drop_low": limits.min(axis=1).tolist(),
            "drop_high": limits.max(axis=1).tolist(),
            "falls_at": crossing(strengths, drop, FALL),
        }
    return document


def _limits(value: Influence, n_patients: int) -> tuple[float, float]:
    """95 % interval; empty under 10 patients, and where nothing varies."""
    low, high, _ = value.test()
    return (low, high) if n_patients >= MIN_PATIENTS else (NAN, NAN)


def _against(
    probes: ProbeTable, probe: str, primary: Primary | None, thresholds: Thresholds
) -> dict[str, Any] | None:
    """Arm minus reference at every strength, on the patients that both predicted."""
    arms = probes.predictions.arms
    if primary is None or primary.arm == primary.reference:
        return None
    if primary.arm not in arms or primary.reference not in arms:
        return None
    own = [set(probes.of(a, UNTOUCHED).predictions.patient_id.tolist()) for a in arms
           if a in (primary.arm, primary.reference)]  # fmt: skip
    both = sorted(set.intersection(*own))
    of_arm = scored_units(probes, primary.arm, probe, thresholds, only=both)
    of_reference = scored_units(probes, primary.reference, probe, thresholds, only=both)
    metric = primary.metric
    if len(of_arm) < 2 or metric not in _metrics(of_arm[0.0]):
        metric = "auroc"
    if len(of_arm) < 2:
        return None
    is_degraded = len(of_reference) > 1
    strengths = [s for s in of_arm if s in of_reference or not is_degraded]
    differences = [
        _metrics(of_arm[s])[metric].minus(_metrics(of_reference[s if is_degraded else 0.0])[metric])
        for s in strengths
    ]
    limits = [_limits(difference, len(both)) for difference in differences]
    better = -1.0 if metric in LOWER_IS_BETTER else 1.0
    lead = better * np.asarray([difference.value for difference in differences])
    return {
        "arm": primary.arm, "reference": primary.reference, "metric": metric,
        "is_reference_degraded": is_degraded, "strengths": strengths,
        "difference": [difference.value for difference in differences],
        "ci_low": [low for low, _ in limits], "ci_high": [high for _, high in limits],
        "n_patients": len(both), "crossover": crossing(strengths, -lead, 0.0),
    }  # fmt: skip
