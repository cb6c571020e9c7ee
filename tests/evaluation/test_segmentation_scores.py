"""Metrics of segmentations with intervals, their comparison, and their tables as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mask_table import mask_table
from scipy.stats import bootstrap, ttest_1samp

from tumorboard.errors import InputError
from tumorboard.evaluation.any_table import holds_numbers
from tumorboard.evaluation.outcome_comparison import compare_outcomes, mean_values
from tumorboard.evaluation.outcome_files import read_outcomes, write_outcomes
from tumorboard.evaluation.scores import evaluate_outcomes, metrics_of_numbers, score_units
from tumorboard.study_keys import Primary
from tumorboard.verbs.compare import compare


def test_intervals_are_those_of_resampled_patients() -> None:
    table = mask_table()
    found = evaluate_outcomes("segmentation", table, n_bootstrap=2000, rng=np.random.default_rng(0))
    dice = found["image"]["dice"]
    own = table.of_arm("image").predictions[:, 0]
    known = own[~np.isnan(own)]
    ci = bootstrap((known,), np.mean, method="percentile", rng=1).confidence_interval
    assert dice.value == pytest.approx(known.mean())
    assert (dice.ci_low, dice.ci_high) == pytest.approx((ci.low, ci.high), abs=0.004)
    assert dice.n_patients == 39
    assert dice.method.endswith("excluded because it does not apply: 1")
    assert found["image"]["pixel_accuracy"].n_patients == 40
    assert "hd95_mm" in found["image"]
    assert set(metrics_of_numbers(table)) == set(found["image"])
    few = evaluate_outcomes("segmentation", mask_table(8), n_bootstrap=50,
                            rng=np.random.default_rng(0))  # fmt: skip
    assert np.isnan(few["image"]["dice"].ci_low)
    value = score_units("segmentation", "hd95", np.zeros(40), table.of_arm("image").predictions,
                        table.prediction_names)  # fmt: skip
    assert value == pytest.approx(found["image"]["hd95_mm"].value)


def test_folds_are_compared_by_the_corrected_t_test() -> None:
    table = mask_table()
    primary = Primary.model_construct(arm="dynamic_attention", reference="image", metric="hd95")
    found = compare_outcomes(
        "segmentation", table, primary, n_bootstrap=100, rng=np.random.default_rng(1)
    )
    first = found[0]
    assert (first.metric, first.n_patients) == ("hd95_mm", 39)
    assert len(found) == 6
    column = table.prediction_names.index("hd95_tumour_mm")
    one, two = (table.of_arm(arm) for arm in ("dynamic_attention", "image"))
    gaps = one.predictions[:, column] - two.predictions[:, column]
    folds = np.asarray([np.nanmean(gaps[one.fold == k]) for k in range(1, 6)])
    assert first.difference == pytest.approx(folds.mean())
    plain = ttest_1samp(folds, 0.0).confidence_interval(0.95)
    reach = (plain.high - plain.low) / 2 * np.sqrt((1 / 5 + 1 / 4) / (1 / 5))
    assert first.ci_high - first.difference == pytest.approx(reach)
    mean = mean_values(table, "dynamic_attention", "image", "hd95_mm")
    assert mean[0] - mean[1] == pytest.approx(first.difference)


def test_a_table_is_read_back_with_its_empty_cells(tmp_path: Path) -> None:
    table = mask_table(labels=("core", "rim"))
    path = tmp_path / "predictions.csv"
    write_outcomes(path, table)
    assert holds_numbers(path)
    again = read_outcomes(path)
    assert again.kind == "segmentation"
    assert again.prediction_names == table.prediction_names
    np.testing.assert_array_equal(again.predictions, table.predictions)
    np.testing.assert_array_equal(again.outcome, table.outcome)
    rows = compare([path], reference="image")
    assert rows[0].comparison.metric == "dice"
    assert compare([path], metric="hd95")[0].comparison.metric == "hd95_mm"
    other = tmp_path / "numbers.csv"
    other.write_text("patient_id,size,predicted_size\nA,1,\n")
    with pytest.raises(InputError, match="predicted_size is ''"):
        read_outcomes(other)  # only metrics of masks may be empty
