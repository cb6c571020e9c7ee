"""Every test of every arm against the reference, on every metric: evidence "tests".

The study's first line follows its primary comparison alone; all that stands here is beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tumorboard.evaluation.auroc import NAN, average_folds
from tumorboard.evaluation.bootstrap import bootstrap, percentile_interval
from tumorboard.evaluation.comparison import align_folds, are_identical, fold_scores, pair_arms
from tumorboard.evaluation.difference import (
    corrected_resampled_t,
    holm,
    judge_auroc,
    judge_folds,
    judge_replicates,
    largest_difference,
    two_sided,
)
from tumorboard.evaluation.estimates import MIN_PATIENTS, auroc_components_of_models
from tumorboard.evaluation.noninferiority import judge_margin
from tumorboard.evaluation.paired_tests import McNemar, mcnemar, right_calls, signed_rank
from tumorboard.evaluation.part_sizes import Sizes, estimated_shares, given_shares
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.results import Comparison
from tumorboard.evaluation.statistic import ArmStatistic, ScoredUnits, Thresholds
from tumorboard.evaluation.thresholds import choose_thresholds
from tumorboard.records import Floats
from tumorboard.study_keys import LOWER_IS_BETTER, Primary, Threshold

#: Metrics that are tested, in the order of the table.
METRICS_TESTED = (
    "auroc", "auprc", "accuracy", "balanced_accuracy", "sensitivity", "specificity", "f1", "brier",
    "log_loss",
)  # fmt: skip
#: Resamples of the patients where the test on the folds leads and the bootstrap stands beside it.
BESIDE = 500
#: What each p-value of the document is.
TESTS: Mapping[str, str] = {
    "corrected_t": "corrected resampled t-test on the folds (Nadeau & Bengio 2003): leads where "
    "there are several folds",
    "bootstrap": "paired patient bootstrap with the fitted models as they are: leads where there "
    "is one split, but for AUROC",
    "delong": "DeLong's test of the AUROCs, averaged over the folds, with the fitted models as "
    "they are; stands behind the paired logit-DeLong interval of one split",
    "mcnemar_exact": "McNemar's exact binomial test of the patients whom only one arm calls "
    "rightly in most repeats",
    "mcnemar_mid_p": "the same, mid-p",
    "mcnemar_chi_square": "the same, chi-square with continuity correction",
    "wilcoxon": "exact signed-rank test on the folds' scores, which are not independent",
    "naive_t": "paired t-test on the folds' scores as if they were independent: shown for contrast "
    "only, it finds too much",
}
#: Metrics whose McNemar test there is: all patients, or those of one true class of two.
_MCNEMAR: Mapping[str, int | None] = {"accuracy": None, "sensitivity": 1, "specificity": 0}


def significance_document(
    table: PredictionTable, primary: Primary, *, threshold: Threshold, n_bootstrap: int,
    rng: np.random.Generator, metrics: Sequence[str] = METRICS_TESTED, positive: str = "none",
    arms: Sequence[str] = (), sizes: Sizes | None = None, margin: float = 0.0,
) -> dict[str, Any]:  # fmt: skip
    """P-values of every arm against the primary's reference, by every test that applies.

    Args:
        table: Predictions of all arms.
        primary: The comparison that the study declared; its metric is always among those tested.
        threshold: How each model's decision threshold is chosen on its validation patients.
        n_bootstrap: Resamples of the patients where there is one split; at most `BESIDE` elsewhere.
        rng: Source of the resamples; in the state that `compare_all` is given, both say the same.
        metrics: Metrics to test.
        positive: Positive class of two; "none" for the last.
        arms: Arms to compare; empty for all of the table.
        sizes: Patients of each split; see `compare_all`.
        margin: Of non-inferiority; 0 declares none.

    Returns:
        {primary, margin, non_inferiority | None, metrics, lower_is_better, n_folds, smallest_p,
        tests: {name: meaning}, comparisons: [{arm, reference, metric, is_primary, arm_value,
        reference_value, difference, ci_low, ci_high, p_value, p_value_holm, test, is_informative,
        n_patients, p: {test: p-value | None}, bootstrap: {difference, ci_low, ci_high,
        n_replicates, n_undefined}, mcnemar}]},
        the primary comparison first. Holm goes over the arms of one metric.
    """
    table = table.with_positive(positive)
    thresholds, _ = choose_thresholds(table, threshold)
    named: dict[str, None] = dict.fromkeys([primary.metric, *metrics])
    seed = int(rng.integers(2**63))
    others = [a for a in arms or table.arms if a not in (primary.arm, primary.reference)]
    asked = [] if primary.arm == primary.reference else [primary.arm]
    cache: dict[tuple[str, bytes], tuple[Floats, Floats]] = {}
    pairs = [
        _Pair.of(table, arm, primary.reference, thresholds, sizes, tuple(named))
        for arm in (*asked, *others)
    ]
    rows: list[dict[str, Any]] = []
    for pair in pairs:
        rows += _rows_of_pair(pair, n_bootstrap, seed, cache)
    _adjust_and_order(rows, named, primary)
    n_folds = max((len(pair.first.models) for pair in pairs), default=0)
    judged = judge_margin(_as_comparison(rows[0]), margin) if asked else None
    return {
        "primary": {"arm": primary.arm, "reference": primary.reference, "metric": primary.metric},
        "margin": margin,
        "non_inferiority": {**asdict(judged), "sentence": judged.sentence} if judged else None,
        "metrics": list(named),
        "lower_is_better": [name for name in named if name in LOWER_IS_BETTER],
        "n_folds": n_folds,
        # what the signed-rank test can reach at best with so few folds
        "smallest_p": {"wilcoxon": 2.0 ** (1 - n_folds) if n_folds > 1 else NAN},
        "tests": dict(TESTS),
        "comparisons": rows,
    }


def _adjust_and_order(
    rows: list[dict[str, Any]], metrics: Mapping[str, None], primary: Primary
) -> None:
    """Holm over the arms of each metric; the primary comparison is marked and comes first."""
    for metric in metrics:
        of_metric = [row for row in rows if row["metric"] == metric]
        adjusted = holm([row["p_value"] for row in of_metric])
        for row, p_value in zip(of_metric, adjusted, strict=True):
            row["p_value_holm"] = p_value
    for row in rows:
        row["is_primary"] = (row["arm"], row["metric"]) == (primary.arm, primary.metric)
    rows.sort(key=lambda row: not row["is_primary"])


@dataclass(frozen=True)
class _Pair:
    """Two arms on the units that both scored, with the size of every split."""

    arm: str
    reference: str
    first: ScoredUnits
    second: ScoredUnits
    shares: tuple[float, ...]
    metrics: tuple[str, ...]

    @classmethod
    def of(
        cls, table: PredictionTable, arm: str, reference: str, thresholds: Thresholds,
        sizes: Sizes | None, metrics: tuple[str, ...],
    ) -> _Pair:  # fmt: skip
        paired = pair_arms(table, arm, reference)
        first, second = align_folds(*(ScoredUnits.of(side, thresholds) for side in paired))
        if len(first.models) == 1:
            shares: Mapping[tuple[int, int], float] = dict.fromkeys(first.models, NAN)
        elif sizes is None:
            sides = (table.of_arm(arm), table.of_arm(reference))
            shares = estimated_shares(sides, paired[0].fold, first)
        else:
            shares = given_shares(sizes, first.models)
        found = tuple(shares[model] for model in first.models)
        return cls(arm, reference, first, second, found, metrics)

    @property
    def n_patients(self) -> int:
        return len(self.first.patients)


def _rows_of_pair(
    pair: _Pair, n_bootstrap: int, seed: int, cache: dict[tuple[str, bytes], tuple[Floats, Floats]]
) -> list[dict[str, Any]]:
    n_replicates = min(n_bootstrap, BESIDE) if len(pair.first.models) > 1 else n_bootstrap
    scores = [fold_scores(side, pair.metrics) for side in (pair.first, pair.second)]
    sides = [
        _replicates(name, units, pair.metrics, n_replicates, seed, cache)
        for name, units in ((pair.arm, pair.first), (pair.reference, pair.second))
    ]
    p_delong = _delong(pair) if "auroc" in pair.metrics else NAN
    is_same = are_identical(pair.first, pair.second)
    rows: list[dict[str, Any]] = []
    for k, metric in enumerate(pair.metrics):
        differences = scores[0][:, k] - scores[1][:, k]
        value = float(sides[0][0][k] - sides[1][0][k])
        drawn = sides[0][1][:, k] - sides[1][1][:, k]
        found = _tests_of_metric(pair, metric, differences, value, drawn, p_delong)
        defined = ~np.isnan(differences)
        found["arm_value"], found["reference_value"] = (
            (float(side[defined, k].mean()) for side in scores) if defined.any() else (NAN, NAN)
        )
        rows.append(_guarded(found, pair.n_patients, is_same=is_same))
    return rows


def _replicates(
    arm: str, units: ScoredUnits, metrics: tuple[str, ...], n_bootstrap: int, seed: int,
    cache: dict[tuple[str, bytes], tuple[Floats, Floats]],
) -> tuple[Floats, Floats]:  # fmt: skip
    """Metrics of an arm and of its resamples; the reference is resampled once for its patients."""
    key = (arm, "\n".join(units.patients).encode() + units.fold.tobytes())
    if key not in cache:
        statistic, n = ArmStatistic(units, metrics), len(units.patients)
        drawn = bootstrap(
            statistic, n_patients=n, n_replicates=n_bootstrap, rng=np.random.default_rng(seed)
        )
        cache[key] = statistic(np.ones((1, n)))[0], drawn
    return cache[key]


def _tests_of_metric(
    pair: _Pair, metric: str, differences: Floats, value: float, drawn: Floats, p_delong: float
) -> dict[str, Any]:
    delong = p_delong if metric == "auroc" else NAN
    low, high, n_undefined = percentile_interval(drawn)
    p_values = dict.fromkeys(TESTS, NAN)
    p_values["delong"] = delong
    p_values["bootstrap"] = two_sided(drawn) if low < high else NAN
    counted = _mcnemar(pair, metric)
    if counted is not None:
        p_values["mcnemar_exact"], p_values["mcnemar_mid_p"] = counted.exact, counted.mid_p
        p_values["mcnemar_chi_square"] = counted.chi_square
    if len(differences) > 1:
        leading = judge_folds(differences, metric, pair.shares)
        defined = differences[~np.isnan(differences)]
        p_values["corrected_t"] = leading[3]
        p_values["wilcoxon"] = signed_rank(differences)
        p_values["naive_t"] = corrected_resampled_t(defined, test_to_train=0.0)[2]
    elif metric == "auroc":
        leading = judge_auroc(pair.first, pair.second)
    else:
        leading = judge_replicates(value, drawn, metric)
    span = largest_difference(metric)
    return {
        "arm": pair.arm, "reference": pair.reference, "metric": metric,
        "difference": leading[0], "ci_low": leading[1], "ci_high": leading[2],
        "p_value": leading[3], "test": leading[4],
        "is_informative": bool(leading[1] > -span and leading[2] < span),
        "n_patients": pair.n_patients,
        "p": p_values,
        "bootstrap": {
            "difference": value, "ci_low": low, "ci_high": high,
            "n_replicates": len(drawn), "n_undefined": n_undefined,
        },
        "mcnemar": asdict(counted) if counted is not None else None,
    }  # fmt: skip


def _guarded(row: dict[str, Any], n_patients: int, *, is_same: bool) -> dict[str, Any]:
    """No interval and no p-value of too few patients; none is needed of equal predictions."""
    if n_patients < MIN_PATIENTS:
        low, high, p_value, test = NAN, NAN, NAN, f"none: under {MIN_PATIENTS} patients"
    elif is_same and not np.isnan(row["difference"]):
        low, high, p_value, test = 0.0, 0.0, 1.0, "none: the predictions are identical"
    else:
        return row
    row |= {"ci_low": low, "ci_high": high, "p_value": p_value, "test": test}
    row["is_informative"] = n_patients >= MIN_PATIENTS
    row["p"] = dict.fromkeys(TESTS, NAN)
    row["bootstrap"] |= {"ci_low": low, "ci_high": high}
    return row


def _delong(pair: _Pair) -> float:
    """DeLong's test of the difference averaged over folds, then over repeats."""
    from scipy.special import ndtr

    first, second = (auroc_components_of_models(side) for side in (pair.first, pair.second))
    folded = average_folds({model: first[model].minus(second[model]) for model in first})
    if not folded.variance > 0:
        return NAN
    return float(2 * ndtr(-abs(folded.value) / np.sqrt(folded.variance)))


def _mcnemar(pair: _Pair, metric: str) -> McNemar | None:
    """McNemar's test where the metric is a share of right calls; None elsewhere."""
    k = _MCNEMAR.get(metric)
    if metric not in _MCNEMAR or (k is not None and len(pair.first.classes) > 2):
        return None
    rows = np.flatnonzero(pair.first.target == k) if k is not None else None
    return mcnemar(*(right_calls(side, rows) for side in (pair.first, pair.second)))


def _as_comparison(row: Mapping[str, Any]) -> Comparison:
    names = (
        "arm", "reference", "metric", "difference", "ci_low", "ci_high", "p_value", "test",
        "n_patients", "p_value_holm",
    )  # fmt: skip
    return Comparison(**{name: row[name] for name in names})
