"""Simple: joined embeddings of one size and one loudness, mask tokens, nothing else."""

from __future__ import annotations

import torch
from torch.nn import functional as F  # noqa: N812 torch's own name for it

from tumorboard.models.fusion.simple import Simple


def make_fusion() -> Simple:
    torch.manual_seed(0)
    return Simple(("ct", "rna"), (3, 5), size=4).eval()


def test_each_place_is_the_normalised_projection_or_the_mask_token() -> None:
    fusion = make_fusion()
    ct, rna = torch.randn(3, 3), torch.randn(3, 5)
    present = torch.tensor([[True, True], [True, False], [False, True]])
    vector = fusion([ct, rna], present).vector
    assert vector.shape == (3, 8)
    projected = [layer(e) for layer, e in zip(fusion.tokens.projections, (ct, rna), strict=True)]
    first, second = (F.layer_norm(p, (4,)) for p in projected)
    torch.testing.assert_close(vector[0], torch.cat([first[0], second[0]]))
    # Alone, a modality carries the weight of both.
    torch.testing.assert_close(vector[1], torch.cat([2 * first[1], fusion.tokens.masks.tokens[1]]))
    torch.testing.assert_close(vector[2], torch.cat([fusion.tokens.masks.tokens[0], 2 * second[2]]))


def test_a_louder_embedding_does_not_count_more() -> None:
    fusion = make_fusion()
    for layer in fusion.tokens.projections:
        torch.nn.init.zeros_(layer.get_parameter("bias"))
    ct, rna, present = torch.randn(2, 3), torch.randn(2, 5), torch.ones(2, 2, dtype=torch.bool)
    one, louder = (fusion([ct, factor * rna], present).vector for factor in (10.0, 1000.0))
    torch.testing.assert_close(one, louder, atol=1e-3, rtol=1e-3)
