"""What a training step does to volumes (B, C, X, Y, Z): moved, bent, blurred, made coarser."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import affine_grid, grid_sample, interpolate, pad

#: A Gaussian is cut where it has fallen to 1 % of its peak or less.
_BLUR_RADIUS_SD = 3.0


def placement(
    angles: torch.Tensor, *, scale: torch.Tensor, shift: torch.Tensor, size_mm: torch.Tensor
) -> torch.Tensor:
    """(B, 3, 4) for `affine_grid`, whose coordinates are z, y, x in half lengths of the volume.

    Args:
        angles: (B, 3) about x, y and z, in radians.
        scale: (B,) above 1 makes the volume larger.
        shift: (B, 3) along x, y and z, in half lengths.
        size_mm: (3,) lengths of the volume, so that a rotation keeps shapes.
    """
    matrix = torch.eye(3).expand(len(angles), 3, 3)
    for axis in range(3):
        one, other = [k for k in range(3) if k != axis]
        turn = torch.eye(3).repeat(len(angles), 1, 1)
        turn[:, one, one] = turn[:, other, other] = torch.cos(angles[:, axis])
        turn[:, one, other] = -torch.sin(angles[:, axis])
        turn[:, other, one] = torch.sin(angles[:, axis])
        matrix = turn @ matrix
    matrix = matrix / scale.view(-1, 1, 1) * size_mm[None, None, :] / size_mm[None, :, None]
    theta = torch.cat([matrix, -shift[:, :, None]], dim=2)
    order = torch.tensor([2, 1, 0])
    return theta[:, order][:, :, torch.tensor([2, 1, 0, 3])]


def move_volumes(volumes: torch.Tensor, theta: torch.Tensor, bend: torch.Tensor) -> torch.Tensor:
    """Volumes (B, C, X, Y, Z) read at moved places, linearly; beyond the border it is continued.

    Args:
        volumes: float.
        theta: (B, 3, 4) from `placement`.
        bend: (B, 3, k, k, k) displacements in voxels, interpolated between its points; may be
            empty.
    """
    # grid_sample's first spatial axis is the last coordinate: here X, Y, Z and z, y, x
    grid = affine_grid(theta.to(volumes), list(volumes.shape), align_corners=False)
    if len(bend):
        size = torch.tensor(volumes.shape[2:], dtype=volumes.dtype, device=volumes.device)
        dense = interpolate(
            bend.to(volumes), size=volumes.shape[2:], mode="trilinear", align_corners=True
        )
        dense = dense * (2 / size).view(1, 3, 1, 1, 1)
        grid = grid + dense.permute(0, 2, 3, 4, 1).flip(-1)
    return grid_sample(volumes, grid, padding_mode="border", align_corners=False)


def lower_resolution(volumes: torch.Tensor, *, factor: float) -> torch.Tensor:
    """Sample (B, C, X, Y, Z) `factor` times coarser (means over boxes), then back to its size."""
    size = volumes.shape[2:]
    coarse = [max(1, round(n / factor)) for n in size]
    small = interpolate(volumes, size=coarse, mode="area")
    return interpolate(small, size=size, mode="trilinear", align_corners=False)


def blur_volumes(volumes: torch.Tensor, *, sd_vox: torch.Tensor) -> torch.Tensor:
    """Gaussian blur with a standard deviation in voxels for each volume; 0 changes nothing."""
    rows = (sd_vox > 0).nonzero().flatten()
    if len(rows) == 0:
        return volumes
    sd = sd_vox[rows].to(volumes)
    chosen = volumes[rows.to(volumes.device)]
    radius = math.ceil(_BLUR_RADIUS_SD * float(sd.max()))
    offsets = torch.arange(-radius, radius + 1, dtype=volumes.dtype, device=volumes.device)
    weights = torch.exp(-0.5 * (offsets / sd[:, None]) ** 2)
    weights = weights * (offsets.abs() <= torch.ceil(_BLUR_RADIUS_SD * sd)[:, None])
    weights = weights / weights.sum(dim=1, keepdim=True)
    for axis in (2, 3, 4):
        border = [0] * 6
        border[2 * (4 - axis)] = border[2 * (4 - axis) + 1] = radius
        padded = pad(chosen, border, mode="replicate")
        total = torch.zeros_like(chosen)
        for k in range(2 * radius + 1):
            part = padded.narrow(axis, k, chosen.shape[axis])
            total.addcmul_(weights[:, k].view(-1, 1, 1, 1, 1), part)
        chosen = total
    return volumes.index_copy(0, rows.to(volumes.device), chosen)
