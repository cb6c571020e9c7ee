from __future__ import annotations

import math

import numpy as np
import pytest

from tumorboard.evaluation.mask_metrics import measure_mask
from tumorboard.evaluation.mask_scores import (
    HEADER,
    absent_row,
    measured_row,
    spread,
    summary,
    without_prediction,
)


def test_header_is_the_promised_one() -> None:
    assert ",".join(HEADER) == (
        "file,label,dice,iou,sensitivity,specificity,precision,hd95_mm,nsd,volume_error_ml,status"
    )


def test_cells_are_in_full_precision() -> None:
    mask = np.zeros((6, 6, 6), dtype=np.bool_)
    mask[1:4, 1:4, 1:4] = True
    found = measure_mask(mask, np.roll(mask, 1, 0), spacing=(1, 1, 1), tolerance=1.0)
    cells = measured_row("a.nii", 2, found).cells()
    assert cells[:3] == ["a.nii", 2, repr(2 / 3)]
    assert cells[-1] == "ok"
    assert measured_row("a.png", 2, found, is_volume=False).cells()[-2] == ""


def test_spread_by_hand() -> None:
    values = np.array([0.0, 0.5, 1.0, math.nan])
    found = spread(values, rng=np.random.default_rng(0))
    assert (found.mean, found.median, found.quartiles, found.n_cases) == (0.5, 0.5, (0.25, 0.75), 3)
    assert math.isnan(found.ci_low)  # under ten cases


def test_equal_values_have_no_interval() -> None:
    found = spread(np.ones(12), rng=np.random.default_rng(0))
    assert (found.mean, found.n_cases) == (1, 12)
    assert math.isnan(found.ci_low)


def test_interval_is_near_that_of_the_normal_law() -> None:
    values = np.random.default_rng(1).normal(0.8, 0.1, 200)
    found = spread(values, rng=np.random.default_rng(0))
    half = 1.96 * values.std() / math.sqrt(200)
    assert found.ci_low == pytest.approx(found.mean - half, abs=0.002)
    assert found.ci_high == pytest.approx(found.mean + half, abs=0.002)


def test_summary_counts_every_kind() -> None:
    rows = [
        absent_row("a.nii", 1),
        without_prediction("b.nii", 1, reference_volume=3.0, diagonal_mm=50.0),
    ]
    assert summary(rows)[0] == "label 1: 1 both_empty, 1 no_prediction"
    assert "  dice: mean 0, median 0, quartiles 0 to 0, n = 1" in summary(rows)
    assert "  volume_error_ml: mean -1.5, median -1.5, quartiles -2.25 to -0.75, n = 2" in (
        summary(rows)
    )


def test_a_label_that_no_mask_has_is_asked_about() -> None:
    rows = [absent_row("a.nii", 9), absent_row("b.nii", 9)]
    assert summary(rows)[:2] == [
        "label 9: 2 both_empty", "  in no mask of either folder: is this the number?",
    ]  # fmt: skip
    missed = without_prediction("c.nii", 9, reference_volume=1.0, diagonal_mm=5.0)
    assert not any("is this the number" in line for line in summary([*rows, missed]))
