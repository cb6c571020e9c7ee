"""A fitted segmenter used: the probability of each label in every voxel of one case."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tumorboard.modalities import Measured
from tumorboard.models.guides import Context
from tumorboard.models.segmentation_network import SegmentationNetwork
from tumorboard.models.sliding_window import slide
from tumorboard.training.device import choose_precision
from tumorboard.training.fitted import FittedArm

#: Pixels or voxels that a network gets at once.
_VOXELS_AT_ONCE = 2**19
#: Axes of (C, X, Y, Z), and of pictures, whose columns run along x and whose rows along y.
_AXES = {"x": 1, "y": 2, "z": 3}
_PICTURE_AXES = {"x": 2, "y": 1}


def label_probabilities(
    fitted: FittedArm, measured: Mapping[str, Measured], row: int
) -> NDArray[np.float32]:
    """(L, *space) probability of each label, as the segmenter sees the image of a row.

    The mean over the networks of an ensemble and over the mirrored images that the study asks for.

    Args:
        fitted: A trained segmenter.
        measured: Measurements of the arm's modalities; the row has the image.
        row: Row number.
    """
    networks = fitted.segmenters
    device = next(networks[0].parameters()).device
    precision = str(choose_precision(fitted.study.keys.runtime.precision, device.type, True))
    inputs, present = fitted.batch(measured, np.asarray([row], dtype=np.int64), device)
    image = inputs[networks[0].image][0]
    keys = fitted.arm.training.patches
    is_flat = len(fitted.window) == 3 and fitted.window[2] == 1
    axes = mirrored_axes(keys.flips, n_axes=image.ndim - 1, is_flat=is_flat)
    image = with_neighbours(image, keys.neighbours)
    total = torch.zeros(len(fitted.task.columns(())), *image.shape[1:], device=device)
    mirrored = list(product((False, True), repeat=len(axes)))
    with (
        torch.inference_mode(),
        torch.autocast(device.type, torch.bfloat16, enabled="bf16" in precision),
    ):
        for network in networks:
            network.eval()
            context = network.context(inputs, present)
            for choice in mirrored:
                flipped = [axis for axis, is_on in zip(axes, choice, strict=True) if is_on]
                total += _slid(fitted, network, image, context, flipped)
    found = total / (len(networks) * len(mirrored))
    return found.float().cpu().numpy().astype(np.float32)


def mirrored_axes(names: Sequence[str], *, n_axes: int, is_flat: bool) -> list[int]:
    """Axes of (C, *space) that these names mean; of slices read alone none but theirs."""
    known = _AXES if n_axes == 3 else _PICTURE_AXES
    return [known[n] for n in dict.fromkeys(names) if n in known and not (is_flat and n == "z")]


def with_neighbours(image: torch.Tensor, n: int) -> torch.Tensor:
    """(C, X, Y, Z) to ((2n + 1) C, X, Y, Z): the slices from n below to n above are channels.

    Beyond the first and the last slice these are repeated.
    """
    if not n:
        return image
    length = image.shape[3]
    places = torch.arange(length, device=image.device)
    return torch.cat(
        [image[..., (places + step).clamp(0, length - 1)] for step in range(-n, n + 1)]
    )


def _slid(
    fitted: FittedArm, network: SegmentationNetwork, image: torch.Tensor, context: Context,
    flipped: list[int],
) -> torch.Tensor:  # fmt: skip
    """(L, *space) probabilities of one network, asked about a mirrored image."""
    window = fitted.window
    is_flat = len(window) == 3 and window[2] == 1
    sign = torch.ones(len(window), device=image.device)
    sign[[axis - 1 for axis in flipped]] = -1

    def predict(windows: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        if is_flat:
            windows = windows[..., 0]
        order = torch.channels_last if windows.ndim == 4 else torch.channels_last_3d
        windows = windows.contiguous(memory_format=order)
        # a place in the mirrored image is the opposite one of the image itself
        places = places * sign[:, None]
        found = fitted.task.predict(network.segment(windows, context, places).logits[0])
        return found.unsqueeze(-1) if is_flat else found

    mirrored = image.flip(flipped) if flipped else image
    at_once = max(1, _VOXELS_AT_ONCE // math.prod(window))
    found = slide(
        mirrored, window, predict, n_outputs=len(fitted.task.columns(())),
        overlap=fitted.arm.training.patches.overlap, batch_size=at_once,
    )  # fmt: skip
    return found.flip(flipped) if flipped else found


def uncertainty_map(probabilities: NDArray[Any]) -> NDArray[np.float32]:
    """(L, *space) entropy of each voxel and label, in bits: 0 sure, 1 undecided."""
    p = np.clip(np.asarray(probabilities, dtype=np.float32), 1e-6, 1 - 1e-6)
    return -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
