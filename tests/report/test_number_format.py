"""Numbers as a page shows them."""

from __future__ import annotations

import math

from tumorboard.report.number_format import number


def test_no_whole_number_is_minus_zero() -> None:
    assert [number(value, digits=0) for value in (-0.3, 0.3, -7.2)] == ["0", "0", "\u22127"]
    assert number(-0.0004) == "\u22120.000"  # on which side of zero it is
    assert number(0.25, signed=True) == "+0.250"
    assert number(math.nan) == "\u2013"
