"""Images and their masks changed alike: mirrored, rotated, scaled, bent; light for images alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tumorboard.transforms.augmentation import Augmentation
from tumorboard.transforms.volume_augmentation import VolumeAugmentation

if TYPE_CHECKING:
    import torch

#: Images, their masks and their places.
Case = tuple["torch.Tensor", "torch.Tensor", "torch.Tensor"]

#: Points along each axis whose random displacements make an elastic deformation.
_ELASTIC_POINTS = 6


@dataclass(frozen=True, kw_only=True)
class _Moves:
    """What is done to places, at most.

    Args:
        rotation_degrees: Either way; of images about their one axis, of volumes about each.
        scaling: Larger or smaller by this share.
        translation: Either way, as a share of the length of an axis.
        elastic_vox: Standard deviation of a smooth deformation.
        flip: Axes that are mirrored with probability 0.5.
    """

    rotation_degrees: float
    scaling: float = 0.0
    translation: float = 0.0
    elastic_vox: float = 0.0
    flip: tuple[int, ...] = ()

    @property
    def are_any(self) -> bool:
        """Whether anything but mirroring is done."""
        return any((self.rotation_degrees, self.scaling, self.translation, self.elastic_vox))


def augment_pictures(
    images: torch.Tensor, numbers: torch.Tensor, places: torch.Tensor, generator: torch.Generator,
    *, settings: Augmentation,
) -> Case:  # fmt: skip
    """Images (B, C, H, W) in 0..1 and their masks after the random steps of the settings.

    Args:
        images: Float.
        numbers: (B, H, W) of the masks: read at the nearest pixel, never mixed.
        places: (B, A, 2) where each lies in its whole image; ends change places when mirrored.
        generator: On the CPU; the same draws on every device.
        settings: How strongly.
    """
    flip = [
        axis for axis, is_on in enumerate((settings.flip_vertical, settings.flip_horizontal))
        if is_on
    ]  # fmt: skip
    moves = _Moves(rotation_degrees=settings.rotation_degrees, flip=tuple(flip))
    images, numbers, places = _moved(images, numbers, places, generator, moves, (1.0, 1.0, 1.0))
    light = replace(settings, rotation_degrees=0.0, flip_horizontal=False, flip_vertical=False)
    return light.apply(images, generator), numbers, places


def augment_volumes(
    images: torch.Tensor, numbers: torch.Tensor, places: torch.Tensor, generator: torch.Generator,
    *, settings: VolumeAugmentation, spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Case:  # fmt: skip
    """Patches of volumes and their masks after the random steps of the settings.

    Patches (B, C, X, Y) of single slices are moved within their plane.

    Args:
        images: (B, C, X, Y, Z) or (B, C, X, Y), float in any range.
        numbers: (B, *space) of the masks: read at the nearest voxel, never mixed.
        places: (B, 3, 2) where each lies in its whole volume; ends change places when mirrored.
        generator: On the CPU; the same draws on every device.
        settings: How strongly.
        spacing_mm: Voxel size, so that a rotation keeps shapes.
    """
    n_dims = images.ndim - 2
    moves = _Moves(
        rotation_degrees=settings.rotation_degrees,
        scaling=settings.scaling,
        translation=settings.translation,
        elastic_vox=settings.elastic_vox,
        flip=tuple(axis for axis in range(n_dims) if "xyz"[axis] in settings.flip),
    )
    images, numbers, places = _moved(images, numbers, places, generator, moves, spacing_mm)
    light = replace(
        settings, rotation_degrees=0.0, scaling=0.0, translation=0.0, elastic_vox=0.0, flip=()
    )
    if n_dims == 2:
        return light.apply(images.unsqueeze(4), generator).squeeze(4), numbers, places
    return light.apply(images, generator, spacing_mm=spacing_mm), numbers, places


def _moved(
    images: torch.Tensor, numbers: torch.Tensor, places: torch.Tensor, generator: torch.Generator,
    moves: _Moves, spacing_mm: tuple[float, float, float],
) -> Case:  # fmt: skip
    import torch

    n_dims = images.ndim - 2
    n = len(images)
    # everything is drawn whatever is off, so that a setting changes its own step only
    mirrored = torch.rand(n, n_dims, generator=generator) < 0.5
    drawn = 2 * torch.rand(n, 4 + n_dims, generator=generator) - 1
    bend = torch.randn(n, n_dims, *[_ELASTIC_POINTS] * n_dims, generator=generator)
    with torch.autocast(images.device.type, enabled=False):
        for axis in moves.flip:
            rows = mirrored[:, axis].nonzero().flatten().to(images.device)
            if len(rows):
                images = images.index_copy(0, rows, images[rows].flip(axis + 2))
                numbers = numbers.index_copy(0, rows, numbers[rows].flip(axis + 1))
                swapped = places.clone()
                swapped[rows, axis] = places[rows, axis].flip(1)
                places = swapped
        if not moves.are_any:
            return images, numbers, places
        theta = _theta(drawn, moves, images.shape[2:], spacing_mm)
        grid = _grid(theta, moves.elastic_vox * bend, images)
        moved, found = _read(images, numbers, grid)
        return moved, found, _read_places(places, drawn, moves, n_dims)


def _theta(
    drawn: torch.Tensor, moves: _Moves, space: torch.Size, spacing_mm: tuple[float, float, float]
) -> torch.Tensor:
    """(B, A, A + 1) for `affine_grid`, whose coordinates run from the last axis to the first."""
    import torch

    from tumorboard.transforms.volume_changes import placement

    n_dims = len(space)
    angles = drawn[:, :3] * math.radians(moves.rotation_degrees)
    shift = torch.zeros(len(drawn), 3)
    shift[:, :n_dims] = _shift(drawn, moves)
    sides = torch.tensor([*space, 1][:3])
    if n_dims == 2:  # about the axis that the plane does not have
        angles = angles * torch.tensor([0.0, 0.0, 1.0])
    theta = placement(
        angles, scale=_scale(drawn, moves), shift=shift, size_mm=sides * torch.tensor(spacing_mm)
    )
    return theta if n_dims == 3 else theta[:, 1:, 1:]


def _scale(drawn: torch.Tensor, moves: _Moves) -> torch.Tensor:
    return 1 + moves.scaling * drawn[:, 3]


def _shift(drawn: torch.Tensor, moves: _Moves) -> torch.Tensor:
    """(B, A) in half lengths."""
    return 2 * moves.translation * drawn[:, 4:]


def _read_places(
    places: torch.Tensor, drawn: torch.Tensor, moves: _Moves, n_dims: int
) -> torch.Tensor:
    """Where the patches lie that were read: moved and scaled; a rotation keeps their centre."""
    start, end = places[:, :n_dims].unbind(2)
    half = (end - start) / 2
    centre = (start + end) / 2 - half * _shift(drawn, moves).to(places)
    half = half / _scale(drawn, moves).to(places)[:, None]
    changed = places.clone()
    changed[:, :n_dims, 0], changed[:, :n_dims, 1] = centre - half, centre + half
    return changed


def _grid(theta: torch.Tensor, bend: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """(B, *space, A) where each voxel is read."""
    from torch.nn.functional import affine_grid, interpolate

    space = images.shape[2:]
    n_dims = len(space)
    grid = affine_grid(theta.to(images), list(images.shape), align_corners=False)
    if bool(bend.any()):
        mode = "bilinear" if n_dims == 2 else "trilinear"
        dense = interpolate(bend.to(images), size=space, mode=mode, align_corners=True)
        size = images.new_tensor([2 / side for side in space]).view(-1, *[1] * n_dims)
        grid = grid + (dense * size).movedim(1, -1).flip(-1)
    return grid


def _read(
    images: torch.Tensor, numbers: torch.Tensor, grid: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Images between voxels, masks at the nearest; beyond the border both are continued."""
    from torch.nn.functional import grid_sample

    moved = grid_sample(images, grid, padding_mode="border", align_corners=False)
    masks = numbers.unsqueeze(1).to(images.dtype)
    found = grid_sample(masks, grid, mode="nearest", padding_mode="border", align_corners=False)
    return moved, found[:, 0].to(numbers.dtype)
