"""U-Net: its layers counted by hand, and what each half gives."""

from __future__ import annotations

import torch

from tumorboard.models.segmenters.unet import Unet
from tumorboard.records import ArraySpec


def test_parameters_are_those_of_the_paper_s_layers() -> None:
    network = Unet(ArraySpec("image", (1, 16, 16)), 1, 2, widths=(4, 8))
    down = (9 * (1 * 4 + 4 * 4) + 2 * (4 + 4)) + (9 * (4 * 8 + 8 * 8) + 2 * (8 + 8))
    up = 4 * 8 * 4 + 9 * (8 * 4 + 4 * 4) + 2 * (4 + 4)  # transposed 2x2, then two 3x3 on 4 + 4 maps
    head = 4 * 1 + 1
    assert sum(p.numel() for p in network.parameters()) == down + up + head


def test_maps_halve_and_the_logits_have_the_size_of_the_image() -> None:
    network = Unet(ArraySpec("volume", (2, 0, 0, 0)), 3, 3, widths=(4, 8, 8)).eval()
    x = torch.rand(1, 2, 8, 12, 16)
    maps = network.encode(x)
    assert [tuple(m.shape[1:]) for m in maps] == [(4, 8, 12, 16), (8, 4, 6, 8), (8, 2, 3, 4)]
    assert network.map_sizes == (4, 8, 8)
    assert network.divisor == 4
    (logits,) = network.decode(maps)
    assert logits.shape == (1, 3, 8, 12, 16)
    torch.testing.assert_close(logits, network(x)[0])
