"""Numbers in the masks of a cohort, by hand: who has strangers, which label nobody has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tumorboard.errors import InputError
from tumorboard.records import Cohort
from tumorboard.study_keys import TaskTable
from tumorboard.tasks.segmentation import Segmentation
from tumorboard.training.mask_numbers import MaskNumbers

TASK = Segmentation(TaskTable(kind="segmentation", labels={"core": 1, "whole": [1, 2], "node": 3}))
IDS = ("a", "a", "b", "c")
COHORT = Cohort(
    name="c", patient_id=IDS, unit_id=IDS, columns={}, files={}, line=(2, 3, 4, 5),
    table=Path("t.csv"), root=Path(),
)  # fmt: skip


def test_counts_strangers_and_absent_labels() -> None:
    found = MaskNumbers(TASK, COHORT, {0: [2, 7], 1: [7], 2: [], 3: [8, 9]})
    assert found.named == (1, 2, 3)
    assert found.strangers == [7, 8, 9]
    assert found.notes() == (
        "1 in 0, 2 in 1, 3 in 0 of 4 masks (task.labels)",
        "numbers that task.labels does not name are background: 7 in 2 of 4 masks (patient a); "
        "8 in 1 of 4 masks (patient c); 9 in 1 of 4 masks (patient c)",
        "counted as without a tumour, since their masks hold none but such numbers: patients a, c. "
        "Add the number to task.labels, or leave them out (cohort.exclude).",
    )
    core, node = found.absent_labels()
    assert core.startswith("task.labels.core: no mask holds 1 (0 of 4 masks)")
    assert node.endswith("the masks hold 2 in 1, 7 in 2, 8 in 1, 9 in 1.")


def test_strangers_alone_are_refused_and_empty_masks_are_not() -> None:
    with pytest.raises(InputError, match=r"masks of 2 rows hold 7 alone, such as m.nii. Name"):
        MaskNumbers(TASK, COHORT, {0: [7], 1: []}).refuse_strangers_alone("m.nii")
    MaskNumbers(TASK, COHORT, {0: [], 1: []}).refuse_strangers_alone("m.nii")
    assert MaskNumbers(TASK, COHORT, {0: [1, 2, 3]}).notes() == ()
