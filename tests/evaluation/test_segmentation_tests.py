"""Paired tests against SciPy's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mask_table import mask_table
from scipy.stats import ttest_rel, wilcoxon

from tumorboard.evaluation.segmentation_tests import paired_tests

ARMS = ("image", "concatenation", "static_weights", "dynamic_attention")


def test_patients_are_pairs_and_holm_goes_over_the_arms() -> None:
    table = mask_table(noise=0.2)
    rows = paired_tests(table, ARMS, "image")
    assert {row["metric"] for row in rows} >= {"dice", "hd95_mm", "lesion_f1"}
    assert not any(row["metric"].endswith("tumour") for row in rows)
    dice = [row for row in rows if row["metric"] == "dice"]
    assert [row["arm"] for row in dice] == list(ARMS[1:])
    one, two = (table.of_arm(arm).predictions[:-1, 0] for arm in ("concatenation", "image"))
    assert dice[0]["n"] == 39
    assert dice[0]["difference"] == pytest.approx((one - two).mean())
    for name, test in (("t_p", ttest_rel), ("wilcoxon_p", wilcoxon)):
        result: Any = test(one, two)
        assert dice[0][name] == pytest.approx(result.pvalue)
    smallest = min(dice, key=lambda row: row["t_p"])
    assert smallest["t_p_holm"] == pytest.approx(min(1.0, 3 * smallest["t_p"]))


def test_repeats_are_no_further_pairs_and_few_pairs_are_not_tested() -> None:
    rows = paired_tests(mask_table(repeats=3), ARMS, "image")
    assert max(row["n"] for row in rows) == 40
    few = paired_tests(mask_table(8), ARMS, "image")
    assert all(np.isnan(row["t_p"]) and np.isnan(row["t_p_holm"]) for row in few)
