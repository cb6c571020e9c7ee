"""Means over normal numbers without sampling: Gauss-Hermite quadrature."""

from __future__ import annotations

from functools import cache

import numpy as np

from tumorboard.records import Floats


@cache
def normal_nodes(n: int) -> tuple[Floats, Floats]:
    """Nodes (n,) and weights (n,), which sum to 1, of the mean over a standard normal."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    return nodes, weights / weights.sum()
