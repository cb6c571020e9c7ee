"""Moments of a standard normal are exact up to twice the number of nodes."""

from __future__ import annotations

import pytest

from tumorboard.transforms.gauss_hermite import normal_nodes


@pytest.mark.parametrize(("power", "moment"), [(0, 1), (1, 0), (2, 1), (3, 0), (4, 3), (6, 15)])
def test_moments(power: int, moment: float) -> None:
    nodes, weights = normal_nodes(4)
    assert float(weights @ nodes**power) == pytest.approx(moment, abs=1e-12)
