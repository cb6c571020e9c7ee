"""Cross-modal attention: who hears whom."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.models.fusion.cross_attention import CrossAttention

NAMES, SIZES = ("ct", "rna", "record"), (3, 5, 2)


def make_fusion(**settings: Any) -> CrossAttention:
    torch.manual_seed(0)
    return CrossAttention(NAMES, SIZES, **{"size": 8, "heads": 2, **settings}).eval()


def make_embeddings(n: int) -> list[torch.Tensor]:
    torch.manual_seed(1)
    return [torch.randn(n, size) for size in SIZES]


def test_nobody_hears_itself_or_an_absent_modality() -> None:
    fusion = make_fusion()
    present = torch.tensor([[True, True, True], [True, False, True], [False, True, False]])
    _, attention = fusion._listen(torch.randn(3, 3, 8), present)
    assert bool((attention.diagonal(dim1=1, dim2=2) == 0).all())
    assert bool((attention.masked_select(~present.unsqueeze(1).expand(-1, 3, -1)) == 0).all())
    torch.testing.assert_close(attention[0].sum(dim=1), torch.ones(3))
    # One modality alone hears nobody; the mask tokens beside it hear it.
    torch.testing.assert_close(attention[2].sum(dim=1), torch.tensor([1.0, 0.0, 1.0]))


def test_a_modality_is_moved_by_the_others() -> None:
    fusion = make_fusion()
    one = make_embeddings(1)
    other = [one[0], one[1] + 1, one[2]]
    present = torch.ones(1, 3, dtype=torch.bool)
    first, second = (fusion(e, present).vector.unflatten(1, (3, 8)) for e in (one, other))
    assert bool(((first - second).abs().amax(dim=2) > 1e-6).all())
    # Where rna is absent, its numbers reach nobody.
    present[0, 1] = False
    assert torch.equal(fusion(one, present).vector, fusion(other, present).vector)


def test_equal_scores_are_the_mean_of_the_others() -> None:
    fusion = make_fusion(heads=1)
    torch.nn.init.zeros_(fusion.queries.weight)
    torch.nn.init.zeros_(fusion.queries.bias)
    tokens = torch.randn(1, 3, 8)
    heard, attention = fusion._listen(tokens, torch.ones(1, 3, dtype=torch.bool))
    torch.testing.assert_close(attention[0], 0.5 * (1 - torch.eye(3)))
    expected = fusion.heard(fusion.values(tokens[:, 1:].mean(dim=1)))
    torch.testing.assert_close(heard[:, 0], expected)


def test_size_that_heads_do_not_divide_is_refused() -> None:
    with pytest.raises(StudyError, match=r"cross_attention\.size: found 8 with 3 heads"):
        make_fusion(heads=3)
