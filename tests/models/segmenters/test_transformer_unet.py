"""TransformerUnet: positions, reach, and widths that cannot be."""

from __future__ import annotations

import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.models.segmenters.transformer_unet import TransformerUnet, position_code
from tumorboard.records import ArraySpec


def test_positions_are_sines_of_each_axis_by_hand() -> None:
    code = position_code((3, 5), 8)
    assert code.shape == (8, 3, 5)
    row, column = 2, 4
    angles = torch.tensor([row, row / 100, row, row / 100], dtype=torch.float32)
    expected = torch.cat([angles[:2].sin(), angles[2:].cos()])
    torch.testing.assert_close(code[:4, row, column], expected)
    angles = torch.tensor([column, column / 100], dtype=torch.float32)
    torch.testing.assert_close(code[4:, row, column], torch.cat([angles.sin(), angles.cos()]))
    assert len(position_code((4, 4, 4), 12).flatten(1).T.unique(dim=0)) == 64


def test_every_place_of_the_coarsest_map_sees_every_other() -> None:
    torch.manual_seed(0)
    spec = ArraySpec("image", (1, 64, 64))
    network = TransformerUnet(spec, 1, 2, widths=(4, 8), n_layers=1, heads=2, norm="batch").eval()
    image = torch.rand(1, 1, 64, 64, requires_grad=True)
    network.encode(image)[-1][0, :, 0, 0].sum().backward()
    assert image.grad is not None
    assert bool((image.grad[0, 0].abs() > 0).float().mean() > 0.99)


def test_a_width_without_room_for_heads_and_sines_is_refused() -> None:
    spec = ArraySpec("volume", (1, 16, 16, 16))
    with pytest.raises(
        StudyError,
        match=r"transformer_unet: found a coarsest width of 16, expected a multiple of heads \(4\) "
        r"and of 6: each axis",
    ):
        TransformerUnet(spec, 1, 3, widths=(4, 16), heads=4)
