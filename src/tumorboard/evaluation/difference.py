"""A difference of two arms with its interval, its p-value and the test that gave them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tumorboard.evaluation.auroc import NAN, delong_test, paired_auroc_interval
from tumorboard.evaluation.bootstrap import percentile_interval
from tumorboard.evaluation.estimates import Counts, auroc_components_of_models
from tumorboard.evaluation.mask_columns import without_unit
from tumorboard.evaluation.statistic import ScoredUnits
from tumorboard.records import Floats
from tumorboard.study_words import LOWER_IS_BETTER

#: Difference, lower and upper limit, p-value, name of the test.
Result = tuple[float, float, float, float, str]


def judge_folds(differences: Floats, metric: str, shares: Sequence[float]) -> Result:
    """Mean difference of the folds with its interval, p-value and test.

    Args:
        differences: (J,) arm minus reference of every fold; NaN where the metric is undefined.
        metric: Its name.
        shares: (J,) patients tested over patients trained on.
    """
    defined = np.flatnonzero(~np.isnan(differences))
    n_left_out = len(differences) - len(defined)
    if not len(defined):
        return NAN, NAN, NAN, NAN, f"none: {metric} is undefined in every fold"
    low, high, p_value = corrected_resampled_t(
        differences[defined], test_to_train=float(np.mean([shares[i] for i in defined.tolist()]))
    )
    test = f"corrected resampled t-test, {len(defined)} folds"
    if n_left_out:
        test += f" ({n_left_out} where {metric} is undefined left out)"
    span = largest_difference(metric)
    if low < -span or high > span:  # with two or three folds the t interval leaves what can be
        low, high = max(low, -span), min(high, span)
        test += (
            "; too few folds for an informative interval, which ends at the largest possible "
            "difference"
        )
    return float(differences[defined].mean()), low, high, p_value, test


def corrected_resampled_t(
    differences: Floats, *, test_to_train: float
) -> tuple[float, float, float]:
    """95 % interval and p-value of a mean over overlapping training sets.

    Folds share training patients, so their differences are correlated and the plain t-test finds
    too much; the variance factor 1 / J becomes 1 / J + n_test / n_train, with J - 1 degrees of
    freedom.

    Args:
        differences: (J,) one per fold and repeat.
        test_to_train: Patients tested over patients trained on, of a fold.

    Returns:
        Lower and upper limit and two-sided p-value; NaN where there is no spread to judge by.

    Source:
        Nadeau & Bengio, Machine Learning 2003; 52: 239-281. Bouckaert & Frank, PAKDD 2004 (repeated
        cross-validation).
    """
    from scipy.special import stdtr, stdtrit

    n = len(differences)
    if n < 2 or not np.ptp(differences) > 0:
        return NAN, NAN, NAN
    mean = float(differences.mean())
    error = float(np.sqrt((1 / n + test_to_train) * differences.var(ddof=1)))
    reach = float(stdtrit(n - 1, 0.975)) * error
    return mean - reach, mean + reach, float(2 * stdtr(n - 1, -abs(mean) / error))


def largest_difference(metric: str) -> float:
    """Largest difference that two values of a metric can have."""
    if metric.startswith(("hd95_", "volume_", "false_lesions")):
        return np.inf
    unbounded = dict.fromkeys(("log_loss", "r2", "mae", "rmse"), np.inf)
    return {"mcc": 2.0, "spearman": 2.0, "pearson": 2.0, **unbounded}.get(metric, 1.0)


def lower_is_better(metric: str) -> bool:
    """Whether a smaller value is the better one; a unit such as `_mm` does not matter."""
    return metric in LOWER_IS_BETTER or without_unit(metric) in LOWER_IS_BETTER


def judge_auroc(first: ScoredUnits, second: ScoredUnits) -> Result:
    """A difference of AUROCs of one split with its interval, DeLong's p-value and the test.

    Args:
        first: Units of the arm, all scored by one model.
        second: The same units of the reference.
    """
    model = first.models[0]
    one, two = (auroc_components_of_models(side)[model] for side in (first, second))
    difference = one.value - two.value
    if np.isnan(difference):
        return NAN, NAN, NAN, NAN, "none: auroc is undefined"
    counts = Counts(first)
    n_smaller = counts.n_smaller_class(1 if counts.is_binary else None)
    low, high = paired_auroc_interval(one, two, n_smaller_class=n_smaller)
    test = "paired logit-DeLong interval; p-value of DeLong's test"
    return difference, low, high, delong_test(one, two), test


def judge_replicates(value: float, drawn: Floats, metric: str) -> Result:
    """A difference of one split with the interval of its replicates, p-value and test.

    Args:
        value: Arm minus reference.
        drawn: (replicates,) the same in every resample of the patients; NaN where undefined.
        metric: Its name; of AUROC see `judge_auroc`.
    """
    if np.isnan(value):
        return NAN, NAN, NAN, NAN, f"none: {metric} is undefined"
    low, high, n_undefined = percentile_interval(drawn)
    if low == high:  # no replicate differs: an interval without width would look like certainty
        low, high = NAN, NAN
    test = f"paired patient bootstrap, {len(drawn)} replicates"
    if n_undefined:
        test += f" ({n_undefined} undefined and left out)"
    return value, low, high, NAN if np.isnan(low) else two_sided(drawn), test


def two_sided(drawn: Floats) -> float:
    """Two-sided p-value of replicates of a difference: how many lie beyond zero."""
    defined = drawn[~np.isnan(drawn)]
    tail = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    return min(1.0, 2 * (tail + 1) / (len(defined) + 1)) if len(defined) else NAN


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for being read together; NaN stays NaN and counts as no test.

    Source:
        Holm, Scand J Stat 1979; 6: 65-70.
    """
    order = sorted((p, k) for k, p in enumerate(p_values) if not np.isnan(p))
    adjusted = [NAN] * len(p_values)
    largest = 0.0
    for rank, (p, k) in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p))
        adjusted[k] = largest
    return adjusted
