"""How long one fit of a segmenter takes here: batches of patches timed, and multiplied."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import numpy as np
import torch

from tumorboard.modalities import Modality
from tumorboard.records import ArraySpec, Part, Split
from tumorboard.study import Arm, Study
from tumorboard.training.arm_rows import training_rows
from tumorboard.training.batches import derive_seed
from tumorboard.training.device import choose_device, choose_precision
from tumorboard.training.fit import prepared_task
from tumorboard.training.fitted import FittedArm
from tumorboard.training.networks import new_segmenter, segmenter_channels_last
from tumorboard.training.patches import draw_patches
from tumorboard.training.prepare import Prepared
from tumorboard.training.segmentation_rows import (
    references_of,
    segmentation_module,
    window_of,
)

#: A prediction costs about a third of a training step of as many patches.
_FORWARD = 1 / 3


def segmenter_seconds(
    study: Study, prepared: Prepared, split: Split, arm: Arm, modalities: Mapping[str, Modality],
    specs: Mapping[str, ArraySpec],
) -> float:  # fmt: skip
    """Seconds of one fit if every epoch is trained, with the masks of its validation and test part.

    Args:
        study: The study.
        prepared: Its patients.
        split: Who trains.
        arm: The arm.
        modalities: Fitted on the training patients.
        specs: What they hand over.
    """
    train, validation = training_rows(prepared, split, arm)
    task = prepared_task(study, prepared, train)
    fitted = FittedArm(study, arm, dict(modalities), dict(specs), task, (), {})
    fitted.window = window_of(arm, prepared, train)
    device = torch.device(choose_device(study.keys.runtime.device))
    seed = (study.seed, arm.name, 0, 0)
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(*seed, "estimate"))
        network = new_segmenter(arm, specs, fitted.n_outputs, fitted.window).to(device).train()
    segmenter_channels_last(network, fitted.window)
    module = segmentation_module(fitted, network, prepared, train, validation, seed)
    keys = arm.training
    data = module.rows.train
    data.draws = draw_patches(
        train, per_case=keys.patches.per_case, foreground=keys.patches.foreground,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    size = min(keys.batch_size, len(data.draws))
    precision = str(choose_precision(study.keys.runtime.precision, device.type, True))
    seconds: list[float] = []
    for step in range(3):
        started = time.perf_counter()
        chosen = [(step * size + i) % len(data.draws) for i in range(size)]
        batch = data[chosen].to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled="bf16" in precision):
            outputs, _ = module.forward_batch(batch, augment=keys.augment)
            outputs.logits[0].float().square().mean().backward()
        network.zero_grad()
        seconds.append(time.perf_counter() - started)
    each = min(seconds) / size
    n_scored = len(module.rows.validation.draws)
    epochs = keys.epochs * (len(data.draws) + _FORWARD * n_scored)
    return each * (epochs + _FORWARD * _n_windows(fitted, prepared, split))


def _n_windows(fitted: FittedArm, prepared: Prepared, split: Split) -> float:
    """Windows of all images that are segmented after a fit, mirrored ones and controls included."""
    keys = fitted.arm.training.patches
    references = references_of(prepared)
    n_controls = len(fitted.study.keys.evaluation.controls) if len(fitted.arm.modalities) > 1 else 0
    total = 0.0
    parts: tuple[tuple[Part, int], ...] = (("validation", 1), ("test", 1 + n_controls))
    for part, times in parts:
        for row in split.rows(prepared.cohort, part).tolist():
            shape = references.network(row).shape
            steps = [
                math.ceil(max(side - own, 0) / max(own * (1 - keys.overlap), 1)) + 1
                for side, own in zip(shape, fitted.window, strict=True)
            ]
            total += times * math.prod(steps)
    return total * 2 ** len(keys.flips)
