"""Batches of rows: which rows, in which order, and their arrays; the patient weighs 1."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from tumorboard.modalities import Measured, Modality, row_weights
from tumorboard.records import Bools, Floats, Ints


def derive_seed(*parts: object) -> int:
    """A seed from (seed, arm, repeat, fold, epoch, ...), the same on every machine."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8")).digest()
    return int.from_bytes(digest[:4], "big")


def seed_device(seed: int, device: torch.device) -> None:
    """Seed torch for the processor, and for the device that dropout runs on.

    `torch.manual_seed` notes a stack trace for every GPU that may yet come: a sixth of a step of a
    small network.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed_all(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


@dataclass(frozen=True)
class Batch:
    """What the network sees of some rows.

    Args:
        inputs: Modality -> stored arrays (B, ...), not yet finished on the device.
        present: (B, M) which modalities each row has.
        target: (B,) what the loss sees.
        weight: (B,) weight of each row in the loss.
        rows: (B,) row numbers, to name patients in messages.
    """

    inputs: dict[str, torch.Tensor]
    present: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor
    rows: torch.Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return Batch(
            {name: array.to(device, non_blocking=True) for name, array in self.inputs.items()},
            self.present.to(device),
            self.target.to(device),
            self.weight.to(device),
            self.rows,
        )


class Rows(Dataset[Batch]):
    """Whole batches by their row numbers: one fancy index per modality, nothing per row.

    Vectors are made once for all rows; arrays that are larger are made for each batch.
    """

    def __init__(
        self,
        modalities: Mapping[str, Modality],
        measured: Mapping[str, Measured],
        target: np.ndarray[Any, Any],
        weight: Floats,
    ) -> None:
        self.modalities = modalities
        self.measured = measured
        self.target = torch.as_tensor(target)
        self.weight = torch.as_tensor(weight, dtype=torch.float32)
        stacked = np.stack([measured[name].present for name in modalities], axis=1)
        self.present: Bools = stacked
        every = np.arange(len(self.target))
        self._vectors = {
            name: self._arrays(name, every)
            for name, modality in modalities.items()
            if modality.layout == "vector"
        }

    def _arrays(self, name: str, rows: Ints) -> torch.Tensor:
        """Stored arrays of these rows."""
        arrays = self.modalities[name].arrays(self.measured[name], rows)
        return torch.from_numpy(np.ascontiguousarray(arrays))

    def __getitem__(self, rows: list[int]) -> Batch:  # type: ignore[override]
        """The batch of these rows."""
        index: Ints = np.asarray(rows, dtype=np.int64)
        chosen = torch.from_numpy(index)
        inputs = {
            name: self._vectors[name][chosen]
            if name in self._vectors
            else self._arrays(name, index)
            for name in self.modalities
        }
        return Batch(
            inputs,
            torch.from_numpy(self.present[index]),
            self.target[chosen],
            self.weight[chosen],
            chosen,
        )

    def __len__(self) -> int:
        return len(self.target)


class BatchRows(Sampler[list[int]]):
    """Lists of row numbers of one epoch; a last batch of one row joins the batch before it."""

    def __init__(self, order: Ints, batch_size: int) -> None:
        self.order = order
        self.starts = list(range(0, len(order), batch_size))
        self.batch_size = batch_size
        if len(self.starts) > 1 and len(order) - self.starts[-1] == 1:
            self.starts.pop()

    def __iter__(self) -> Iterator[list[int]]:
        ends = [*self.starts[1:], len(self.order)]
        for start, end in zip(self.starts, ends, strict=True):
            yield self.order[start:end].tolist()

    def __len__(self) -> int:
        return len(self.starts)


def epoch_order(rows: Ints, *, target: Ints, weight: Floats, sampler: str, seed: int) -> Ints:
    """Order of the training rows in one epoch.

    `shuffle` shows each row once. `weighted` and `hard` draw as many rows with replacement, each
    class equally often, and within a class by weight: each patient equally often, hard rows more.
    """
    rng = np.random.default_rng(seed)
    if sampler == "shuffle":
        return rng.permutation(rows)
    share = weight.copy()
    for group in np.unique(target):
        share[target == group] /= share[target == group].sum()
    return rng.choice(rows, size=len(rows), replace=True, p=share / share.sum())


def loss_weights(patient_id: tuple[str, ...], rows: Ints, *, n_rows: int) -> Floats:
    """(n_rows,) weight of each row: every patient weighs 1, with mean 1 over `rows`."""
    weight = np.zeros(n_rows)
    own = row_weights(patient_id, rows)
    weight[rows] = own / own.mean()
    return weight


def loader(data: Rows, order: Ints, batch_size: int) -> DataLoader[Batch]:
    """Batches of the rows in `order`; arrays are in memory or mapped: no worker is needed."""
    return DataLoader(data, sampler=BatchRows(order, batch_size), batch_size=None, num_workers=0)
