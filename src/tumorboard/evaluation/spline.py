"""A restricted cubic spline: smooth between its knots, straight beyond them."""

from __future__ import annotations

import numpy as np

from tumorboard.records import Floats

#: Quantiles of four knots (Harrell, Regression Modeling Strategies, 2015, table 2.3).
_KNOTS = (0.05, 0.35, 0.65, 0.95)


def spline_columns(values: Floats, grid: Floats) -> tuple[Floats, Floats]:
    """Columns of a regression (1, x and two curved terms), of the values and of a grid.

    Without the curved terms where two knots coincide.

    Source:
        Harrell, Regression Modeling Strategies, 2015, section 2.4.5.
    """
    knots = np.quantile(values, _KNOTS)
    is_curved = bool((np.diff(knots) > 1e-9 * max(1.0, float(np.ptp(knots)))).all())
    return _basis(values, knots, is_curved=is_curved), _basis(grid, knots, is_curved=is_curved)


def _basis(x: Floats, knots: Floats, *, is_curved: bool) -> Floats:
    columns = [np.ones_like(x), x]
    if is_curved:
        *inner, before_last, last = knots.tolist()
        for knot in inner:
            curved = (
                _cubed(x - knot)
                - _cubed(x - before_last) * (last - knot) / (last - before_last)
                + _cubed(x - last) * (before_last - knot) / (last - before_last)
            )
            columns.append(curved / (last - inner[0]) ** 2)
    return np.column_stack(columns)


def _cubed(x: Floats) -> Floats:
    return np.maximum(x, 0.0) ** 3
