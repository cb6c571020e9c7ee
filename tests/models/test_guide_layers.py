"""Layers of guides: waves that tell places apart, coarse grids that lie where they should."""

from __future__ import annotations

import torch

from tumorboard.models.encoders import Tokens
from tumorboard.models.guide_layers import (
    PlaceMaps,
    coarse_space,
    enlarge,
    guided_maps,
    keep_alone,
    n_waves,
    waves,
)
from tumorboard.models.guides import Context, MapShape


def make_context(n_axes: int = 2) -> Context:
    vectors = torch.randn(2, 3)
    tokens = Tokens(vectors.unsqueeze(1), torch.ones(2, 1, dtype=torch.bool))
    places = torch.tensor([-1.0, 1.0]).expand(2, n_axes, 2)
    return Context((vectors,), (tokens,), torch.tensor([[True], [False]]), places)


def test_waves_by_hand() -> None:
    found = waves(torch.tensor([[[-1.0, 0.0, 0.5]]]))
    assert found.shape == (1, n_waves(1), 3)
    half = 0.5**0.5
    expected = [
        [-1, 0, 0.5], [-1, 0, half], [0, 1, half], [0, 0, 1], [-1, 1, 0], [0, 0, 0], [1, 1, -1],
    ]  # fmt: skip
    torch.testing.assert_close(found[0], torch.tensor(expected), atol=1e-6, rtol=0)


def test_a_coarse_grid_enlarged_lies_where_the_fine_one_does() -> None:
    """Linear maps survive it, but for the border, where the outermost values are repeated."""
    context = make_context()
    fine = context.coordinates((64, 12))
    coarse = context.coordinates(coarse_space((64, 12)))
    assert coarse.shape == (2, 2, 16, 12)
    found = enlarge(coarse, (64, 12))
    torch.testing.assert_close(found[:, :, 2:-2], fine[:, :, 2:-2])


def test_maps_of_a_volume() -> None:
    maps = PlaceMaps(3, 3, 5, starts_at_zero=False)
    context = make_context(3)
    found = maps.over(context.vectors[0], context, (20, 6, 4))
    assert found.shape == (2, 5, 20, 6, 4)
    assert not torch.allclose(found[0], found[1])
    assert bool((PlaceMaps(3, 3, 5).over(context.vectors[0], context, (4, 4, 4)) == 0).all())


def test_the_coarsest_maps() -> None:
    shape = MapShape((4, 8, 16), 2, 2, 1)
    assert guided_maps(shape, 1) == (2,)
    assert guided_maps(shape, 2) == (1, 2)
    assert guided_maps(shape, 9) == (0, 1, 2)


def test_a_row_alone_is_kept() -> None:
    own = torch.zeros(2, 4, 3)
    kept = keep_alone(own + 1, own, make_context())
    assert kept[:, 0, 0].tolist() == [1.0, 0.0]
