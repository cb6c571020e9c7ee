"""How survival and regression fall as inputs get worse: evidence "degradation" of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tumorboard.evaluation.auroc import NAN
from tumorboard.evaluation.bootstrap import bootstrap, percentile_interval
from tumorboard.evaluation.degradation import FALL, crossing
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.evaluation.number_subsets import metrics_of
from tumorboard.evaluation.outcome_probes import OutcomeProbes
from tumorboard.evaluation.outcome_table import OutcomeTable, OutcomeUnits
from tumorboard.evaluation.probe_table import UNTOUCHED
from tumorboard.evaluation.regression_statistic import RegressionStatistic
from tumorboard.evaluation.survival_statistic import SurvivalStatistic
from tumorboard.records import Floats
from tumorboard.study_words import LOWER_IS_BETTER

#: Resamples of the patients of one curve.
N_BOOTSTRAP = 300
#: Subsets of modalities are no scale of strengths; they are a topic of their own.
_NO_CURVE = "missing_modality"


def number_degradation_document(
    probes: OutcomeProbes, *, rng: np.random.Generator, units: Mapping[str, str] | None = None,
    n_bootstrap: int = N_BOOTSTRAP,
) -> dict[str, Any]:  # fmt: skip
    """Curves of every probe that has strengths, on the units predicted at every strength.

    Falls are paired: the same resamples of the patients are drawn at every strength.

    Args:
        probes: What the models predicted from worse inputs.
        rng: Source of the resamples.
        units: Probe -> what its strength counts.
        n_bootstrap: Resamples of the patients.

    Returns:
        As `degradation_document`, with `leading`, the metric of the table, and no `against`.
    """
    table = probes.predictions
    probes = probes.take((table.part == "test") & table.known)
    metrics = metrics_of(probes.predictions)
    seed = int(rng.integers(2**63))
    found: dict[str, Any] = {}
    for probe in dict.fromkeys(probes.probe.tolist()):
        if probe in (UNTOUCHED, _NO_CURVE):
            continue
        arms: dict[str, Any] = {}
        for arm in probes.predictions.arms:
            tables = _at_strengths(probes, arm, probe)
            if len(tables) > 1:
                arms[arm] = _curve(tables, metrics, n_bootstrap, np.random.default_rng(seed))
        if arms:
            unit = (units or {}).get(probe, "strength")
            found[probe] = {"unit": unit, "arms": arms, "against": None}
    return {"fall": FALL, "leading": metrics[0], "metrics": list(metrics), "probes": found}


def _at_strengths(probes: OutcomeProbes, arm: str, probe: str) -> dict[float, OutcomeTable]:
    """Strength -> predictions of the units that every strength has; 0 are inputs as they were."""
    own = probes.predictions.arm == arm
    tables = {0.0: probes.predictions.take(own & (probes.probe == UNTOUCHED))}
    worse = own & (probes.probe == probe)
    for strength in np.unique(probes.strength[worse]).tolist():
        tables[strength] = probes.predictions.take(worse & (probes.strength == strength))
    keys = {strength: _keys(table) for strength, table in tables.items()}
    shared = set.intersection(*(set(each) for each in keys.values()))
    return {
        strength: table.take(np.asarray([k in shared for k in keys[strength]], dtype=np.bool_))
        for strength, table in tables.items()
    }


def _keys(table: OutcomeTable) -> list[tuple[str, int]]:
    return list(zip(table.unit_id.tolist(), table.repeat.tolist(), strict=True))


def _curve(
    tables: Mapping[float, OutcomeTable], metrics: Sequence[str], n_bootstrap: int,
    rng: np.random.Generator,
) -> dict[str, Any]:  # fmt: skip
    units = [OutcomeUnits.of(table) for table in tables.values()]
    n = len(units[0].patients)
    document: dict[str, Any] = {"strengths": list(tables), "n_patients": n, "metrics": {}}
    is_survival = next(iter(tables.values())).kind == "survival"
    kind = SurvivalStatistic if is_survival else RegressionStatistic
    statistics = [kind(own, tuple(metrics)) for own in units]

    def values(weights: Floats) -> Floats:
        return np.stack([statistic(weights) for statistic in statistics], axis=1)

    value = values(np.ones((1, n)))[0]
    drawn = bootstrap(values, n_patients=n, n_replicates=n_bootstrap, rng=rng)
    for k, name in enumerate(metrics):
        worse_is = -1.0 if name in LOWER_IS_BETTER else 1.0
        drop = worse_is * (value[:1, k] - value[:, k])
        fell = worse_is * (drawn[:, :1, k] - drawn[:, :, k])
        ends = [_limits(drawn[:, s, k], n) for s in range(len(value))]
        falls = [_limits(fell[:, s], n) for s in range(len(value))]
        document["metrics"][name] = {
            "value": value[:, k].tolist(),
            "ci_low": [low for low, _ in ends], "ci_high": [high for _, high in ends],
            "drop": drop.tolist(),
            "drop_low": [low for low, _ in falls], "drop_high": [high for _, high in falls],
            "falls_at": crossing(list(tables), drop, FALL),
        }  # fmt: skip
    return document


def _limits(draws: Floats, n_patients: int) -> tuple[float, float]:
    """95 % interval; empty under 10 patients, and where nothing varies."""
    low, high, _ = percentile_interval(draws)
    return (low, high) if n_patients >= MIN_PATIENTS and low < high else (NAN, NAN)
