"""FiLM: the formula by hand, for vectors and for maps."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812 torch's own name for it

from tumorboard.models.encoders import Tokens
from tumorboard.models.fusion.film import Film
from tumorboard.models.guides import Context, MapShape

NAMES, SIZES = ("ct", "rna", "record"), (3, 5, 2)


def make_film(n_modalities: int = 3) -> Film:
    torch.manual_seed(0)
    return Film(NAMES[:n_modalities], SIZES[:n_modalities], size=4).eval()


def test_the_first_is_scaled_and_shifted_by_the_others() -> None:
    fusion = make_film()
    embeddings = [torch.randn(2, size) for size in SIZES]
    present = torch.tensor([[True, True, True], [True, False, True]])
    first, rna, record = (
        layer(embedding) for layer, embedding in zip(fusion.projections, embeddings, strict=True)
    )
    rna = torch.stack([rna[0], fusion.absent.tokens[1]])
    scale, shift = fusion.modulation(torch.cat([rna, record], dim=1).tanh()).chunk(2, dim=1)
    expected = F.gelu(first * (1 + scale) + shift)
    torch.testing.assert_close(fusion(embeddings, present).vector, expected)


def test_alone_it_is_a_dense_layer() -> None:
    fusion = make_film(1)
    embedding = torch.randn(2, 3)
    found = fusion([embedding], torch.ones(2, 1, dtype=torch.bool)).vector
    torch.testing.assert_close(found, F.gelu(fusion.projections[0](embedding)))


def test_maps_without_places_get_one_scale_and_shift_per_channel() -> None:
    torch.manual_seed(1)
    shape = MapShape((4, 6), 2, 2, 1)
    settings: dict[str, Any] = {"size": 8, "dropout": 0.0, "maps": 1, "places": False}
    guide = Film.guide(("notes",), (5,), shape, **settings)
    for parameter in guide.parameters():
        torch.nn.init.normal_(parameter)
    vector = torch.randn(2, 5)
    tokens = Tokens(vector.unsqueeze(1), torch.ones(2, 1, dtype=torch.bool))
    places = torch.tensor([-1.0, 1.0]).expand(2, 2, 2)
    context = Context((vector,), (tokens,), torch.ones(2, 1, dtype=torch.bool), places)
    maps = [torch.randn(2, 4, 6, 6), torch.randn(2, 6, 3, 3)]
    fine, coarse = guide.maps(maps, context)
    assert torch.equal(fine, maps[0])
    zeros, ones = torch.zeros(2, 6, 3, 3), torch.ones(2, 6, 3, 3)
    shift = guide.maps([maps[0], zeros], context)[1]
    scale = guide.maps([maps[0], ones], context)[1] - shift
    assert bool((shift.std(dim=(2, 3)) < 1e-6).all())
    torch.testing.assert_close(coarse, maps[1] * scale + shift, atol=1e-4, rtol=1e-4)
