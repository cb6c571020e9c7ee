"""One network in training: losses, optimiser, schedule and the score on validation patients."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import lightning
import numpy as np
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader

from tumorboard.errors import RunError
from tumorboard.evaluation.scores import score_units
from tumorboard.modalities import Modality
from tumorboard.models.assembly import Network, Outputs, drop_modalities
from tumorboard.records import Floats, Ints, Layout
from tumorboard.study_keys import LOWER_IS_BETTER, Schedule, Training
from tumorboard.tasks import Task
from tumorboard.training.batches import (
    Batch,
    Rows,
    derive_seed,
    epoch_order,
    loader,
    seed_device,
)
from tumorboard.training.hard_rows import HardRows
from tumorboard.training.schedules import learning_rate_factor


@dataclass(frozen=True)
class FitRows:
    """Rows of one fit: training and validation, as stored arrays with their weights.

    Args:
        data: All rows of the cohort.
        train: Training rows.
        validation: Validation rows.
        share: (len(train),) share of each training row in its patient; a patient's rows sum to 1.
        patient_id: (rows,) to weigh patients and to name them in messages.
        unit_id: (rows,) rows with equal unit are averaged before they are scored.
        strata: (rows,) class, or group, that a sampler balances.
        classes: Names of the classes, where the task has any.
    """

    data: Rows
    train: Ints
    validation: Ints
    share: Floats
    patient_id: tuple[str, ...]
    unit_id: tuple[str, ...]
    strata: Ints
    classes: tuple[str, ...]


class ArmModule(lightning.LightningModule):
    """Lightning's view of one arm: a step, a validation score and an optimiser."""

    def __init__(
        self,
        network: Network,
        task: Task,
        modalities: Mapping[str, Modality],
        training: Training,
        rows: FitRows,
        class_weights: torch.Tensor,
        seed_parts: tuple[object, ...],
    ) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("class_weights", class_weights)
        self.task, self.modalities, self.training_keys = task, modalities, training
        self.rows, self.seed_parts = rows, seed_parts
        self.history: list[dict[str, float]] = []
        self.latest: dict[str, float] = {}
        self._train_loss: list[float] = []
        self._validation: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], float]] = []
        self._generator = torch.Generator()
        self._hard = HardRows(len(rows.data))
        # Not registered with Lightning: it does not step a plateau schedule again after a resume.
        self._plateau: ReduceLROnPlateau | None = None
        self._plateau_state: dict[str, Any] = {}

    def train_dataloader(self) -> DataLoader[Batch]:
        """Batches of this epoch; the order depends on the seed and the epoch alone."""
        rows = self.rows
        target = rows.strata[rows.train]
        weight = rows.share
        if self.training_keys.sampler == "hard":
            weight = self._hard.weigh(rows.train, target, weight)
        order = epoch_order(
            rows.train,
            target=target,
            weight=weight,
            sampler=self.training_keys.sampler,
            seed=derive_seed(*self.seed_parts, self.current_epoch, "order"),
        )
        return loader(rows.data, order, self.training_keys.batch_size)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Batches of the validation rows in a fixed order."""
        return loader(self.rows.data, self.rows.validation, max(64, self.training_keys.batch_size))

    def transfer_batch_to_device(
        self, batch: Batch, device: torch.device, dataloader_idx: int
    ) -> Batch:
        """Arrays travel as they are stored (8-bit images), and become floats on the device."""
        return batch.to(device)

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

    def forward_batch(self, batch: Batch, *, augment: bool) -> tuple[Outputs, torch.Tensor]:
        """Finish the arrays on their device and run the network.

        Returns:
            The network's outputs, and (B, M) the modalities it saw after modality dropout.
        """
        generator = self._generator if augment else None
        inputs = {
            name: _channels_last(
                self.modalities[name].finish(array, generator=generator),
                self.modalities[name].layout,
            )
            for name, array in batch.inputs.items()
        }
        present = batch.present
        if augment and self.training_keys.modality_dropout > 0:
            present = drop_modalities(
                present.cpu(), self.training_keys.modality_dropout, self._generator
            ).to(present.device)
        return self.network(inputs, present), present

    def _batch_loss(self, outputs: Outputs, present: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Weighted mean loss; at the decision level each modality's own head learns by itself.

        Weights have mean 1 over the training rows: dividing by the number of rows, not by the
        weights of the batch, lets a patient weigh the same whoever shares the batch.
        """
        if outputs.branches is None:
            return (batch.weight * self._row_loss(outputs.logits, batch)).sum() / len(batch.weight)
        total = torch.zeros((), device=batch.weight.device)
        for m in range(present.shape[1]):
            # a partial likelihood compares rows: who lacks the modality is in no risk set of it
            has = present[:, m]
            own = replace(batch, target=batch.target[has], weight=batch.weight[has])
            per_row = self._row_loss(outputs.branches[has, m], own)
            total = total + (own.weight * per_row).sum() / len(batch.weight)
        return total

    def _row_loss(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        return self.task.weighted_loss(
            logits,
            batch.target,
            weight=batch.weight,
            class_weights=cast("torch.Tensor", self.class_weights),
            loss=self.training_keys.loss,
        )

    def training_step(self, batch: Batch, index: int) -> torch.Tensor:
        """Loss of one batch; a loss that is not finite names the batch's patients."""
        # every batch is seeded by itself: a loader that is built again draws from the same stream
        seed = derive_seed(*self.seed_parts, self.current_epoch, index)
        seed_device(seed, self.device)
        self._generator.manual_seed(seed)
        augment = self.training_keys.augment
        outputs, present = self.forward_batch(batch, augment=augment)
        value = self._batch_loss(outputs, present, batch)
        if self.training_keys.sampler == "hard":
            self._remember(outputs, batch)
        if not bool(torch.isfinite(value)):
            patients = sorted({self.rows.patient_id[int(row)] for row in batch.rows})
            raise RunError(
                f"The loss is {float(value.detach())} in epoch {self.current_epoch + 1}, batch "
                f"{index + 1}, with patients {', '.join(patients)}. Look at their values, lower "
                'training.optimizer.learning_rate, or set runtime.precision = "32".'
            )
        self._train_loss.append(float(value.detach()))
        return value

    def _remember(self, outputs: Outputs, batch: Batch) -> None:
        """How hard each row was, for the draw of the next epoch."""
        with torch.no_grad():
            loss = self._row_loss(outputs.logits.detach(), batch).double().cpu().numpy()
        self._hard.see(batch.rows.numpy(), loss)

    def validation_step(self, batch: Batch, index: int) -> None:
        """Keep predictions and loss of one validation batch."""
        outputs, _ = self.forward_batch(batch, augment=False)
        prediction = self.task.predict(outputs.logits).cpu().numpy()
        value = float((batch.weight * self._row_loss(outputs.logits, batch)).sum())
        self._validation.append((batch.rows.numpy(), prediction, value))

    def on_validation_epoch_end(self) -> None:
        """Loss, each patient weighing 1, and the watched metrics, each unit weighing 1."""
        rows = np.concatenate([entry[0] for entry in self._validation])
        predicted = np.concatenate([entry[1] for entry in self._validation])
        weight = self.rows.data.weight.numpy()[rows]
        loss = sum(entry[2] for entry in self._validation) / float(weight.sum())
        self._validation = []
        values = {"train_loss": _mean(self._train_loss), "validation_loss": loss}
        for metric in self.watched():
            values[f"validation_{metric}"] = self._score(metric, rows, predicted)
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

    def _score(self, metric: str, rows: Ints, predicted: Floats) -> float:
        unit = np.asarray([self.rows.unit_id[int(row)] for row in rows])
        _, first, inverse, counts = np.unique(
            unit, return_index=True, return_inverse=True, return_counts=True
        )
        mean = np.zeros((len(first), predicted.shape[1]))
        np.add.at(mean, inverse, predicted)
        target = self.rows.data.target.numpy()[rows[first]]
        names = self.task.columns(self.rows.classes)
        return score_units(self.task.keys.kind, metric, target, mean / counts[:, None], names)

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
        checkpoint["hard_rows"] = self._hard.to_plain()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with the training curves of the interrupted fit."""
        self.history = [dict(entry) for entry in checkpoint["history"]]
        self._plateau_state = dict(checkpoint["plateau"])
        self._hard.restore(checkpoint["hard_rows"])


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


def _channels_last(array: torch.Tensor, layout: Layout) -> torch.Tensor:
    if layout == "volume":
        return array.to(memory_format=torch.channels_last_3d)
    return array.to(memory_format=torch.channels_last) if array.ndim == 4 else array


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else float("nan")
