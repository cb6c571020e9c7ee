"""Residual U-Net: blocks that pass their input on."""

from __future__ import annotations

import torch

from tumorboard.models.segmenters.residual_unet import ResidualUnet
from tumorboard.records import ArraySpec


def test_a_block_without_weights_passes_its_input_on() -> None:
    network = ResidualUnet(ArraySpec("image", (4, 8, 8)), 1, 2, widths=(4, 8), norm="batch").eval()
    for name, parameter in network.named_parameters():
        if "levels.0" in name and ".conv." in name and parameter.ndim == 4:
            torch.nn.init.zeros_(parameter)
    x = torch.rand(2, 4, 8, 8)
    finest = network.encode(x)[0]
    # what is left of the block is the input itself: positive, so the activation leaves it
    torch.testing.assert_close(finest, x)


def test_levels_are_halved_by_strides() -> None:
    network = ResidualUnet(ArraySpec("image", (1, 16, 16)), 2, 2, widths=(4, 8)).eval()
    maps = network.encode(torch.rand(1, 1, 16, 16))
    assert [tuple(m.shape[2:]) for m in maps] == [(16, 16), (8, 8)]
    assert not any(isinstance(module, torch.nn.MaxPool2d) for module in network.modules())
