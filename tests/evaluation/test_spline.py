"""Restricted cubic splines: smooth, straight beyond the knots."""

import numpy as np

from tumorboard.evaluation.spline import spline_columns


def test_straight_beyond_the_knots_and_smooth_between() -> None:
    values = np.random.default_rng(0).normal(size=1000)
    grid = np.linspace(-6, 6, 2401)
    columns, shown = spline_columns(values, grid)
    assert columns.shape == (1000, 4)
    low, high = np.quantile(values, [0.05, 0.95])
    second = np.diff(shown, 2, axis=0) / (grid[1] - grid[0]) ** 2
    outside = (grid[1:-1] < low - 0.01) | (grid[1:-1] > high + 0.01)
    np.testing.assert_allclose(second[outside], 0.0, atol=1e-6)
    assert np.abs(second[~outside][:, 2:]).max() > 0.1
    assert np.abs(np.diff(second, axis=0)).max() < 0.1  # the second derivative does not jump


def test_equal_knots_leave_a_straight_line() -> None:
    columns, shown = spline_columns(np.zeros(50), np.linspace(-1, 1, 5))
    assert columns.shape == (50, 2)
    assert shown.shape == (5, 2)
