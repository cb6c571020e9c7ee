"""Patients tested over patients trained on, of every split: what the corrected t-test needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tumorboard.errors import InputError
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.statistic import ScoredUnits
from tumorboard.records import Ints

#: (repeat, fold) -> number of patients of the parts `train` and `test`.
Sizes = Mapping[tuple[int, int], Mapping[str, int]]


def given_shares(sizes: Sizes, models: Sequence[tuple[int, int]]) -> dict[tuple[int, int], float]:
    """Patients tested over patients trained on, of splits whose sizes are known."""
    for repeat, fold in models:
        if (repeat, fold) not in sizes:
            raise InputError(
                f"predictions of repeat {repeat}, fold {fold}: the study has no such split. "
                "Predictions and splits must come from the same run."
            )
    return {m: sizes[m]["test"] / max(sizes[m]["train"], 1) for m in models}


def estimated_shares(
    sides: tuple[PredictionTable, PredictionTable], own_fold: Ints, first: ScoredUnits
) -> dict[tuple[int, int], float]:
    """Patients tested over patients trained on, from the arm whose folds number each repeat.

    Args:
        sides: All rows of the arm and of its reference.
        own_fold: Folds of `first` as its own arm numbers them.
        first: Units with the numbering that both share.
    """
    own, other = (_test_to_train(side) for side in sides)
    shares: dict[tuple[int, int], float] = {}
    for model in first.models:
        rows = first.repeat == model[0]
        is_own = np.array_equal(own_fold[rows], first.fold[rows])
        shares[model] = own[model] if is_own else other[model]
    return shares


def _test_to_train(arm: PredictionTable) -> dict[tuple[int, int], float]:
    """Patients tested over patients trained on, of every model of one arm.

    Trained on are all patients of the table but those that the model was tested or stopped on.
    """
    everybody = len(np.unique(arm.patient_id))
    shares: dict[tuple[int, int], float] = {}
    for model in set(zip(arm.repeat.tolist(), arm.fold.tolist(), strict=True)):
        rows = (arm.repeat == model[0]) & (arm.fold == model[1])
        n_test = len(np.unique(arm.patient_id[rows & (arm.part == "test")]))
        n_seen = len(np.unique(arm.patient_id[rows & (arm.part != "train")]))
        shares[model] = n_test / max(everybody - n_seen, 1)
    return shares
