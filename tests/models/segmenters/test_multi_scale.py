"""MultiScale: the image enters every level."""

from __future__ import annotations

import torch

from tumorboard.models.segmenters.multi_scale import MultiScale
from tumorboard.records import ArraySpec


def test_each_level_sees_the_image_itself() -> None:
    """With the finest level silenced, the coarser ones still tell images apart by their means."""
    torch.manual_seed(0)
    network = MultiScale(ArraySpec("image", (1, 16, 16)), 1, 2, widths=(2, 4, 8)).eval()
    for parameter in network.levels[0].parameters():
        torch.nn.init.zeros_(parameter)
    image = torch.rand(1, 1, 16, 16)
    same_means = image.clone()
    same_means[..., ::2, ::2] += 0.1
    same_means[..., 1::2, 1::2] -= 0.1
    with torch.inference_mode():
        first, other = network.encode(image), network.encode(same_means)
        changed = network.encode(image.flip(2))
    assert float(first[0].abs().max()) == 0
    for level in (1, 2):
        torch.testing.assert_close(first[level], other[level], atol=1e-4, rtol=1e-4)
        assert not torch.allclose(first[level], changed[level], atol=1e-2)
