"""3D DenseNet: its size, its maps, volumes that are too small."""

from __future__ import annotations

import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.models.encoders.densenet3d import Densenet3d
from tumorboard.records import ArraySpec


def test_sizes() -> None:
    with torch.device("meta"):
        large = Densenet3d(ArraySpec("volume", (1, 64, 64, 64)))
        small = Densenet3d(ArraySpec("volume", (1, 64, 64, 64)), kind="small")
    # DenseNet-121 in 3D: 11,243,649 with a classifier of one output, which has 1,025.
    assert sum(p.numel() for p in large.parameters()) == 11_243_649 - 1_025
    assert sum(p.numel() for p in small.parameters()) == 1_127_204
    assert large.output_size == 1024


def test_maps_of_the_last_block_and_of_one_that_tells_where() -> None:
    encoder = Densenet3d(ArraySpec("volume", (2, 64, 32, 32)), kind="small").eval()
    assert encoder.map_layer() is encoder.features.get_submodule("denseblock2")
    maps: list[torch.Tensor] = []
    encoder.features.get_submodule("norm5").register_forward_hook(
        lambda *given: maps.append(given[2])
    )
    with torch.inference_mode():
        embedding = encoder(torch.rand(1, 2, 64, 32, 32))
    assert maps[0].shape == (1, encoder.output_size, 2, 1, 1)
    torch.testing.assert_close(embedding, maps[0].relu().mean(dim=(2, 3, 4)))


def test_small_volumes_are_refused() -> None:
    with pytest.raises(StudyError, match="densenet3d: volumes of 32 x 32 x 31 voxels vanish"):
        Densenet3d(ArraySpec("volume", (1, 32, 32, 31)))
