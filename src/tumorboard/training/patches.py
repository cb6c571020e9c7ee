"""Patches of images with their masks: where they are drawn, and how they become batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, Sampler

from tumorboard.modalities import Measured, Modality
from tumorboard.records import Floats, Ints
from tumorboard.tasks.segmentation import Segmentation
from tumorboard.training.batches import BatchRows
from tumorboard.training.references import References

#: Voxels of each label that a patch may be drawn around, at most, of one image.
_MOST_CENTRES = 4000


@dataclass(frozen=True)
class PatchBatch:
    """What a segmentation network sees of some rows.

    Args:
        inputs: Modality -> stored arrays (B, ...), not yet finished on the device; of the image
            patches (B, C, *space), without a last side of 1.
        present: (B, M) which modalities each row has.
        numbers: (B, *space) what the masks hold.
        places: (B, A, 2) where each patch lies in its image, from -1 to 1.
        weight: (B,) weight of each patch in the loss.
        rows: (B,) row numbers.
    """

    inputs: dict[str, torch.Tensor]
    present: torch.Tensor
    numbers: torch.Tensor
    places: torch.Tensor
    weight: torch.Tensor
    rows: torch.Tensor

    def to(self, device: torch.device) -> PatchBatch:
        """The same batch on another device."""
        return PatchBatch(
            {name: array.to(device, non_blocking=True) for name, array in self.inputs.items()},
            self.present.to(device), self.numbers.to(device), self.places.to(device),
            self.weight.to(device), self.rows,
        )  # fmt: skip


@dataclass(frozen=True)
class Draw:
    """One patch: its row, and what decides where it lies.

    Args:
        row: Row number.
        around: Whether it is drawn around a voxel of a label.
        seed: Of its place.
    """

    row: int
    around: bool
    seed: int


def draw_patches(
    rows: Ints, *, per_case: int, foreground: float, rng: np.random.Generator
) -> list[Draw]:
    """`per_case` patches of each row, in random order, the share `foreground` around a label.

    Of each row's patches as many lie around a label as the share says; what is left of it is drawn.
    """
    wanted = foreground * per_case
    n_around = int(wanted) + (rng.random(len(rows)) < wanted - int(wanted))
    draws = [
        Draw(int(row), k < n, int(rng.integers(2**32)))
        for row, n in zip(rows.tolist(), n_around.tolist(), strict=True)
        for k in range(per_case)
    ]
    return [draws[i] for i in rng.permutation(len(draws))]


class Patches(Dataset[PatchBatch]):
    """Batches of patches; images and masks are mapped from the cache, only what is used is read.

    Args:
        image: Name of the modality that is segmented.
        modalities: Fitted modalities of the arm.
        measured: Their measurements.
        references: Masks of the rows.
        task: The task.
        size: Sides of a patch; a last side of 1 reads a volume slice by slice.
        neighbours: Slices on either side that are further channels, where a slice is read alone.
        weight: (rows,) weight of each row in the loss.
    """

    def __init__(
        self, image: str, modalities: Mapping[str, Modality], measured: Mapping[str, Measured],
        references: References, task: Segmentation, *, size: tuple[int, ...], weight: Floats,
        neighbours: int = 0,
    ) -> None:  # fmt: skip
        self.neighbours = neighbours
        self.image, self.modalities, self.measured = image, modalities, measured
        self.references, self.task, self.size = references, task, size
        self.weight = torch.as_tensor(weight, dtype=torch.float32)
        self.present = np.stack([measured[name].present for name in modalities], axis=1)
        self.draws: Sequence[Draw] = ()
        self._centres: dict[int, list[NDArray[np.int32]]] = {}

    def __len__(self) -> int:
        return len(self.draws)

    def __getitem__(self, chosen: list[int]) -> PatchBatch:  # type: ignore[override]
        """The batch of these draws."""
        cut = [self._cut(self.draws[i]) for i in chosen]
        rows: Ints = np.asarray([self.draws[i].row for i in chosen], dtype=np.int64)
        inputs = {
            name: torch.from_numpy(
                np.stack([image for image, _, _ in cut])
                if name == self.image
                else np.ascontiguousarray(modality.arrays(self.measured[name], rows))
            )
            for name, modality in self.modalities.items()
        }
        return PatchBatch(
            inputs,
            torch.from_numpy(self.present[rows]),
            torch.from_numpy(np.stack([mask for _, mask, _ in cut])),
            torch.from_numpy(np.stack([places for _, _, places in cut])),
            self.weight[torch.from_numpy(rows)],
            torch.from_numpy(rows),
        )

    def _cut(self, draw: Draw) -> tuple[NDArray[Any], NDArray[np.uint8], NDArray[np.float32]]:
        """Image (C, *space), mask (*space) and place (A, 2) of one patch, padded where needed."""
        mask = self.references.network(draw.row)
        start = self._start(draw, mask.shape)
        low = [max(s, 0) for s in start]
        high = [min(s + n, m) for s, n, m in zip(start, self.size, mask.shape, strict=True)]
        kept = tuple(h - a for a, h in zip(low, high, strict=True))
        image = self._image(draw.row, low, kept, mask.shape)
        inside = mask[tuple(slice(a, h) for a, h in zip(low, high, strict=True))]
        behind = [
            (a - s, s + n - h) for s, a, h, n in zip(start, low, high, self.size, strict=True)
        ]
        if any(any(pair) for pair in behind):
            image = np.pad(image, [(0, 0), *behind])
            inside = np.pad(inside, behind)
        places = np.asarray(
            [(2 * s / m - 1, 2 * (s + n) / m - 1)
             for s, n, m in zip(start, self.size, mask.shape, strict=True)], dtype=np.float32,
        )  # fmt: skip
        if len(self.size) == 3 and self.size[2] == 1:
            image = np.concatenate(np.split(image, image.shape[-1], axis=-1))[..., 0]
            inside = inside[..., 0]
        return np.ascontiguousarray(image), np.ascontiguousarray(inside), places

    def _image(
        self, row: int, start: Sequence[int], kept: tuple[int, ...], shape: tuple[int, ...]
    ) -> NDArray[Any]:
        """(C, *kept) of the image, with the neighbours of its slice along the last axis.

        Beyond the first and the last slice these are repeated.
        """
        modality, measured = self.modalities[self.image], self.measured[self.image]
        if not self.neighbours:
            return modality.patch(measured, row, tuple(start), kept)
        x, y, z = start
        low, high = max(z - self.neighbours, 0), min(z + self.neighbours + 1, shape[2])
        slices = modality.patch(measured, row, (x, y, low), (*kept[:2], high - low))
        wanted = np.clip(np.arange(-self.neighbours, self.neighbours + 1) + z, low, high - 1)
        return slices[..., wanted - low]

    def _start(self, draw: Draw, shape: tuple[int, ...]) -> list[int]:
        """First pixel of a patch along each axis; a patch larger than the image is centred."""
        rng = np.random.default_rng(draw.seed)
        centres = self._centres_of(draw.row) if draw.around else []
        found: list[int] = []
        centre = None
        if centres:
            own = centres[int(rng.integers(len(centres)))]
            centre = own[int(rng.integers(len(own)))]
        for axis, (side, length) in enumerate(zip(self.size, shape, strict=True)):
            if side >= length:
                found.append(-((side - length) // 2))
                continue
            if centre is None:
                found.append(int(rng.integers(length - side + 1)))
                continue
            # anywhere that has the voxel in the middle half: not always in the very centre
            reach = side // 4
            middle = int(centre[axis]) + int(rng.integers(-reach, reach + 1))
            found.append(int(np.clip(middle - side // 2, 0, length - side)))
        return found

    def _centres_of(self, row: int) -> list[NDArray[np.int32]]:
        """Some voxels (n, A) of each label that the row has."""
        if row not in self._centres:
            mask = self.references.network(row)
            rng = np.random.default_rng(row)
            found: list[NDArray[np.int32]] = []
            for inside in self.task.masks(np.asarray(mask)):
                places = np.argwhere(inside).astype(np.int32)
                if len(places) > _MOST_CENTRES:
                    places = places[rng.choice(len(places), _MOST_CENTRES, replace=False)]
                if len(places):
                    found.append(places)
            self._centres[row] = found
        return self._centres[row]


def patch_loader(data: Patches, batch_size: int) -> DataLoader[PatchBatch]:
    """Batches of the draws of `data`, in their order."""
    order: Sampler[list[int]] = BatchRows(np.arange(len(data.draws)), batch_size)
    return DataLoader(data, sampler=order, batch_size=None, num_workers=0)
