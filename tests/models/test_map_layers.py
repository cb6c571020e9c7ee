"""The stage that maps are taken from."""

from __future__ import annotations

import pytest
from torch import nn

from tumorboard.models.map_layers import last_with_places


@pytest.mark.parametrize(
    ("sizes", "stage"),
    # steps of 4, 8, 16 and 32 voxels: 96 leaves 3 places of the last, 64 only 2
    [((96, 96, 96), 3), ((64, 64, 64), 2), ((96, 96, 24), 1), ((24, 24, 24), 1), ((8, 8, 8), 0)],
)
def test_three_places_or_more(sizes: tuple[int, ...], stage: int) -> None:
    stages = [nn.Identity() for _ in range(4)]
    assert last_with_places(stages, sizes, first_step=4) is stages[stage]
