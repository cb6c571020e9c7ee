import math
from dataclasses import replace

import numpy as np

from tumorboard.evaluation.comparison import Comparison
from tumorboard.records import Estimate
from tumorboard.report.forest import forest_figure
from tumorboard.report.style import marks

ESTIMATES = {
    "fused": Estimate(0.85, 0.80, 0.90, 180, 80),
    "record": Estimate(0.79, math.nan, math.nan, 8, 3),
}


def _difference(low: float, high: float, arm: str = "fused") -> Comparison:
    return Comparison(arm, "record", "auroc", 0.06, low, high, 0.01, "t", 180)


def test_differences_lie_around_a_zero_in_the_middle_and_the_primary_is_bold() -> None:
    figure = forest_figure(
        ESTIMATES, [_difference(0.01, 0.11), _difference(-0.02, 0.14)], metric="AUROC"
    )
    above, below = figure.axes
    low, high = above.get_xlim()
    assert low == -high
    bold = [label.get_fontweight() for label in above.get_yticklabels()]
    assert bold == ["bold", "normal"]
    assert [text.get_text() for text in above.texts] == [
        "+0.060  (+0.010 to +0.110)",
        "+0.060  (\N{MINUS SIGN}0.020 to +0.140)",
    ]
    assert [text.get_text() for text in below.texts] == ["0.850  (0.800 to 0.900)", "0.790"]


def test_no_interval_is_drawn_where_there_is_none() -> None:
    figure = forest_figure(ESTIMATES, [_difference(math.nan, math.nan)], metric="AUROC")
    zero, point = figure.axes[0].lines
    assert np.asarray(zero.get_xdata()).tolist() == [0, 0]
    assert np.asarray(point.get_xdata()).tolist() == [0.06]


def test_the_values_that_a_difference_is_made_of_stand_beside_it() -> None:
    figure = forest_figure(
        ESTIMATES, [_difference(0.0, 0.1)], metric="AUROC", means={("fused", "auroc"): (0.85, 0.79)}
    )
    shown = figure.axes[0].get_yticklabels()[0].get_text()
    assert shown == "fused \N{MINUS SIGN} record\n0.850 \N{MINUS SIGN} 0.790"


def test_a_small_gap_does_not_fill_the_figure() -> None:
    near = {"a": Estimate(0.800, math.nan, math.nan, 8, 3), "b": replace(ESTIMATES["record"])}
    tiny = replace(_difference(math.nan, math.nan), difference=0.013)
    figure = forest_figure(near, [tiny], metric="AUROC")
    assert all(np.ptp(axis.get_xlim()) >= 0.1 - 1e-12 for axis in figure.axes)
    assert "interval" not in figure.axes[1].get_xlabel()  # there is none


def test_better_is_on_the_left_where_smaller_is_better() -> None:
    figure = forest_figure(
        ESTIMATES, [_difference(0.0, 0.1)], metric="Brier", smaller_is_better=True
    )
    assert figure.axes[0].get_xlabel().startswith("← first arm better")


def test_one_arm_has_no_differences() -> None:
    figure = forest_figure({"record": ESTIMATES["record"]}, [], metric="AUROC")
    assert len(figure.axes) == 1


def test_every_arm_looks_different_in_colour_and_in_grey() -> None:
    look = marks([f"arm{i}" for i in range(20)])
    assert len({(mark.colour, str(mark.dash), mark.marker) for mark in look.values()}) == 20
    first = list(look.values())[:7]
    assert len({str(mark.dash) for mark in first}) == 7
    assert len({mark.marker for mark in first}) == 7
