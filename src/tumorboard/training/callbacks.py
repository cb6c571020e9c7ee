"""What watches a fit: the best weights, early stopping, atomic checkpoints, progress."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import lightning
import torch
from lightning.fabric.plugins import TorchCheckpointIO

from tumorboard.cache import write_atomic
from tumorboard.errors import RunError
from tumorboard.study_keys import LOWER_IS_BETTER, Stop


class AtomicCheckpoints(TorchCheckpointIO):
    """Checkpoints under their final name are complete, and loading one never executes code."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write beside the final name, fsync, rename."""
        write_atomic(Path(path), lambda temporary: torch.save(checkpoint, temporary))

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Tensors and plain values only."""
        return torch.load(path, map_location=map_location or "cpu", weights_only=True)


class BestAndStop(lightning.Callback):
    """Keep the weights of the best epoch and stop when validation has not improved for a while.

    The best weights are part of the checkpoint, so that a resumed fit still has them.
    """

    def __init__(self, stop: Stop, where: str) -> None:
        self.stop, self.where = stop, where
        self.best = math.inf
        self.best_epoch = -1
        self.weights: dict[str, torch.Tensor] = {}

    def on_validation_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Compare this epoch with the best one."""
        if trainer.sanity_checking:
            return
        value = cast("dict[str, float]", pl_module.latest)[f"validation_{self.stop.metric}"]
        if not math.isfinite(value):
            raise RunError(
                f"{self.where}: the validation {self.stop.metric} is {value}: the validation "
                f"patients "
                'may lack a class. Use training.stop.metric = "loss" or a larger '
                "evaluation.validation."
            )
        signed = value if self.stop.metric in LOWER_IS_BETTER else -value
        if signed < self.best or self.stop.keep == "last":
            self.best = min(signed, self.best)
            self.best_epoch = trainer.current_epoch
            network = cast("torch.nn.Module", pl_module.network)
            self.weights = {
                name: t.detach().cpu().clone() for name, t in network.state_dict().items()
            }
        patience = self.stop.patience
        if (
            patience
            and self.stop.keep == "best"
            and trainer.current_epoch - self.best_epoch >= patience
        ):
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """Best value, its epoch and its weights."""
        return {"best": self.best, "best_epoch": self.best_epoch, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from an interrupted fit."""
        self.best = state_dict["best"]
        self.best_epoch = state_dict["best_epoch"]
        self.weights = state_dict["weights"]


class Checkpoint(lightning.Callback):
    """Save the fit after an epoch, at most once every `every_s` seconds."""

    def __init__(self, path: Path, *, every_s: float) -> None:
        self.path, self.every_s = path, every_s
        self._last = time.monotonic()

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Save when enough time has passed; a fit that is about to stop is not taken up again."""
        if trainer.should_stop:
            return
        if time.monotonic() - self._last >= self.every_s:
            trainer.save_checkpoint(self.path)
            self._last = time.monotonic()


class Report(lightning.Callback):
    """Tell the plan's progress how far this fit is."""

    def __init__(self, tell: Callable[[int, dict[str, float]], None]) -> None:
        self.tell = tell

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """After each epoch."""
        latest = cast("dict[str, float]", pl_module.latest)
        self.tell(trainer.current_epoch + 1, dict(latest))
