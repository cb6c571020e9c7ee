"""How long a study will take on this machine: two batches of every arm, timed and multiplied."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import cast

import numpy as np
import torch

from tumorboard.models.encoders import Encoder
from tumorboard.records import Split
from tumorboard.study import Arm, Study
from tumorboard.study_keys import Tuning
from tumorboard.training.batches import Rows, derive_seed
from tumorboard.training.device import choose_device, choose_precision
from tumorboard.training.fit import fit_modalities, prepared_task
from tumorboard.training.networks import channels_last, new_network
from tumorboard.training.prepare import Prepared
from tumorboard.training.segmenter_estimate import segmenter_seconds
from tumorboard.training.signatures import with_signatures

#: Seconds that a fit costs beside its batches: building the network, checkpoints, saving.
_OVERHEAD_S = 0.5


def estimate_seconds(study: Study, prepared: Prepared, splits: Sequence[Split]) -> dict[str, float]:
    """Seconds per arm if every epoch is trained; early stopping makes it shorter."""
    prepared = with_signatures(study, prepared, splits[0])
    return {arm.name: _arm_seconds(study, prepared, splits, arm) for arm in study.arms.values()}


def _arm_seconds(study: Study, prepared: Prepared, splits: Sequence[Split], arm: Arm) -> float:
    fits = len(splits) * _fits_per_split(study)
    if arm.baseline is not None:
        return fits * _OVERHEAD_S
    split = splits[0]
    modalities, specs = fit_modalities(study, prepared, split, arm)
    if arm.segmented:
        return fits * (
            segmenter_seconds(study, prepared, split, arm, modalities, specs) + _OVERHEAD_S
        )
    task = prepared_task(study, prepared, split.rows(prepared.cohort, "train"))
    n_outputs = task.n_outputs(prepared.outcomes.classes)
    device = torch.device(choose_device(study.keys.runtime.device))
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(study.seed, "estimate"))
        network = new_network(arm, specs, n_outputs, task.link).to(device).train()
    train = split.rows(prepared.cohort, "train")
    train = train[prepared.present(arm.modalities)[train].any(axis=1)]
    data = Rows(
        modalities, prepared.measured, prepared.outcomes.target, np.ones(prepared.cohort.n_rows)
    )
    size = min(arm.training.batch_size, len(train))
    has_images = any(spec.layout in ("image", "bag", "volume") for spec in specs.values())
    channels_last(network, specs)
    precision = choose_precision(study.keys.runtime.precision, device.type, has_images)
    keeps = any(cast("Encoder", encoder).keeps_embeddings for encoder in network.encoders)

    def seconds_of(rows: list[int]) -> float:
        started = time.perf_counter()
        batch = data[rows].to(device)
        inputs = {
            name: modalities[name].finish(a, generator=None) for name, a in batch.inputs.items()
        }
        with torch.autocast(device.type, torch.bfloat16, enabled="bf16" in str(precision)):
            network(inputs, batch.present).logits.float().square().mean().backward()
        network.zero_grad()
        return time.perf_counter() - started

    batches = [[int(r) for r in np.resize(train, (k + 1) * size)[-size:]] for k in range(3)]
    first = [seconds_of(rows) for rows in batches]
    # what is kept of a patient is slow once, whatever the number of epochs and folds
    seconds = [seconds_of(rows) for rows in batches] if keeps else first
    once = max(0.0, max(first) - min(seconds)) * prepared.cohort.n_rows / size if keeps else 0.0
    steps = math.ceil(len(train) / size) * arm.training.epochs
    # validation is forward only: about a third of a training step per row
    n_validation = len(split.rows(prepared.cohort, "validation")) * arm.training.epochs / size / 3
    return fits * (min(seconds) * (steps + n_validation) + _OVERHEAD_S) + once


def _fits_per_split(study: Study) -> int:
    """Fits of one arm on one split: the last one and, before it, those of the search."""
    tuning = study.keys.tuning
    return 1 + tuning.trials * max(tuning.folds, 1) if isinstance(tuning, Tuning) else 1


def duration(seconds: float) -> str:
    """A duration as a person says it."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} seconds"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"
