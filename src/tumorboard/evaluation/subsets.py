"""Performance and calibration for every subset of modalities: shown to a model, or at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tumorboard.evaluation.any_table import AnyTable
from tumorboard.evaluation.auroc import NAN, Z_95
from tumorboard.evaluation.degradation import balanced_accuracy
from tumorboard.evaluation.estimates import MIN_PATIENTS, Counts, leading_estimate
from tumorboard.evaluation.influence import Influence, influences
from tumorboard.evaluation.logistic import fit_logistic
from tumorboard.evaluation.prediction_table import PredictionTable, Texts
from tumorboard.evaluation.probe_table import UNTOUCHED, ProbeTable
from tumorboard.evaluation.statistic import ScoredUnits, Thresholds
from tumorboard.evaluation.thresholds import choose_thresholds
from tumorboard.records import Bools, Floats, Ints
from tumorboard.study_keys import Threshold

#: The probe that shows parts of an arm's modalities.
HIDING = "missing_modality"
#: Probabilities are kept this far from 0 and 1 before a logarithm.
_CLIP = 1e-6


def subsets_document(
    predictions: PredictionTable, probes: ProbeTable | None, *, threshold: Threshold
) -> dict[str, Any]:
    """Every arm with every subset of its modalities.

    Args:
        predictions: Validation and test predictions.
        probes: What the models predicted with modalities hidden; None where nothing was tried.
        threshold: How each model's decision threshold is chosen.

    Returns:
        `arms`: arm -> `modalities`, `shown` and `present`. Both are lists of subsets, most
        modalities first, each with `modalities` (joined by "+"), `n_patients`, `n_events`,
        `is_refused` (under 10 patients, no numbers), `metrics` (name -> value, ci_low, ci_high),
        `calibration` (slope and intercept of a logistic recalibration with intervals, mean
        predicted and observed share; two classes only) and, for `shown`, `drop`: how much worse
        each metric is than with everything that the same patients have. `shown` counts a patient
        in every subset that the patient has, `present` only in what was at hand.
    """
    thresholds, _ = choose_thresholds(predictions, threshold)
    test = predictions.take((predictions.part == "test") & (predictions.outcome >= 0))
    document: dict[str, Any] = {}
    for arm in test.arms:
        own = test.of_arm(arm)
        names = subset_names(own.modalities)
        present = [
            {"modalities": name, **_describe(own.take(own.modalities == name), thresholds)}
            for name in ordered_subsets(own.modalities, names)
        ]
        document[arm] = {
            "modalities": list(names),
            "present": present,
            "shown": _shown(probes, arm, names, thresholds) if probes is not None else [],
        }
    return {"arms": document}


def shown_rows(probes: ProbeTable, arm: str) -> ProbeTable:
    """Test rows of one arm as they were and with modalities hidden, of known outcome."""
    is_asked = np.isin(probes.probe, [UNTOUCHED, HIDING])
    table = probes.predictions
    is_test = (table.part == "test") & (table.outcome >= 0)
    return probes.take((table.arm == arm) & is_asked & is_test)


def subset_names(modalities: Texts) -> tuple[str, ...]:
    """Modalities of one arm, in the order in which they are joined."""
    found = modalities.tolist()
    longest = max(found, key=lambda text: text.count("+"), default="")
    every = [name for text in {longest, *found} for name in text.split("+")]
    return tuple(dict.fromkeys([*longest.split("+"), *sorted(set(every))]))


def ordered_subsets(found: Texts, names: tuple[str, ...]) -> list[str]:
    """Distinct subsets: most modalities first, then in the order of the arm."""
    place = {name: i for i, name in enumerate(names)}
    return sorted(
        set(found.tolist()),
        key=lambda text: (-text.count("+"), [place[n] for n in text.split("+")]),
    )


def _shown(
    probes: ProbeTable, arm: str, names: tuple[str, ...], thresholds: Thresholds
) -> list[dict[str, Any]]:
    rows = shown_rows(probes, arm)
    table = rows.predictions
    whole = table.take(rows.probe == UNTOUCHED)
    found: list[dict[str, Any]] = []
    for subset in ordered_subsets(table.modalities, names):
        shown = table.take(table.modalities == subset)
        described = _describe(shown, thresholds)
        if not described["is_refused"] and subset != "+".join(names):
            described["drop"] = _drop(whole, shown, thresholds)
        found.append({"modalities": subset, **described})
    return found


def _drop(
    whole: PredictionTable, shown: PredictionTable, thresholds: Thresholds
) -> dict[str, dict[str, float]]:
    """With everything minus with this subset, of the same units."""
    both = np.isin(prediction_keys(whole), prediction_keys(shown))
    clean = _metrics(ScoredUnits.of(whole.take(both), thresholds))
    less = _metrics(ScoredUnits.of(shown, thresholds))
    found: dict[str, dict[str, float]] = {}
    for name in clean:
        difference = clean[name].minus(less[name])
        low, high, _ = difference.test()
        found[name] = {"value": difference.value, "ci_low": low, "ci_high": high}
    return found


def prediction_keys(table: AnyTable) -> np.ndarray[Any, Any]:
    """(rows,) texts that name the unit and the model of each prediction, one of a kind per arm."""
    triples = zip(table.unit_id.tolist(), table.repeat.tolist(), table.fold.tolist(), strict=True)
    return np.asarray([f"{unit}\x1f{repeat}\x1f{fold}" for unit, repeat, fold in triples])


def _describe(table: PredictionTable, thresholds: Thresholds) -> dict[str, Any]:
    units = ScoredUnits.of(table, thresholds)
    n_patients = len(units.patients)
    with_class = [units.patients_with(k) for k in range(len(units.classes))]
    document: dict[str, Any] = {
        "n_patients": n_patients,
        "n_events": with_class[-1] if len(with_class) == 2 else min(with_class),
        "is_refused": n_patients < MIN_PATIENTS,
        "metrics": {},
        "calibration": None,
    }
    if n_patients < MIN_PATIENTS:
        return document
    counts = Counts(units)
    for name, influence in _metrics(units).items():
        leading = leading_estimate(name, influence.value, counts)
        low, high, _ = influence.test()
        if leading is not None:
            low, high = leading.ci_low, leading.ci_high
        document["metrics"][name] = {"value": influence.value, "ci_low": low, "ci_high": high}
    if len(units.classes) == 2:
        document["calibration"] = recalibration(
            units.target == 1, units.probabilities[:, 1], units.patient
        )
    return document


def _metrics(units: ScoredUnits) -> dict[str, Influence]:
    found = influences(units)
    if len(units.classes) == 2:
        found["balanced_accuracy"] = balanced_accuracy(found)
    found.pop("observed_minus_expected", None)
    return found


def recalibration(is_positive: Bools, probability: Floats, patient: Ints) -> dict[str, Any]:
    """Slope, and intercept at slope 1, of the outcome on the log odds that were predicted.

    A slope under 1 says that predictions are too extreme, an intercept above 0 that they are too
    low. Intervals are robust to several rows of a patient.

    Args:
        is_positive: (n,) outcome.
        probability: (n,) predicted.
        patient: (n,) index of each row's patient.

    Source:
        Cox, Biometrika 1958; 45: 562-565. Van Calster et al., BMC Medicine 2019; 17: 230.
    """
    p = np.clip(probability, _CLIP, 1 - _CLIP)
    logit = np.log(p / (1 - p))
    ones, weight = np.ones((len(p), 1)), np.ones(len(p))
    free = fit_logistic(np.column_stack([ones, logit]), is_positive, weight)
    fixed = fit_logistic(ones, is_positive, weight, offset=logit)
    return {
        "slope": _with_interval(free.coefficients[1], free.influence[:, 1], patient),
        "intercept": _with_interval(fixed.coefficients[0], fixed.influence[:, 0], patient),
        "mean_predicted": float(probability.mean()),
        "observed": float(is_positive.mean()),
    }


def _with_interval(value: float, influence: Floats, patient: Ints) -> Mapping[str, float]:
    moved = np.bincount(patient, influence)
    n = len(np.unique(patient))
    error = float(np.sqrt(n / (n - 1) * np.square(moved).sum())) if n > 1 else NAN
    reach = Z_95 * error
    return {"value": float(value), "ci_low": float(value) - reach, "ci_high": float(value) + reach}
