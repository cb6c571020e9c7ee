"""Convolutions of small volumes: gradients in bfloat16 training, where float32 ends."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tumorboard.models.small_volumes import SteadyConv3d, steady


def gradient(conv: nn.Conv3d, x: torch.Tensor) -> torch.Tensor:
    conv.zero_grad()
    conv(x).float().square().sum().backward()
    assert conv.weight.grad is not None
    return conv.weight.grad.clone()


@pytest.mark.parametrize("sides", [(1, 1, 1), (2, 2, 2), (2, 5, 4), (3, 2, 3)])
@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_under_autocast_are_those_of_float32(
    sides: tuple[int, int, int], stride: int
) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(32, 32, 3, stride=stride, padding=1))
    weight = network[0].get_parameter("weight")
    steady(network)
    conv = network[0]
    assert isinstance(conv, SteadyConv3d)
    assert conv.weight is weight
    x = torch.randn(2, 32, *sides)
    expected = gradient(conv, x)
    with torch.autocast("cpu", torch.bfloat16):
        found = gradient(conv, x)
    torch.testing.assert_close(found, expected)


def test_larger_volumes_and_small_kernels_stay_in_bfloat16() -> None:
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        for kernel, side, dtype in ((3, 3, torch.bfloat16), (3, 2, torch.float32)):
            made = SteadyConv3d(4, 4, kernel, padding=1)(torch.randn(1, 4, side, side, side))
            assert made.dtype == dtype
        assert SteadyConv3d(4, 4, 1)(torch.randn(1, 4, 1, 1, 1)).dtype == torch.bfloat16


def test_everything_else_is_left_as_it_was() -> None:
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Conv3d(2, 4, 3, dilation=2, groups=2, bias=False), nn.BatchNorm3d(4))
    network = nn.Sequential(nn.Conv3d(1, 2, (1, 3, 5), stride=2, padding=1), inner)
    x = torch.randn(2, 1, 15, 15, 15)
    expected, state = network(x), torch.get_rng_state()
    names = list(network.state_dict())
    steady(network)
    assert torch.equal(torch.get_rng_state(), state)
    assert list(network.state_dict()) == names
    assert torch.equal(network(x), expected)
