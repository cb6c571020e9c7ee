"""Lightning's trainer as every fit uses it: one device, no files or lines of its own."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from tumorboard.study import Study
from tumorboard.study_keys import Training
from tumorboard.training.device import choose_device, choose_precision

if TYPE_CHECKING:
    import lightning


def make_trainer(
    study: Study, training: Training, callbacks: list[lightning.Callback], *, has_images: bool
) -> lightning.Trainer:
    """A trainer for one fit on one device, which writes nothing but our own checkpoints."""
    import lightning
    from lightning.fabric.plugins.environments.lightning import LightningEnvironment

    from tumorboard.training.callbacks import AtomicCheckpoints

    device = choose_device(study.keys.runtime.device)
    return lightning.Trainer(
        accelerator={"cuda": "gpu"}.get(device, device),
        devices=1,
        precision=choose_precision(study.keys.runtime.precision, device, has_images),
        max_epochs=training.epochs,
        gradient_clip_val=training.gradient_clip or None,
        callbacks=callbacks,
        # one fit is one process: under a scheduler Lightning must not requeue the job itself
        plugins=[AtomicCheckpoints(), LightningEnvironment()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
    )


def release(trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
    """Take the network, its gradients and the optimiser's moments from a trainer that is done.

    Trainer, module and callbacks refer to each other in a ring, which stays in memory until Python
    looks for rings; it does so by the number of objects, and a search of hundreds of fits makes few
    but large ones.
    """
    for optimizer in trainer.optimizers:
        optimizer.zero_grad(set_to_none=True)
        optimizer.state.clear()
        optimizer.param_groups.clear()
    module.network = torch.nn.Identity()


@contextmanager
def quiet() -> Generator[None]:
    """Silence advice that does not apply: arrays are in memory, so no loader worker helps."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*LeafSpec.*deprecated.*")
        warnings.filterwarnings("ignore", message=".*is supported for historical reasons.*")
        warnings.filterwarnings("ignore", message=".*You're resuming from a checkpoint.*")
        warnings.filterwarnings("ignore", message=".*number of training batches.*")
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
