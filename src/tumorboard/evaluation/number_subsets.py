"""What survival times or numbers are predicted as from every subset of an arm's modalities."""

from __future__ import annotations

from typing import Any

import numpy as np

from tumorboard.evaluation.bootstrap import bootstrap, percentile_interval
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.evaluation.outcome_probes import OutcomeProbes
from tumorboard.evaluation.outcome_table import OutcomeTable, OutcomeUnits
from tumorboard.evaluation.probe_table import UNTOUCHED
from tumorboard.evaluation.regression_statistic import RegressionStatistic
from tumorboard.evaluation.subsets import HIDING, ordered_subsets, prediction_keys, subset_names
from tumorboard.evaluation.survival_statistic import SurvivalStatistic, horizons_of
from tumorboard.records import Floats, Ints
from tumorboard.study_words import LOWER_IS_BETTER

#: Resamples of the patients for each subset.
N_BOOTSTRAP = 500

Values = dict[str, dict[str, float]]


def number_subsets_document(
    predictions: OutcomeTable, probes: OutcomeProbes | None, *, rng: np.random.Generator,
    n_bootstrap: int = N_BOOTSTRAP,
) -> dict[str, Any]:  # fmt: skip
    """Evidence `subsets` of survival or regression: every arm with every subset of its modalities.

    Args:
        predictions: Validation and test predictions.
        probes: What the models predicted with modalities hidden; None where nothing was tried.
        rng: Source of the resamples.
        n_bootstrap: Resamples of the patients.

    Returns:
        `metrics` and `arms`: arm -> `modalities`, `shown` and `present`. Both are lists of subsets,
        most modalities first, each with `modalities` (joined by "+"), `n_patients`, `n_events`,
        `is_refused` (under 10 patients, no numbers) and `metrics` (name -> value, ci_low, ci_high;
        of several numbers also `r2_<target>` of each).
        `shown` has `is_learned` as well, false where a model met no such subset in training, and
        `drop`: how much worse each metric is than with everything that the same patients have.
        `shown` counts a patient in every subset that the patient has, `present` only in what was at
        hand.
    """
    metrics = metrics_of(predictions)
    targets = predictions.outcome_names if predictions.kind == "regression" else ()
    of_targets = tuple(f"r2_{name}" for name in targets) if len(targets) > 1 else ()
    test = predictions.take((predictions.part == "test") & predictions.known)
    seed = int(rng.integers(2**63))
    document: dict[str, Any] = {}
    for arm in test.arms:
        own = test.of_arm(arm)
        names = subset_names(own.modalities)
        judge = _Judge((*metrics, *of_targets), n_bootstrap, seed)
        present = [
            {"modalities": name, **judge.described(own.take(own.modalities == name))}
            for name in ordered_subsets(own.modalities, names)
        ]
        shown = [] if probes is None else _shown(probes, arm, names, judge)
        document[arm] = {"modalities": list(names), "present": present, "shown": shown}
    return {"metrics": list(metrics), "arms": document}


def metrics_of(table: OutcomeTable) -> tuple[str, ...]:
    """The two metrics that say most: one of ranks, one of the numbers themselves."""
    if table.kind == "regression":
        return ("r2", "spearman")
    curves = ("integrated_brier",) if horizons_of(table.prediction_names) else ()
    return ("c_index", *curves)


def _shown(
    probes: OutcomeProbes, arm: str, names: tuple[str, ...], judge: _Judge
) -> list[dict[str, Any]]:
    table = probes.predictions
    rows = probes.take(
        (table.arm == arm) & (table.part == "test") & table.known
        & np.isin(probes.probe, [UNTOUCHED, HIDING])
    )  # fmt: skip
    table = rows.predictions
    whole = table.take(rows.probe == UNTOUCHED)
    found: list[dict[str, Any]] = []
    for subset in ordered_subsets(table.modalities, names):
        own = table.modalities == subset
        described = judge.described(table.take(own))
        if not described["is_refused"] and subset != "+".join(names):
            described["drop"] = judge.drop(whole, table.take(own))
        is_learned = bool(rows.is_learned[own].all())
        found.append({"modalities": subset, "is_learned": is_learned, **described})
    return found


class _Judge:
    """Metrics with intervals; every subset sees draws from the same state."""

    def __init__(self, metrics: tuple[str, ...], n_bootstrap: int, seed: int) -> None:
        self._metrics = metrics
        self._n_bootstrap = n_bootstrap
        self._seed = seed

    def described(self, table: OutcomeTable) -> dict[str, Any]:
        """One subset of one arm."""
        units = OutcomeUnits.of(table)
        n = len(units.patients)
        is_survival = table.kind == "survival"
        with_event = units.patient[units.outcome[:, 1] > 0] if is_survival else units.patient[:0]
        return {
            "n_patients": n,
            "n_events": len(np.unique(with_event)),
            "is_refused": n < MIN_PATIENTS,
            "metrics": {} if n < MIN_PATIENTS else self._estimates([table], np.ones(1)),
        }

    def drop(self, whole: OutcomeTable, less: OutcomeTable) -> Values:
        """How much worse less is than everything, of the same units."""
        keys, others = prediction_keys(whole), prediction_keys(less)
        _, first, second = np.intersect1d(keys, others, return_indices=True)
        sides = [whole.take(_rows(first)), less.take(_rows(second))]
        return self._estimates(sides, np.asarray([1.0, -1.0]), is_drop=True)

    def _estimates(
        self, tables: list[OutcomeTable], signs: Floats, *, is_drop: bool = False
    ) -> Values:
        units = [OutcomeUnits.of(table) for table in tables]
        kind = SurvivalStatistic if tables[0].kind == "survival" else RegressionStatistic
        statistics = [kind(own, self._metrics) for own in units]
        worse = [-1.0 if is_drop and name in LOWER_IS_BETTER else 1.0 for name in self._metrics]

        def values(weights: Floats) -> Floats:
            each = (sign * s(weights) for sign, s in zip(signs, statistics, strict=True))
            return np.asarray(np.sum(list(each), axis=0) * worse)

        n = len(units[0].patients)
        value = values(np.ones((1, n)))[0]
        drawn = bootstrap(
            values, n_patients=n, n_replicates=self._n_bootstrap,
            rng=np.random.default_rng(self._seed),
        )  # fmt: skip
        found: Values = {}
        for k, name in enumerate(self._metrics):
            low, high, _ = percentile_interval(drawn[:, k])
            is_known = not np.isnan(value[k]) and low < high
            ends = (low, high) if is_known else (np.nan, np.nan)
            found[name] = {"value": float(value[k]), "ci_low": ends[0], "ci_high": ends[1]}
        return found


def _rows(index: np.ndarray[Any, Any]) -> Ints:
    return np.asarray(index, dtype=np.int64)
