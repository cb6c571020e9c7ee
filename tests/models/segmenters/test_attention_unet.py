"""AttentionUnet: what a gate lets through."""

from __future__ import annotations

import torch
from torch import nn

from tumorboard.models.segmenters.attention_unet import AttentionUnet
from tumorboard.records import ArraySpec


def test_a_gate_is_one_weight_per_place_decided_by_the_coarser_level() -> None:
    torch.manual_seed(0)
    network = AttentionUnet(ArraySpec("image", (1, 16, 16)), 1, 2, widths=(4, 8))
    fine, coarse = torch.rand(2, 4, 16, 16), torch.rand(2, 8, 8, 8)
    shares = network.skip(0, fine, coarse) / fine
    torch.testing.assert_close(shares, shares[:, :1].expand_as(shares))
    assert bool(((shares > 0) & (shares < 1)).all())
    assert not torch.allclose(network.skip(0, fine, 2 * coarse) / fine, shares)
    gate = network.gates[0]
    assert isinstance(gate, nn.Module)
    nn.init.zeros_(gate.get_parameter("join.weight"))
    nn.init.constant_(gate.get_parameter("join.bias"), 40.0)
    torch.testing.assert_close(network.skip(0, fine, coarse), fine)
