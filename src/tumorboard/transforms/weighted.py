"""Statistics of one column whose rows weigh differently, as where a patient has several rows."""

from __future__ import annotations

import numpy as np

from tumorboard.records import Floats


def weighted_skewness(values: Floats, weight: Floats) -> float:
    """Fisher-Pearson skewness g1 = m3 / m2^1.5; 0 for a constant."""
    if values.max() == values.min():
        return 0.0
    deviation = values - np.average(values, weights=weight)
    m2, m3 = (float(np.average(deviation**k, weights=weight)) for k in (2, 3))
    return m3 / m2**1.5


def weighted_quantile(values: Floats, weight: Floats, q: float) -> float:
    """Quantile by cumulated weight, averaged over the two values where it falls between them.

    Equal weights give NumPy's `averaged_inverted_cdf`, and for q = 0.5 the ordinary median.
    """
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weight[order]) / weight.sum()
    # Weights such as 1/3 do not add up exactly: a share that is q but for rounding counts as q.
    low = int(np.argmax(share >= q - 1e-9))
    high = min(int(np.searchsorted(share, q + 1e-9, side="right")), len(values) - 1)
    return float((values[order[low]] + values[order[high]]) / 2)
