"""Numbers of evidence as the page shows them."""

import numpy as np

from tumorboard.report.shown import cell, percent, percent_cell, real, reals


def test_null_is_a_number_that_does_not_exist() -> None:
    assert np.isnan(real(None))
    assert np.isnan(reals([None, 1.0])).tolist() == [True, False]
    assert percent(None) == cell(None).value == "\N{EN DASH}"
    nothing = cell({"value": 0.5, "ci_low": None, "ci_high": None})
    assert (nothing.value, nothing.interval) == ("0.500", "")


def test_shares_in_percent() -> None:
    shown = percent_cell({"value": 0.934, "ci_low": 0.9, "ci_high": 0.96})
    assert (shown.value, shown.interval) == ("93.4 %", "90.0 to 96.0")
