"""Gene sets: a token is the sum of its own members, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.models.encoders.gene_sets import GeneSets
from tumorboard.records import ArraySpec

GROUPS = {"hypoxia": np.array([0, 2, 3]), "none": np.array([], int), "immune": np.array([3, 4])}
SPEC = ArraySpec("vector", (6,), groups=GROUPS)


def make_encoder(**settings: Any) -> GeneSets:
    torch.manual_seed(0)
    return GeneSets(SPEC, width=8, size=5, **settings).eval()


def test_sums_are_those_of_a_masked_dense_layer() -> None:
    encoder = make_encoder()
    assert encoder.names == ("hypoxia", "immune")
    dense = torch.zeros(6, 2, 8)
    dense[[0, 2, 3], 0] = encoder.weight[:3].detach()
    dense[[3, 4], 1] = encoder.weight[3:].detach()
    x = torch.randn(7, 6)
    expected = torch.einsum("bg,gsw->bsw", x, dense)
    torch.testing.assert_close(encoder._sums(x), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("pool", ["attention", "mean"])
def test_genes_in_no_set_are_not_seen_and_members_are(pool: str) -> None:
    encoder = make_encoder(pool=pool, layers=0)
    x = torch.randn(1, 6, requires_grad=True)
    encoder(x).square().sum().backward()
    assert x.grad is not None
    assert (x.grad[0] != 0).tolist() == [True, False, True, True, True, False]


def test_shares_of_sets_sum_to_one() -> None:
    embedding, shares = make_encoder().with_attention(torch.randn(3, 6))
    assert embedding.shape == (3, 5)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(3))


@pytest.mark.parametrize("groups", [{}, {"none": np.array([], int)}])
def test_no_sets_are_refused(groups: dict[str, Any]) -> None:
    with pytest.raises(StudyError, match="gene_sets: this modality gives no gene sets"):
        GeneSets(ArraySpec("vector", (6,), groups=groups))


def test_width_that_heads_do_not_divide_is_refused() -> None:
    with pytest.raises(StudyError, match=r"gene_sets\.width: found 30 with 4 heads"):
        GeneSets(SPEC, width=30)
