"""Dynamic attention: gates that differ between patients, and places that ask words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.models.encoders import Tokens
from tumorboard.models.fusion.dynamic_attention import DynamicAttention
from tumorboard.models.guides import Context, Guide, MapShape

NAMES, SIZES = ("ct", "rna", "record"), (3, 5, 2)


def make_context(n: int = 2) -> Context:
    generator = torch.Generator().manual_seed(3)
    values = torch.randn(n, 4, 5, generator=generator)
    mask = torch.tensor([[True, True, True, False]]).expand(n, 4)
    places = torch.tensor([-1.0, 1.0]).expand(n, 2, 2)
    present = torch.ones(n, 1, dtype=torch.bool)
    return Context((values.mean(dim=1),), (Tokens(values, mask),), present, places)


def make_guide() -> Guide:
    torch.manual_seed(1)
    settings: dict[str, Any] = {"size": 8, "heads": 2, "dropout": 0.0, "maps": 1}
    guide = DynamicAttention.guide(("notes",), (5,), MapShape((4, 6), 2, 2, 1), **settings)
    for parameter in guide.parameters():
        torch.nn.init.normal_(parameter)
    return guide.eval()


def test_gates_differ_between_patients_and_see_who_is_there() -> None:
    torch.manual_seed(0)
    fusion = DynamicAttention(NAMES, SIZES, size=8, heads=2).eval()
    embeddings = [torch.randn(3, size) for size in SIZES]
    present = torch.tensor([[True, True, True], [True, True, True], [True, False, True]])
    weights = fusion(embeddings, present).weights
    assert weights is not None
    assert not torch.allclose(weights[0], weights[1])
    assert weights[2, 1].tolist() == 0


def test_alone_it_hears_itself_with_the_whole_weight() -> None:
    torch.manual_seed(0)
    fusion = DynamicAttention(NAMES, SIZES, size=8, heads=2).eval()
    embeddings = [torch.randn(1, size) for size in SIZES]
    fused = fusion(embeddings, torch.tensor([[False, True, False]]))
    own = fusion.norm(fusion.projections[1](embeddings[1]))
    attention = fusion.attention
    heard = attention.out_proj(own @ attention.in_proj_weight[16:].T + attention.in_proj_bias[16:])
    torch.testing.assert_close(fused.vector, own + heard)


def test_places_hear_words_and_no_padding() -> None:
    guide, context = make_guide(), make_context()
    maps = [torch.randn(2, 4, 6, 6), torch.randn(2, 6, 3, 3)]
    before = guide.maps(maps, context)[1]
    (tokens,) = context.tokens
    padding = tokens.values.clone()
    padding[:, 3] = 50.0
    same = guide.maps(maps, replace(context, tokens=(Tokens(padding, tokens.mask),)))[1]
    assert torch.equal(before, same)
    word = tokens.values.clone()
    word[:, 1] += 1
    other = guide.maps(maps, replace(context, tokens=(Tokens(word, tokens.mask),)))[1]
    assert not torch.allclose(before, other)
    # The order of words is the encoder's matter.
    turned = Tokens(tokens.values.flip(1), tokens.mask.flip(1))
    torch.testing.assert_close(guide.maps(maps, replace(context, tokens=(turned,)))[1], before)


def test_what_is_heard_of_one_word_differs_from_place_to_place() -> None:
    guide, context = make_guide(), make_context()
    (tokens,) = context.tokens
    one = replace(context, tokens=(Tokens(tokens.values[:, :1], tokens.mask[:, :1]),))
    flat = [torch.zeros(2, 4, 6, 6), torch.zeros(2, 6, 3, 3)]
    heard = guide.maps(flat, one)[1]
    assert bool((heard.std(dim=(2, 3)) > 0.01).all())


def test_size_is_a_multiple_of_heads() -> None:
    with pytest.raises(StudyError, match=r"dynamic_attention\.size: found 10 with 4 heads"):
        DynamicAttention(NAMES, SIZES, size=10, heads=4)


@pytest.mark.parametrize(("dropout", "is_same"), [("auto", True), (0.0, True), (0.4, False)])
def test_places_drop_nothing_unless_asked(dropout: Any, is_same: bool) -> None:
    settings: dict[str, Any] = {"size": 8, "heads": 2, "dropout": dropout, "maps": 1}
    torch.manual_seed(1)
    guide = DynamicAttention.guide(("notes",), (5,), MapShape((4, 6), 2, 2, 1), **settings).train()
    for parameter in guide.parameters():
        torch.nn.init.normal_(parameter)
    maps, context = [torch.randn(2, 4, 6, 6), torch.randn(2, 6, 3, 3)], make_context()
    one, two = (guide.maps(maps, context)[1] for _ in range(2))
    assert torch.equal(one, two) is is_same


def test_dropout_of_vectors_is_a_fifth_unless_said() -> None:
    assert DynamicAttention(NAMES, SIZES).dropout.p == 0.2
    assert DynamicAttention(NAMES, SIZES, dropout=0.0).dropout.p == 0.0
