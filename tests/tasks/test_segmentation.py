"""Labels and the numbers that mask files hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tumorboard.study import Study
from tumorboard.tasks.segmentation import Segmentation


def _task(labels: dict[str, Any]) -> Segmentation:
    tables = {
        "study": {"name": "x"},
        "cohort": {"source": "folder", "table": "t.csv"},
        "task": {"kind": "segmentation", "image": "mri", "mask": "m/{patient_id}",
                 "labels": labels},
        "modalities": {"mri": {"kind": "volume", "files": "i/{patient_id}"}},
    }  # fmt: skip
    return Segmentation(Study.from_tables(tables, path=Path("study.toml")).keys.task)


@pytest.mark.parametrize(
    "labels",
    [
        {"a": 1, "b": 2},
        {"whole": [1, 2, 3], "core": [1, 3], "enhancing": 3},
        {"a": [1, 2], "b": [2, 3]},  # neither lies in the other
        {"a": [1, 2], "b": [2, 3], "c": [3, 1]},
    ],
)
def test_numbers_written_are_read_as_the_same_labels(labels: dict[str, Any]) -> None:
    task = _task(labels)
    numbers = np.arange(4, dtype=np.uint8)
    masks = task.masks(numbers)
    np.testing.assert_array_equal(task.masks(task.as_numbers(masks)), masks)


def test_a_core_outside_its_whole_is_written_as_core() -> None:
    task = _task({"whole": [1, 2], "core": [1]})
    masks = np.asarray([[False], [True]])
    assert task.as_numbers(masks).tolist() == [1]
