"""One segmenter in training: patches, loss of masks, Dice on validation patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader

from tumorboard.modalities import Modality
from tumorboard.models.assembly import drop_modalities
from tumorboard.models.segmentation_network import SegmentationNetwork, SegmentationOutputs
from tumorboard.records import Floats, Ints
from tumorboard.study_keys import Training
from tumorboard.tasks.segmentation import Segmentation
from tumorboard.training.batches import derive_seed
from tumorboard.training.fit_module import FitModule
from tumorboard.training.patches import PatchBatch, Patches, draw_patches, patch_loader


@dataclass(frozen=True)
class MaskRows:
    """Rows of one fit.

    Args:
        train: Patches of the training rows.
        validation: Patches of the validation rows, the same in every epoch.
        rows: Training rows.
        unit_id: (rows,) rows of one unit are averaged before they are scored.
        patient_id: (rows,) to name patients in messages.
    """

    train: Patches
    validation: Patches
    rows: Ints
    unit_id: tuple[str, ...]
    patient_id: tuple[str, ...]


class SegmentationModule(FitModule):
    """Lightning's view of a segmentation network."""

    def __init__(
        self, network: SegmentationNetwork, task: Segmentation, modalities: Mapping[str, Modality],
        training: Training, rows: MaskRows, seed_parts: tuple[object, ...],
    ) -> None:  # fmt: skip
        super().__init__(network, training, seed_parts)
        self.network: SegmentationNetwork = network
        self.task, self.modalities, self.rows = task, modalities, rows
        self._seen: list[tuple[Ints, Floats, float, float]] = []

    def train_dataloader(self) -> DataLoader[PatchBatch]:
        """Patches of this epoch; they depend on the seed and the epoch alone."""
        keys, data = self.training_keys, self.rows.train
        rng = np.random.default_rng(derive_seed(*self.seed_parts, self.current_epoch, "patches"))
        data.draws = draw_patches(
            self.rows.rows, per_case=keys.patches.per_case, foreground=keys.patches.foreground,
            rng=rng,
        )  # fmt: skip
        return patch_loader(data, keys.batch_size)

    def val_dataloader(self) -> DataLoader[PatchBatch]:
        """The same patches in every epoch."""
        return patch_loader(self.rows.validation, self.training_keys.batch_size)

    def transfer_batch_to_device(
        self, batch: PatchBatch, device: torch.device, dataloader_idx: int
    ) -> PatchBatch:
        """Arrays travel as they are stored, and become floats on the device."""
        return batch.to(device)

    def forward_batch(
        self, batch: PatchBatch, *, augment: bool
    ) -> tuple[SegmentationOutputs, torch.Tensor]:
        """Finish the arrays on their device and run the network.

        Returns:
            The outputs, and the numbers of the masks as they lie after augmentation.
        """
        image = self.network.image
        generator = self._generator if augment else None
        inputs = {
            name: self.modalities[name].finish(
                array, generator=None if name == image else generator
            )
            for name, array in batch.inputs.items()
        }
        numbers, places, present = batch.numbers, batch.places, batch.present
        if augment:
            inputs[image], numbers, places = self.modalities[image].augment_case(
                inputs[image], numbers, places, self._generator
            )
            present = self._dropped(present)
        order = torch.channels_last if inputs[image].ndim == 4 else torch.channels_last_3d
        inputs[image] = inputs[image].contiguous(memory_format=order)
        return self.network(inputs, present, places), numbers

    def _dropped(self, present: torch.Tensor) -> torch.Tensor:
        """Modality dropout of all but the image, without which there is nothing to segment."""
        p = self.training_keys.modality_dropout
        if p == 0:
            return present
        kept = drop_modalities(present.cpu(), p, self._generator).to(present.device)
        kept[:, self.network.names.index(self.network.image)] = True
        return kept

    def training_step(self, batch: PatchBatch, index: int) -> torch.Tensor:
        """Loss of one batch; a loss that is not finite names the batch's patients."""
        self.seed_batch(index)
        outputs, numbers = self.forward_batch(batch, augment=self.training_keys.augment)
        loss = self.task.mask_loss(outputs.logits, numbers, loss=self.training_keys.loss)
        value = (batch.weight * loss).sum() / len(batch.weight)
        self.remember_loss(value, index, [self.rows.patient_id[int(row)] for row in batch.rows])
        return value

    def validation_step(self, batch: PatchBatch, index: int) -> None:
        """Count the voxels of each label that mask and reference share."""
        outputs, numbers = self.forward_batch(batch, augment=False)
        logits = outputs.logits[0]
        loss = self.task.mask_loss([logits], numbers, loss=self.training_keys.loss)
        found = _decided(self.task.predict(logits), is_exclusive=self.task.is_exclusive)
        truth = _as_masks(self.task.targets(numbers), found)
        counts = torch.stack(
            [(each.flatten(2).sum(dim=2)) for each in (found & truth, found, truth)], dim=2
        )
        weighed = float((batch.weight * loss).sum()), float(batch.weight.sum())
        self._seen.append((batch.rows.numpy(), counts.double().cpu().numpy(), *weighed))

    def on_validation_epoch_end(self) -> None:
        """Loss, and Dice and IoU of each unit over its patches, each unit weighing 1."""
        rows = np.concatenate([entry[0] for entry in self._seen])
        counts = np.concatenate([entry[1] for entry in self._seen])
        loss = sum(entry[2] for entry in self._seen) / sum(entry[3] for entry in self._seen)
        self._seen = []
        units, inverse = np.unique(
            [self.rows.unit_id[int(row)] for row in rows], return_inverse=True
        )
        total = np.zeros((len(units), *counts.shape[1:]))
        np.add.at(total, inverse, counts)
        scores = {"validation_loss": loss}
        for metric in self.watched():
            scores[f"validation_{metric}"] = _overlap(total, metric)
        self.end_epoch(scores)


def _decided(probabilities: torch.Tensor, *, is_exclusive: bool) -> torch.Tensor:
    """(B, L, *space) True where a label is decided: above one half, or above all others."""
    if not is_exclusive:
        return probabilities > 0.5
    background = 1 - probabilities.sum(dim=1, keepdim=True)
    best = torch.cat([background, probabilities], dim=1).argmax(dim=1, keepdim=True)
    labels = torch.arange(1, probabilities.shape[1] + 1, device=best.device)
    return best == labels.view(1, -1, *[1] * (best.ndim - 2))


def _as_masks(targets: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Targets as (B, L, *space) True inside each label."""
    if targets.ndim == like.ndim:
        return targets.bool()
    labels = torch.arange(1, like.shape[1] + 1, device=targets.device)
    return targets.unsqueeze(1) == labels.view(1, -1, *[1] * (like.ndim - 2))


def _overlap(counts: Floats, metric: str) -> float:
    """Mean Dice or IoU of (units, L, 3) shared, found and true voxels; where there are any."""
    shared, found, true = np.moveaxis(counts, 2, 0)
    below = found + true if metric == "dice" else found + true - shared
    above = 2 * shared if metric == "dice" else shared
    is_there = below > 0
    return float((above[is_there] / below[is_there]).mean()) if is_there.any() else float("nan")
