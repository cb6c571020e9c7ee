"""What one fit does with the rates of its optimiser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from small_study import make_study

from tumorboard.records import Split
from tumorboard.study import Study
from tumorboard.training.fit import fit_arm
from tumorboard.training.prepare import Prepared

Weights = dict[str, torch.Tensor]


def weights_after_one_epoch(
    small: tuple[Study, Prepared, Split], folder: Path, **optimizer: Any
) -> Weights:
    _, prepared, split = small
    optimizer = {"name": "sgd", "weight_decay": 0.0, "momentum": 0.0, **optimizer}
    study = make_study(
        prepared.cohort.root,
        training={"epochs": 1, "optimizer": optimizer, "stop": {"keep": "last"}},
    )
    fit = fit_arm(study, prepared, split, study.arms["fused"], checkpoint=folder / "c")
    network: Any = fit.fitted.network  # type: ignore[union-attr]
    return {key: value.detach().clone() for key, value in network.named_parameters()}


def test_encoders_stay_where_their_own_rate_is_nothing(
    small: tuple[Study, Prepared, Split], tmp_path: Path
) -> None:
    start = weights_after_one_epoch(small, tmp_path, learning_rate=1e-30)
    after = weights_after_one_epoch(small, tmp_path, learning_rate=0.1, encoder_learning_rate=1e-30)
    # a bias that started at 0 is 1e-30 or so now
    far = {key: float((after[key] - start[key]).abs().max()) > 1e-20 for key in start}
    assert {key.split(".")[0] for key in far if far[key]} == {"fusion", "heads"}
    assert not any(far[key] for key in far if key.startswith("encoders."))
