"""Rows of a split that an arm can use: those with at least one of its modalities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tumorboard.errors import StudyError
from tumorboard.records import Ints, Part, Split
from tumorboard.study import Arm, Study
from tumorboard.training.prepare import Prepared


def rows_of(prepared: Prepared, split: Split, arm: Arm, part: Part) -> Ints:
    """Rows of a part that have at least one of the arm's modalities."""
    rows = split.rows(prepared.cohort, part)
    return rows[np.flatnonzero(prepared.present(arm.modalities)[rows].any(axis=1))]


def refuse_empty_parts(study: Study, prepared: Prepared, splits: Sequence[Split]) -> None:
    """Stop before the first fit where an arm would have nobody to train or validate on.

    Raises:
        StudyError: The arm, the part and the fold.
    """
    for arm in study.arms.values():
        for split in splits:
            training_rows(prepared, split, arm)


def training_rows(prepared: Prepared, split: Split, arm: Arm) -> tuple[Ints, Ints]:
    """Training and validation rows that have one of the arm's modalities.

    Raises:
        StudyError: There are none in one of the parts.
    """
    train = rows_of(prepared, split, arm, "train")
    validation = rows_of(prepared, split, arm, "validation")
    for part, rows in (("training", train), ("validation", validation)):
        if len(rows) == 0:
            raise StudyError(
                f"arms.{arm.name}: no {part} patient of repeat {split.repeat}, fold {split.fold} "
                f"has {' or '.join(arm.modalities)}. Use fewer folds, or leave the arm out."
            )
    return train, validation
