"""Numbers of evidence as the page shows them; null is a number that does not exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tumorboard.records import Floats
from tumorboard.report.number_format import Cell, interval, number


def real(value: float | None) -> float:
    """NaN where evidence holds null."""
    return float("nan") if value is None else float(value)


def reals(values: Sequence[float | None]) -> Floats:
    """A list of evidence as an array, null as NaN."""
    return np.asarray([real(value) for value in values], dtype=np.float64)


def cell(
    estimate: Mapping[str, float | None] | None, *, digits: int = 3, signed: bool = False
) -> Cell:
    """`{value, ci_low, ci_high}` as the page shows it; a dash where there is none."""
    if estimate is None:
        return Cell(number(float("nan")))
    low, high = (real(estimate[name]) for name in ("ci_low", "ci_high"))
    return Cell(
        number(real(estimate["value"]), digits=digits, signed=signed),
        interval(low, high, digits=digits, signed=signed),
    )


def percent(share: float | None) -> str:
    """A share as `12.3 %`; a dash where there is none."""
    value = real(share)
    return number(value) if np.isnan(value) else f"{100 * value:.1f} %"


def percent_cell(estimate: Mapping[str, float | None] | None) -> Cell:
    """A share with its interval, in percent."""
    if estimate is None:
        return Cell(number(float("nan")))
    low, high = (real(estimate[name]) for name in ("ci_low", "ci_high"))
    return Cell(percent(estimate["value"]), interval(100 * low, 100 * high, digits=1))
