"""Columns of a segmentation by their names."""

from __future__ import annotations

import numpy as np
import pytest
from mask_table import mask_table

from tumorboard.errors import StudyError
from tumorboard.evaluation.mask_columns import MaskColumns, mask_columns_in, without_unit


def test_labels_units_and_metrics_come_from_the_names() -> None:
    table = mask_table(labels=("core", "oedema"), units=("px", "px"))
    columns = MaskColumns.of(table.prediction_names)
    assert (columns.labels, columns.distance, columns.volume) == (("core", "oedema"), "px", "px")
    assert columns.metrics[:4] == ("dice", "iou", "nsd", "hd95_px")
    assert "hd95_oedema_px" in columns.metrics
    assert columns.resolve("hd95") == "hd95_px"
    assert columns.resolve("volume_error") == "volume_error_px"
    assert without_unit("volume_error_px") == "volume_error"
    header = [*table.outcome_names, *table.prediction_names, "note"]
    assert mask_columns_in(header) == table.prediction_names
    assert mask_columns_in(["predicted_size", "size"]) == ()


def test_a_volume_error_is_its_size_and_the_bias_keeps_the_sign() -> None:
    columns = MaskColumns.of(("dice_a", "volume_error_a_ml"))
    said = np.asarray([[0.5, -3.0], [0.7, 1.0]])
    np.testing.assert_array_equal(columns.values(said, "volume_error_ml"), [3.0, 1.0])
    np.testing.assert_array_equal(columns.values(said, "volume_bias_a_ml"), [-3.0, 1.0])


def test_a_metric_that_is_not_there_is_named() -> None:
    columns = MaskColumns.of(("dice_a",))
    with pytest.raises(StudyError, match="'hd95' is not a metric of this segmentation"):
        columns.resolve("hd95")
    with pytest.raises(StudyError, match="'dise' is not a metric"):
        columns.values(np.zeros((1, 1)), "dise")
