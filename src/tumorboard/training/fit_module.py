"""What every network in training has in common: optimiser, schedule, curves, checkpoints."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

import lightning
import numpy as np
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from tumorboard.errors import RunError
from tumorboard.models.staged_learning import StagedNetwork
from tumorboard.study_keys import LOWER_IS_BETTER, Schedule, Training
from tumorboard.training.batches import derive_seed, seed_device
from tumorboard.training.schedules import learning_rate_factor


class FitModule(lightning.LightningModule):
    """Lightning's view of a network in training; a subclass adds batches, a step and a score.

    Args:
        network: What is trained.
        training: How.
        seed_parts: What all randomness of the fit derives from.
    """

    def __init__(
        self, network: StagedNetwork, training: Training, seed_parts: tuple[object, ...]
    ) -> None:
        super().__init__()
        self.network = network
        self.training_keys, self.seed_parts = training, seed_parts
        self.history: list[dict[str, float]] = []
        self.latest: dict[str, float] = {}
        self._train_loss: list[float] = []
        self._generator = torch.Generator()
        # Not registered with Lightning: it does not step a plateau schedule again after a resume.
        self._plateau: ReduceLROnPlateau | None = None
        self._plateau_state: dict[str, Any] = {}

    def on_train_epoch_start(self) -> None:
        """Unfreeze stages and set the learning rate of this epoch."""
        if self._plateau is not None and self._plateau_state:
            self._plateau.load_state_dict(self._plateau_state)
            self._plateau_state = {}
        self.network.set_epoch(self.current_epoch)
        self._train_loss = []
        schedule = self.training_keys.schedule
        factor = learning_rate_factor(schedule, self.current_epoch, self.training_keys.epochs)
        if factor is not None:
            for group in self.optimizers().param_groups:  # type: ignore[union-attr]
                group["lr"] = max(group["initial_lr"] * factor, 0.0)

    def seed_batch(self, index: int) -> None:
        """Seed a batch by itself: a loader that is built again draws from the same stream."""
        seed = derive_seed(*self.seed_parts, self.current_epoch, index)
        seed_device(seed, self.device)
        self._generator.manual_seed(seed)

    def remember_loss(self, value: torch.Tensor, index: int, patients: Iterable[str]) -> None:
        """Keep the loss of a batch for the curves.

        Raises:
            RunError: It is not finite; names the batch's patients.
        """
        if not bool(torch.isfinite(value)):
            raise RunError(
                f"The loss is {float(value.detach())} in epoch {self.current_epoch + 1}, batch "
                f"{index + 1}, with patients {', '.join(sorted(set(patients)))}. Look at their "
                "values, lower training.optimizer.learning_rate, or set runtime.precision = "
                '"32".'
            )
        self._train_loss.append(float(value.detach()))

    def end_epoch(self, scores: Mapping[str, float]) -> None:
        """Keep the scores of an epoch, and let a plateau schedule see them.

        Args:
            scores: `validation_loss` and the watched metrics.
        """
        values = {"train_loss": _mean(self._train_loss), **scores}
        # kept here and not with `self.log`, whose bookkeeping costs as much as a step of a small
        # network; in single precision, so that scores apart by rounding alone are equal
        self.latest = {name: float(np.float32(value)) for name, value in values.items()}
        if not self.trainer.sanity_checking:
            rate = float(self.optimizers().param_groups[-1]["lr"])  # type: ignore[union-attr]
            self.history.append({"epoch": self.current_epoch + 1, **values, "learning_rate": rate})
            schedule = self.training_keys.schedule
            if self._plateau is not None and self.current_epoch >= schedule.warmup_epochs:
                self._plateau.step(values[f"validation_{schedule.metric}"])

    def watched(self) -> tuple[str, ...]:
        """Metrics, apart from the loss, that stop training or lower the learning rate."""
        keys = self.training_keys
        named = [keys.stop.metric]
        if keys.schedule.name == "plateau":
            named.append(keys.schedule.metric)
        return tuple(dict.fromkeys(metric for metric in named if metric != "loss"))

    def configure_optimizers(self) -> Any:
        """The study's optimiser over the network's parameter groups, and a plateau schedule."""
        keys = self.training_keys.optimizer
        groups = self.network.parameter_groups(
            keys.learning_rate, encoder_learning_rate=keys.encoder_learning_rate
        )
        common: dict[str, Any] = {"lr": keys.learning_rate, "weight_decay": keys.weight_decay}
        if keys.name == "sgd":
            optimizer: torch.optim.Optimizer = torch.optim.SGD(
                groups, momentum=keys.momentum, **common
            )
        else:
            kind = torch.optim.Adam if keys.name == "adam" else torch.optim.AdamW
            optimizer = kind(groups, **common)
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self._plateau = _plateau(optimizer, self.training_keys.schedule)
        return optimizer

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """The training curves and the plateau schedule travel with the checkpoint."""
        checkpoint["history"] = self.history
        checkpoint["plateau"] = self._plateau.state_dict() if self._plateau else {}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with the training curves of the interrupted fit."""
        self.history = [dict(entry) for entry in checkpoint["history"]]
        self._plateau_state = dict(checkpoint["plateau"])


def _plateau(optimizer: torch.optim.Optimizer, schedule: Schedule) -> ReduceLROnPlateau | None:
    if schedule.name != "plateau":
        return None
    return ReduceLROnPlateau(
        optimizer,
        mode="min" if schedule.metric in LOWER_IS_BETTER else "max",
        factor=schedule.factor,
        patience=schedule.patience,
        min_lr=schedule.minimum,
    )


def history_csv(history: list[dict[str, float]]) -> str:
    """Training curves as CSV text: epoch, losses, watched metrics, learning rate."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(history[0]) if history else ["epoch"])
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else float("nan")
