"""Features on one scale with missing indicators: what the coefficients of linear models weigh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.records import Bools, Floats


def fit_scales(x: Floats, weight: Floats) -> dict[str, NDArray[Any]]:
    """Weighted mean and spread of every feature, and which have an indicator.

    Args:
        x: (n, F) training rows; NaN is absent.
        weight: (n,) weight of each row.
    """
    absent = np.isnan(x)
    of_value = np.where(absent, 0.0, weight[:, None])
    total = of_value.sum(axis=0)
    total = np.where(total > 0, total, 1.0)
    filled = np.where(absent, 0.0, x)
    mean = (filled * of_value).sum(axis=0) / total
    variance = ((filled - mean) ** 2 * of_value).sum(axis=0) / total
    # rounding gives a constant a variance of its squared value times machine epsilon
    varies: Bools = np.greater(variance, 1e-12 * np.maximum(mean**2, 1e-300))
    return {
        "mean": mean,
        "varies": varies,
        "scale": np.where(varies, np.sqrt(variance), 1.0),
        "has_indicator": np.logical_and(absent.any(axis=0), ~absent.all(axis=0)),
    }


def scaled_design(x: Floats, scales: Mapping[str, NDArray[Any]], *, name: str) -> Floats:
    """Scaled features with spread, absent ones at the mean, then missing indicators.

    Args:
        x: (n, F); NaN is absent.
        scales: What `fit_scales` found.
        name: Of the baseline, for its errors.

    Raises:
        InputError: Another number of features than in training.
    """
    mean = scales["mean"]
    if x.shape[1] != len(mean):
        raise InputError(
            f"{name}: found {x.shape[1]} features, but it was fitted on {len(mean)}. Fit the "
            "model again with this study."
        )
    absent = np.isnan(x)
    scaled = (np.where(absent, mean, x) - mean) / scales["scale"]
    indicators = absent[:, scales["has_indicator"]].astype(np.float64)
    return np.hstack([scaled[:, scales["varies"]], indicators])
