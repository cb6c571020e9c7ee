"""Quotients and means that are NaN where they are undefined, and never 0."""

from __future__ import annotations

import numpy as np

from tumorboard.records import Floats


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient; NaN where the denominator is zero."""
    undefined = np.full(np.shape(denominator), np.nan)
    return np.divide(numerator, denominator, out=undefined, where=denominator > 0)


def mean_of_defined(values: Floats, *, axis: int = 0) -> Floats:
    """Mean along an axis that leaves NaN out; NaN where nothing is left."""
    defined = ~np.isnan(values)
    total = np.where(defined, values, 0.0).sum(axis=axis)
    return ratio(total, defined.sum(axis=axis).astype(np.float64))
