"""One network in training: losses, optimiser, schedule and the score on validation patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from torch.utils.data import DataLoader

from tumorboard.evaluation.scores import score_units
from tumorboard.modalities import Modality
from tumorboard.models.assembly import Network, Outputs, drop_modalities
from tumorboard.records import Floats, Ints, Layout
from tumorboard.study_keys import Training
from tumorboard.tasks import Task
from tumorboard.training.batches import (
    Batch,
    Rows,
    derive_seed,
    epoch_order,
    loader,
)
from tumorboard.training.fit_module import FitModule
from tumorboard.training.hard_rows import HardRows


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


class ArmModule(FitModule):
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
        super().__init__(network, training, seed_parts)
        self.network: Network = network
        self.register_buffer("class_weights", class_weights)
        self.task, self.modalities, self.rows = task, modalities, rows
        self._validation: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], float]] = []
        self._hard = HardRows(len(rows.data))

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
        self.seed_batch(index)
        outputs, present = self.forward_batch(batch, augment=self.training_keys.augment)
        value = self._batch_loss(outputs, present, batch)
        if self.training_keys.sampler == "hard":
            self._remember(outputs, batch)
        self.remember_loss(value, index, [self.rows.patient_id[int(row)] for row in batch.rows])
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
        scores = {"validation_loss": loss}
        for metric in self.watched():
            scores[f"validation_{metric}"] = self._score(metric, rows, predicted)
        self.end_epoch(scores)

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

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """As for any fit, with how hard each row was."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["hard_rows"] = self._hard.to_plain()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with the interrupted fit."""
        super().on_load_checkpoint(checkpoint)
        self._hard.restore(checkpoint["hard_rows"])


def _channels_last(array: torch.Tensor, layout: Layout) -> torch.Tensor:
    if layout == "volume":
        return array.to(memory_format=torch.channels_last_3d)
    return array.to(memory_format=torch.channels_last) if array.ndim == 4 else array
