import numpy as np
import pytest

from tumorboard.evaluation.confusion import class_metrics, count_cells, decision_metrics
from tumorboard.evaluation.ratio import mean_of_defined


def test_s1_illustration():
    # 750 balanced patients of the paper: 357 of 375 found (0.952), 9 false alarms
    cells = np.array([[366.0, 9], [18, 357]])
    found = decision_metrics(cells)
    assert found["ppv"] == pytest.approx(0.975, abs=5e-4)
    assert found["f1"] == pytest.approx(2 * 357 / (2 * 357 + 27))
    assert found["accuracy"] == found["balanced_accuracy"] == pytest.approx(723 / 750)


def test_cells_are_weighted_counts_by_true_and_called_class():
    target, called = np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 0, 2])
    weights = np.array([[1.0, 1, 1, 1, 1], [2, 0, 3, 0, 1]])
    cells = count_cells(target, called, weights, 3)
    assert cells[0].tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]
    assert cells[1].tolist() == [[2, 0, 0], [0, 3, 0], [0, 0, 1]]
    each = class_metrics(cells)
    assert each["sensitivity"][0].tolist() == [0.5, 1, 0.5]
    assert each["specificity"][0].tolist() == pytest.approx([2 / 3, 3 / 4, 1])
    assert decision_metrics(cells)["mcc"][1] == 1


def test_a_class_that_never_occurs_is_undefined():
    cells = np.array([[3.0, 0, 0], [1, 2, 0], [0, 0, 0]])
    each = class_metrics(cells)
    assert np.isnan([each["sensitivity"][2], each["ppv"][2], each["f1"][2]]).all()
    assert np.isnan(decision_metrics(cells)["balanced_accuracy"])


def test_means_leave_out_what_is_undefined_without_a_warning():
    values = np.array([[1.0, np.nan], [3.0, np.nan]])
    found = mean_of_defined(values)
    assert found[0] == 2
    assert np.isnan(found[1])
