"""Is a decision by the model worth more than treating all or none: net benefit over thresholds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tumorboard.evaluation.bootstrap import bootstrap
from tumorboard.evaluation.comparison import pair_arms
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.evaluation.operating_points import operating_points
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.ratio import ratio
from tumorboard.evaluation.statistic import ScoredUnits, Thresholds
from tumorboard.records import Bools, Floats, Ints
from tumorboard.study_keys import Primary, Threshold

#: Threshold probabilities that the curves are drawn at.
THRESHOLDS: Floats = np.arange(1, 100) / 100


def decisions_document(
    table: PredictionTable, *, threshold: Threshold, thresholds: Thresholds, n_bootstrap: int,
    rng: np.random.Generator, primary: Primary | None = None, arms: Sequence[str] = (),
    prevalences: Sequence[float] = (),
) -> dict[str, Any]:  # fmt: skip
    """Decision curves of every arm, and what its own decisions come to at other prevalences.

    Args:
        table: Predictions with the positive class last.
        threshold: The study's rule.
        thresholds: What it chose, by (arm, repeat, fold).
        n_bootstrap: Resamples of the patients.
        rng: Source of the resamples.
        primary: Whose difference of net benefit is drawn; None for no difference.
        arms: In the order of the report; empty for the table's.
        prevalences: Shares of positive patients that predictive values are computed at.

    Returns:
        `thresholds`; `patients`: `{n, is_common}`, whether every arm is measured on the same `n`
        patients, those that all arms predicted (where these are fewer than half, each arm has its
        own); `classes`: class (the positive one of two, else each against the rest) -> `{arms:
        {arm: {n_patients, prevalence, net_benefit, ci_low, ci_high, treat_all, gain, gain_low,
        gain_high, avoided}}, difference}` with one number per threshold (treating nobody is 0;
        `gain` is over treating all of the same patients; `avoided` are interventions that the
        model spares per 100 patients against treating all, at equal detection), `difference` being
        `{arm, reference, n_patients, difference, ci_low, ci_high}` or None; `rule`; and
        `points`: see `operating_points`, on the patients of each arm, with the counts at the
        share of the positive class among all.

    Source:
        Vickers & Elkin, Med Decis Making 2006; 26: 565-574. Vickers et al., BMC Med Inform Decis
        Mak 2008; 8: 53 (intervals, interventions avoided).
    """
    asked = list(arms or table.arms)
    units = _of_patients(table, asked, thresholds)
    shared = _shared_patients(units)
    compared = units if shared is None else _of_patients(table, units, thresholds, shared)
    pair = _pair(table, primary)
    seed = int(rng.integers(2**63))
    n_classes = len(table.classes)
    classes: dict[str, Any] = {}
    for k in [1] if n_classes == 2 else range(n_classes):
        classes[table.classes[k]] = {
            "arms": {arm: _curve(each, k, n_bootstrap, seed) for arm, each in compared.items()},
            "difference": None
            if pair is None or primary is None
            else {
                "arm": primary.arm, "reference": primary.reference,
                "n_patients": len(pair[0].patients), **_difference(pair, k, n_bootstrap, seed),
            },
        }  # fmt: skip
    return {
        "thresholds": THRESHOLDS.tolist(),
        "patients": {"n": len(shared or ()), "is_common": shared is not None},
        "classes": classes,
        "rule": threshold.model_dump(),
        "points": operating_points(
            units, thresholds, prevalences, prevalence=_prevalence(table, asked)
        ),
    }


def _pair(
    table: PredictionTable, primary: Primary | None
) -> tuple[ScoredUnits, ScoredUnits] | None:
    """The arms of the primary comparison on the patients that both predicted."""
    if primary is None or primary.arm == primary.reference:
        return None
    one, two = pair_arms(table, primary.arm, primary.reference)
    return ScoredUnits.of(one, {}), ScoredUnits.of(two, {})


def _of_patients(
    table: PredictionTable, arms: Iterable[str], thresholds: Thresholds,
    patients: Sequence[str] | None = None,
) -> dict[str, ScoredUnits]:  # fmt: skip
    """Test units of these patients (None for all), of the arms that have any."""
    rows = table if patients is None else table.take(np.isin(table.patient_id, patients))
    units = {arm: ScoredUnits.of(rows.of_arm(arm), thresholds) for arm in arms}
    return {arm: each for arm, each in units.items() if each.patients}


def _shared_patients(units: Mapping[str, ScoredUnits]) -> list[str] | None:
    """Patients that all arms predicted; None where they are fewer than half of everybody."""
    each = [set(of_arm.patients) for of_arm in units.values()]
    shared = set.intersection(*each) if each else set[str]()
    return sorted(shared) if shared and 2 * len(shared) >= len(set.union(*each)) else None


def _prevalence(table: PredictionTable, arms: Sequence[str]) -> float | None:
    """Share of the last class among the test units of any of these arms."""
    rows = np.isin(table.arm, list(arms)) & (table.part == "test") & (table.outcome >= 0)
    first = np.unique(table.unit_id[rows], return_index=True)[1]
    outcome = table.outcome[rows][first]
    return float(np.mean(outcome == len(table.classes) - 1)) if len(outcome) else None


def net_benefit(is_class: Bools, p: Floats, thresholds: Floats, weight: Floats) -> Floats:
    """True positives less false positives at the odds of each threshold, per unit.

    Args:
        is_class: (n,) True where the unit has the class.
        p: (n,) its probability; a unit is treated at or above a threshold.
        thresholds: (T,) between 0 and 1.
        weight: (n,).
    """
    return _worth(is_class, p, thresholds, weight, np.zeros(len(p), dtype=np.int64), 1)[0] / (
        weight.sum()
    )


def _worth(
    is_class: Bools, p: Floats, thresholds: Floats, weight: Floats, patient: Ints, n_patients: int
) -> Floats:
    """(patients, T) summed worth of each patient's treated units, at every threshold."""
    odds = thresholds / (1 - thresholds)
    # the last threshold at or below p: treated there and at all lower ones
    last = np.searchsorted(thresholds, p, side="right")
    n_bins = len(thresholds) + 1
    summed: list[Floats] = []
    for counted in (is_class, ~is_class):
        cells: Floats = np.asarray(
            np.bincount(
                patient * n_bins + last, np.where(counted, weight, 0.0), n_patients * n_bins
            ),
            dtype=np.float64,
        ).reshape(n_patients, n_bins)
        summed.append(np.cumsum(cells[:, ::-1], axis=1)[:, ::-1][:, 1:])
    return summed[0] - odds * summed[1]


def _sums(units: ScoredUnits, k: int) -> tuple[Floats, Floats, Floats]:
    """Of every patient: worth by threshold, units of the class, units."""
    n, is_class = len(units.patients), units.target == k
    ones = np.ones(len(is_class))
    worth = _worth(is_class, units.probabilities[:, k], THRESHOLDS, ones, units.patient, n)
    positive, total = (
        np.asarray(np.bincount(units.patient, counted, n), dtype=np.float64)
        for counted in (is_class.astype(np.float64), ones)
    )
    return worth, positive, total


def _per_unit(worth: Floats, total: Floats) -> Callable[[Floats], Floats]:
    """Weights (replicates, patients) to the mean worth of a unit (replicates, T)."""

    def statistic(weights: Floats) -> Floats:
        summed = weights @ worth
        return ratio(summed, np.broadcast_to((weights @ total)[:, None], summed.shape))

    return statistic


def _curve(units: ScoredUnits, k: int, n_bootstrap: int, seed: int) -> dict[str, Any]:
    worth, positive, total = _sums(units, k)
    odds = THRESHOLDS / (1 - THRESHOLDS)
    of_all = positive[:, None] - (total - positive)[:, None] * odds
    # what the model is worth, and what it is worth more than treating all, in the same resamples
    statistic = _per_unit(np.concatenate([worth, worth - of_all], axis=1), total)
    value, gain = np.split(statistic(np.ones((1, len(total))))[0], 2)
    low, high = _interval(statistic, len(total), n_bootstrap, seed, 2 * len(THRESHOLDS))
    (low, gain_low), (high, gain_high) = np.split(low, 2), np.split(high, 2)
    prevalence = float(positive.sum() / total.sum())
    treat_all = prevalence - (1 - prevalence) * odds
    return {
        "n_patients": len(units.patients),
        "prevalence": prevalence,
        "net_benefit": value.tolist(),
        "ci_low": low.tolist(),
        "ci_high": high.tolist(),
        "treat_all": treat_all.tolist(),
        "gain": gain.tolist(),
        "gain_low": gain_low.tolist(),
        "gain_high": gain_high.tolist(),
        "avoided": (100 * (value - treat_all) / odds).tolist(),
    }


def _difference(
    pair: tuple[ScoredUnits, ScoredUnits], k: int, n_bootstrap: int, seed: int
) -> dict[str, list[float]]:
    first, second = (_sums(side, k) for side in pair)
    worth, total = first[0] - second[0], first[2]

    statistic = _per_unit(worth, total)
    low, high = _interval(statistic, len(total), n_bootstrap, seed)
    return {
        "difference": statistic(np.ones((1, len(total))))[0].tolist(),
        "ci_low": low.tolist(), "ci_high": high.tolist(),
    }  # fmt: skip


def _interval(
    statistic: Callable[[Floats], Floats], n_patients: int, n_bootstrap: int, seed: int,
    n_values: int = len(THRESHOLDS),
) -> tuple[Floats, Floats]:  # fmt: skip
    """2.5 % and 97.5 % points over resamples of the patients, of every value."""
    if n_patients < MIN_PATIENTS:
        empty = np.full(n_values, np.nan)
        return empty, empty
    drawn = bootstrap(
        statistic, n_patients=n_patients, n_replicates=n_bootstrap, rng=np.random.default_rng(seed)
    )
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return low, high
