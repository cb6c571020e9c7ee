import math

import numpy as np

from tumorboard.records import Estimate
from tumorboard.report.head_to_head import BINARY, SEVERAL, bars_figure, compared_metrics


def _estimates(value: float) -> dict[str, Estimate]:
    return {name: Estimate(value, value - 0.1, value + 0.1, 40, 20) for name in BINARY}


def test_bars_are_the_estimates_with_their_intervals() -> None:
    metrics = {"fused": _estimates(0.8), "record": _estimates(0.6)}
    metrics["record"]["f1"] = Estimate(math.nan, math.nan, math.nan, 40, 20)
    figure = bars_figure(metrics, n_classes=2)
    axis = figure.axes[0]
    heights = [[bar.get_height() for bar in group] for group in axis.containers]
    assert heights[0] == [0.8] * 5
    assert heights[1][:4] == [0.6] * 4
    assert math.isnan(heights[1][4])
    whiskers = np.unique([np.asarray(line.get_ydata(), np.float64) for line in axis.lines], axis=0)
    np.testing.assert_allclose(whiskers, [[0.5, 0.7], [0.7, 0.9]])
    assert len(axis.lines) == 9  # an undefined metric has neither bar nor line
    assert axis.get_xticklabels()[0].get_text() == "AUROC"


def test_at_most_four_arms_and_only_metrics_of_two() -> None:
    metrics = {f"arm{i}": _estimates(0.5) for i in range(6)}
    assert len(bars_figure(metrics, n_classes=2).axes[0].containers) == 4
    assert compared_metrics(metrics, 2) == list(BINARY)
    assert compared_metrics(metrics, 3) == [name for name in SEVERAL if name in BINARY]
    assert compared_metrics({"one": _estimates(0.5)}, 2) == []
