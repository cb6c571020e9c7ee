"""Steps that change a batch of images, done on a few images at a time.

On a CPU every step of a whole batch would send it through memory again; a few images stay within a
processor's cache from the first step to the last, which is several times faster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

#: What changes images (B, C, H, W), and the tensors (B, ...) that it draws on beside them.
Step = tuple[Callable[..., "torch.Tensor"], tuple["torch.Tensor", ...]]

#: Values that each thread works on at once: 16 patches of 64 x 64, or one image of 256 x 256.
_BLOCK_VALUES = 16 * 3 * 64 * 64


def apply_steps(images: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
    """Images (B, C, H, W) after all steps, in order; the images themselves stay as they are.

    A step changes each image by itself, so that it does not matter which are done together.
    """
    import torch

    if not steps:
        return images
    size = len(images)
    if images.device.type == "cpu":
        values = _BLOCK_VALUES * torch.get_num_threads()
        size = max(1, values // max(1, images[0].numel())) if size else 0
    result = torch.empty_like(images)
    # products of matrices would be rounded to bfloat16 where the network is
    with torch.autocast(images.device.type, enabled=False):
        for start in range(0, len(images), max(1, size)):
            rows = slice(start, start + size)
            block = images[rows]
            for change, drawn in steps:
                block = change(block, *(values[rows] for values in drawn))
            result[rows] = block
    return result
