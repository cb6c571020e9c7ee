"""Centre, scale and fill value of a column of numbers, learned from observed training values."""

from __future__ import annotations

from typing import Literal

import numpy as np

from tumorboard.records import Floats
from tumorboard.transforms.weighted import weighted_quantile, weighted_skewness

Scaling = Literal["zscore", "robust", "none"]
Imputation = Literal["skew", "mean", "median"]

#: Up to this skewness a column counts as symmetric and its mean stands for a missing value.
_SYMMETRIC = 1.0


def fit_numbers(
    values: Floats, weight: Floats, *, scaling: Scaling, imputation: Imputation
) -> dict[str, float]:
    """Centre, scale, fill value, least and greatest value of a column.

    Args:
        values: (n,) training values, at least one of them not NaN.
        weight: (n,) weight of each.
        scaling: Mean and population standard deviation, median and interquartile range, or neither;
            a range of zero becomes 1.
        imputation: Mean, median, or by `skew` the mean where |skewness| <= 1.
    """
    use_mean = fills_with_mean(values, weight, imputation)
    observed = np.isfinite(values)
    values, weight = values[observed], weight[observed]
    center, scale = _center_and_scale(values, weight, scaling)
    return {
        "center": center,
        "scale": scale,
        "fill": fill_value(values, weight, mean=use_mean),
        "low": float(values.min()),
        "high": float(values.max()),
    }


def fill_value(values: Floats, weight: Floats, *, mean: bool) -> float:
    """Weighted mean or median of observed values."""
    if mean:
        return float(np.average(values, weights=weight))
    return weighted_quantile(values, weight, 0.5)


def fills_with_mean(values: Floats, weight: Floats, imputation: Imputation) -> bool:
    """Whether the mean, rather than the median, stands for a missing value of this column."""
    if imputation != "skew":
        return imputation == "mean"
    observed = np.isfinite(values)
    return abs(weighted_skewness(values[observed], weight[observed])) <= _SYMMETRIC


def _center_and_scale(values: Floats, weight: Floats, scaling: Scaling) -> tuple[float, float]:
    if scaling == "none":
        return 0.0, 1.0
    if scaling == "zscore":
        mean = float(np.average(values, weights=weight))
        sd = float(np.sqrt(np.average((values - mean) ** 2, weights=weight)))
        return mean, sd if values.max() > values.min() else 1.0
    low, middle, high = (weighted_quantile(values, weight, q) for q in (0.25, 0.5, 0.75))
    return middle, (high - low) or 1.0
