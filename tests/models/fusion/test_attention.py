"""Attention against torch's own transformer layer, and independence of order."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.fusion.attention import Attention

NAMES, SIZES = ("ct", "record", "rna"), (4, 2, 3)


def make_embeddings() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    return [torch.randn(5, size, generator=generator) for size in SIZES]


PRESENT = torch.tensor(
    [[True, True, True], [True, False, True], [False, True, True], [True, False, False], [True] * 3]
)


def test_same_as_torchs_encoder_layer() -> None:
    torch.manual_seed(1)
    fusion: Any = Attention(NAMES, SIZES, size=8, heads=2).eval()
    layer = fusion.layers[0]
    reference = nn.TransformerEncoderLayer(
        8, 2, dim_feedforward=16, activation="gelu", batch_first=True, norm_first=True
    ).eval()
    reference.self_attn.load_state_dict(layer.attention.state_dict())
    reference.norm1.load_state_dict(layer.norm.state_dict())
    for own, part in [(0, "norm2"), (1, "linear1"), (4, "linear2")]:
        getattr(reference, part).load_state_dict(layer.dense[own].state_dict())
    embeddings = make_embeddings()
    tokens = torch.stack(
        [p(e) + k for p, e, k in zip(fusion.projections, embeddings, fusion.kinds, strict=True)], 1
    )
    expected = fusion.norm(reference(tokens, src_key_padding_mask=~PRESENT))
    vector = fusion(embeddings, PRESENT).vector
    for row, present in enumerate(PRESENT):
        torch.testing.assert_close(
            vector[row], expected[row][present].mean(dim=0), atol=1e-5, rtol=1e-5
        )


def test_the_order_of_modalities_does_not_matter() -> None:
    torch.manual_seed(1)
    fusion: Any = Attention(NAMES, SIZES, size=8, heads=2, layers=2).eval()
    turned: Any = Attention(NAMES[::-1], SIZES[::-1], size=8, heads=2, layers=2).eval()
    turned.layers.load_state_dict(fusion.layers.state_dict())
    turned.norm.load_state_dict(fusion.norm.state_dict())
    for own, other in zip(fusion.projections, reversed(turned.projections), strict=True):
        other.load_state_dict(own.state_dict())
    turned.kinds.data = fusion.kinds.data.flip(0)
    one = fusion(make_embeddings(), PRESENT)
    two = turned(make_embeddings()[::-1], PRESENT.flip(1))
    torch.testing.assert_close(one.vector, two.vector)
    torch.testing.assert_close(one.weights, two.weights.flip(1))


def test_size_is_a_multiple_of_heads() -> None:
    with pytest.raises(
        StudyError, match=r"attention\.size: found 10 with 4 heads, expected a mult"
    ):
        Attention(NAMES, SIZES, size=10, heads=4)
