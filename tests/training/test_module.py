"""What one fit does with the rates of its optimiser, and what each branch learns from."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from small_study import make_study

from tumorboard.models.assembly import Outputs
from tumorboard.records import Split
from tumorboard.study import Study
from tumorboard.study_keys import Loss, TaskTable
from tumorboard.tasks.survival import Survival
from tumorboard.training.batches import Batch
from tumorboard.training.fit import fit_arm
from tumorboard.training.module import ArmModule
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


def test_who_lacks_a_modality_is_in_no_risk_set_of_its_branch() -> None:
    keys = TaskTable(kind="survival", time="t", time_unit="days", event="e", event_value="1")
    module: Any = SimpleNamespace(
        task=Survival(keys), class_weights=torch.ones(1), training_keys=SimpleNamespace(loss=Loss())
    )
    module._row_loss = lambda logits, batch: ArmModule._row_loss(module, logits, batch)
    draws = torch.Generator().manual_seed(4)
    branches = torch.randn(8, 2, 1, generator=draws)
    target = torch.stack([torch.arange(1.0, 9.0), torch.tensor([1.0, 0, 1, 1, 0, 1, 0, 1])], dim=1)
    present = torch.ones(8, 2, dtype=torch.bool)
    present[[0, 3, 5], 1] = False
    branches[~present] = 0.0  # as the network hands them over

    def loss(rows: torch.Tensor, shown: torch.Tensor) -> float:
        ones = torch.ones(int(rows.sum()))
        batch = Batch({}, shown[rows], target[rows], ones, torch.arange(len(ones)))
        outputs = Outputs(branches[rows, : shown.shape[1]].sum(1), branches[rows])
        return float(ArmModule._batch_loss(module, outputs, shown[rows], batch))

    everybody, has = torch.ones(8, dtype=torch.bool), present[:, 1]
    first, both = loss(everybody, present[:, :1]), loss(everybody, present)
    swapped = branches.flip(1)
    branches = swapped
    alone = loss(has, has[:, None]) * int(has.sum()) / 8
    torch.testing.assert_close(both, first + alone, rtol=1e-6, atol=1e-6)
