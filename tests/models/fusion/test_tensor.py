"""Tensor fusion: the outer product by hand, what an absent modality leaves, its size."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.models.fusion.tensor import Tensor


def make_fusion(**settings: Any) -> Tensor:
    torch.manual_seed(0)
    made: dict[str, Any] = {"units": 2, "size": 4, **settings}
    return Tensor(("ct", "rna"), (3, 5), **made).eval()


def products(fusion: Tensor, embeddings: list[torch.Tensor], present: torch.Tensor) -> torch.Tensor:
    fusion.dense = torch.nn.Sequential()
    return fusion(embeddings, present).vector.unflatten(1, (3, 3))


@pytest.mark.parametrize("gated", [False, True])
def test_outer_product_of_units_with_a_one_appended(gated: bool) -> None:
    fusion = make_fusion(gated=gated)
    embeddings = [torch.randn(1, 3), torch.randn(1, 5)]
    made = products(fusion, embeddings, torch.ones(1, 2, dtype=torch.bool))
    units = [layer(e).tanh() for layer, e in zip(fusion.reduce, embeddings, strict=True)]
    if gated:
        assert fusion.gates is not None
        seen = torch.cat([*embeddings, torch.ones(1, 2)], dim=1)
        units = [u * gate(seen).sigmoid() for u, gate in zip(units, fusion.gates, strict=True)]
    one, other = (torch.cat([u[0], torch.ones(1)]) for u in units)
    torch.testing.assert_close(made[0], torch.outer(one, other))


def test_of_an_absent_modality_only_its_one_is_left() -> None:
    fusion = make_fusion()
    embeddings = [torch.randn(1, 3), torch.randn(1, 5)]
    made = products(fusion, embeddings, torch.tensor([[True, False]]))
    assert bool((made[0, :, :2] == 0).all())
    assert made[0, 2, 2] == 1
    assert bool((made[0, :2, 2] != 0).all())


def test_too_many_products_are_refused_with_the_size_that_fits() -> None:
    names = ("ct", "rna", "record", "pet")
    with pytest.raises(StudyError, match=r"make 1,185,921 products.* at most 20 units"):
        Tensor(names, (4, 4, 4, 4), units=32)
    assert Tensor(names, (4, 4, 4, 4), units=20, size=2).output_size == 2
