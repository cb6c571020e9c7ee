"""Planes of a volume: three of them as one picture, or all of them as pictures of their own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


def three_planes(volume: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Axial, coronal and sagittal plane through the middle voxel side by side, (H, W, 3).

    As radiologists look at them: the patient's right on the left, the front (axial) or the head on
    top; in the sagittal plane the front is on the left.

    Args:
        volume: (C, X, Y, Z) in 0..1, X to the right, Y to the front, Z to the head; three channels
            are red, green and blue, of others the first is shown.
    """
    x, y, z = (n // 2 for n in volume.shape[1:])
    shown = volume if len(volume) == 3 else np.repeat(volume[:1], 3, axis=0)
    axial = shown[:, ::-1, ::-1, z].transpose(2, 1, 0)
    coronal = shown[:, ::-1, y, ::-1].transpose(2, 1, 0)
    sagittal = shown[:, x, ::-1, ::-1].transpose(2, 1, 0)
    planes = (axial, coronal, sagittal)
    height = max(len(plane) for plane in planes)
    canvas = np.zeros((height, sum(plane.shape[1] for plane in planes), 3), dtype=np.uint8)
    left = 0
    for plane in planes:
        top = (height - len(plane)) // 2
        bytes_ = np.rint(np.clip(plane.astype(np.float32), 0, 1) * 255).astype(np.uint8)
        canvas[top : top + len(plane), left : left + plane.shape[1]] = bytes_
        left += plane.shape[1]
    return canvas


def slice_by_slice(
    volumes: NDArray[np.floating],
    rows: NDArray[np.int64],
    change: Callable[[NDArray[np.floating], NDArray[np.int64]], NDArray[np.floating]],
) -> NDArray[np.floating]:
    """Change the axial slices of volumes (n, C, X, Y, Z) as pictures (n * Z, C, Y, X).

    Args:
        volumes: In 0..1.
        rows: (n,) row of each; every slice of a volume is called with its row.
        change: Pictures and their rows to the same pictures, changed.
    """
    n, channels, width, height, depth = volumes.shape
    pictures = volumes.transpose(0, 4, 1, 3, 2).reshape(n * depth, channels, height, width)
    worse = change(pictures, np.repeat(rows, depth))
    return worse.reshape(n, depth, channels, height, width).transpose(0, 2, 4, 3, 1)


def to_channels(values: NDArray[np.floating], n_channels: int) -> NDArray[np.floating]:
    """(C, ...) of another number of channels: one is repeated, several are averaged."""
    if len(values) == n_channels:
        return values
    mean = values.mean(axis=0, keepdims=True, dtype=np.float32).astype(values.dtype)
    return np.repeat(mean, n_channels, axis=0)
