"""U-shaped segmenters: parameters counted by hand, first weights, and that they learn."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tumorboard.models.segmentation_losses import mask_loss
from tumorboard.models.segmenters.residual_unet import ResidualUnet
from tumorboard.models.segmenters.unet import Unet
from tumorboard.models.small_volumes import SteadyConv3d
from tumorboard.models.u_shape import Layers
from tumorboard.records import ArraySpec

GREY = ArraySpec("image", (1, 32, 32))


def n_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameters_counted_by_hand() -> None:
    fine = 9 * 1 * 2 + 9 * 2 * 2 + 2 * (2 * 2)  # two convolutions, two norms of scale and shift
    coarse = 9 * 2 * 4 + 9 * 4 * 4 + 2 * (2 * 4)
    up = 4 * 4 * 2 + 9 * 4 * 2 + 9 * 2 * 2 + 2 * (2 * 2)  # doubled, joined, two convolutions
    head = 2 * 3 + 3
    assert n_parameters(Unet(GREY, 3, 2, widths=(2, 4))) == fine + coarse + up + head
    shortcuts = (1 * 2 + 2 * 2) + (2 * 4 + 2 * 4)  # a convolution of size 1 and its norm
    residual = ResidualUnet(GREY, 3, 2, widths=(2, 4))
    assert n_parameters(residual) == fine + coarse + up + head + shortcuts
    solid = Unet(ArraySpec("volume", (1, 8, 8, 8)), 3, 3, widths=(2, 4))
    norms_and_head = 8 + 16 + 8 + head
    assert n_parameters(solid) == 3 * (18 + 36 + 72 + 144 + 72 + 36) + 2 * 32 + norms_and_head


def test_first_weights_are_he_s() -> None:
    torch.manual_seed(0)
    network = Unet(GREY, 1, 2, widths=(64, 128))
    wide = max(network.parameters(), key=torch.Tensor.numel)
    expected = math.sqrt(2 / (1 + 0.01**2) / (9 * 128))
    assert float(wide.detach().std()) == pytest.approx(expected, rel=0.02)


def test_convolutions_of_volumes_are_steady() -> None:
    network = Unet(ArraySpec("volume", (1, 8, 8, 8)), 1, 3, widths=(2, 4))
    kinds = {type(each) for each in network.modules() if isinstance(each, nn.Conv3d)}
    assert kinds == {SteadyConv3d}


@pytest.mark.parametrize(("n_maps", "groups"), [(24, 8), (12, 4), (6, 2), (5, 1)])
def test_groups_divide_the_maps(n_maps: int, groups: int) -> None:
    layers = Layers(2, "group", "relu", 0.0)
    assert layers.norm_name(n_maps) == ("group", {"num_groups": groups})


def test_a_small_unet_learns_four_discs() -> None:
    torch.manual_seed(0)
    line = torch.arange(32)
    centres = torch.tensor([[8, 9], [20, 12], [15, 22], [23, 23]])
    reach = torch.tensor([5, 7, 6, 5])
    square = (line[None, :, None] - centres[:, 0, None, None]) ** 2
    square = square + (line[None, None, :] - centres[:, 1, None, None]) ** 2
    labels = (square <= reach[:, None, None] ** 2).long()
    images = 0.5 * labels.unsqueeze(1) + 0.2 * torch.randn(4, 1, 32, 32)
    network = Unet(GREY, 1, 2, widths=(8, 16, 32)).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(50):
        optimizer.zero_grad()
        mask_loss(network(images), labels, exclusive=False).mean().backward()
        optimizer.step()
    with torch.inference_mode():
        found = network.eval()(images)[0][:, 0] > 0
    dice = 2 * (found & (labels > 0)).sum((1, 2)) / (found.sum((1, 2)) + labels.sum((1, 2)))
    assert float(dice.min()) > 0.9


def test_the_norm_of_one_patch_in_bfloat16_is_that_of_torch() -> None:
    torch.manual_seed(0)
    network = Unet(ArraySpec("volume", (1, 8, 8, 8)), 1, 3, widths=(4, 8)).eval()
    norms = [each for each in network.modules() if isinstance(each, nn.InstanceNorm3d)]
    assert len(norms) == 6
    nn.init.normal_(norms[0].weight)
    nn.init.normal_(norms[0].bias)
    x = torch.randn(1, 4, 12, 10, 8).bfloat16().to(memory_format=torch.channels_last_3d)
    with torch.inference_mode():
        found = norms[0](x)
        expected = nn.InstanceNorm3d.forward(norms[0], x.float())
    assert found.is_contiguous(memory_format=torch.channels_last_3d)
    torch.testing.assert_close(found.float(), expected, atol=0.02, rtol=0.01)
