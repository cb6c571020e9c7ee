"""DynamicUnet: widths from depth, and who is supervised."""

from __future__ import annotations

import pytest
import torch

from tumorboard.models.segmenters.dynamic_unet import DynamicUnet
from tumorboard.records import ArraySpec

SPEC = ArraySpec("image", (1, 32, 32))


def test_widths_double_up_to_the_widest() -> None:
    network = DynamicUnet(SPEC, 1, 2, width=4, depth=5, widest=20)
    assert network.map_sizes == (4, 8, 16, 20, 20)
    assert network.divisor == 16


@pytest.mark.parametrize(("depth", "n_masks"), [(2, 1), (3, 1), (4, 2), (6, 4)])
def test_all_levels_up_but_the_coarsest_are_supervised_while_training(
    depth: int, n_masks: int
) -> None:
    network = DynamicUnet(SPEC, 2, 2, width=2, depth=depth)
    x = torch.rand(2, 1, 64, 64)
    assert [len(each[0, 0]) for each in network.train()(x)] == [64, 32, 16, 8][:n_masks]
    assert len(network.eval()(x)) == 1
    alone = DynamicUnet(SPEC, 2, 2, width=2, depth=depth, deep_supervision=False)
    assert len(alone.train()(x)) == 1
