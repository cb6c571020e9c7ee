"""Weights of the study: what they multiply, how they are renormalised, which are refused."""

from __future__ import annotations

import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.models.fusion.mod_weighted import ModWeighted
from tumorboard.models.fusion.simple import Simple

NAMES, SIZES = ("ct", "rna", "record"), (3, 5, 2)


def make_embeddings(n: int) -> list[torch.Tensor]:
    torch.manual_seed(1)
    return [torch.randn(n, size) for size in SIZES]


def test_weights_multiply_the_embeddings_and_sum_to_one_over_those_present() -> None:
    torch.manual_seed(0)
    weights = {"ct": 0.4, "rna": 0.3, "record": 0.3}
    fusion = ModWeighted(NAMES, SIZES, weights=weights, size=4).eval()
    present = torch.tensor([[True, True, True], [True, False, True]])
    fused = fusion(make_embeddings(2), present)
    assert fused.weights is not None
    torch.testing.assert_close(fused.weights[0], torch.tensor([0.4, 0.3, 0.3]))
    torch.testing.assert_close(fused.weights[1], torch.tensor([4 / 7, 0, 3 / 7]))
    # Normalised embeddings of 4 units have the norm 2.
    norms = fused.vector.unflatten(1, (3, 4)).norm(dim=2)
    torch.testing.assert_close(norms[0], torch.tensor([2.4, 1.8, 1.8]), atol=1e-3, rtol=0)


def test_without_weights_it_is_simple() -> None:
    torch.manual_seed(0)
    one = ModWeighted(NAMES, SIZES).eval()
    other = Simple(NAMES, SIZES).eval()
    other.load_state_dict(one.state_dict(), strict=True)
    present = torch.tensor([[True, True, True], [False, False, True]])
    embeddings = make_embeddings(2)
    assert torch.equal(one(embeddings, present).vector, other(embeddings, present).vector)


def test_wrong_weights_are_refused_by_name() -> None:
    with pytest.raises(StudyError, match=r"fusion\.weights\.rma: not a modality of this arm") as e:
        ModWeighted(NAMES, SIZES, weights={"ct": 1.0, "rma": 0.5, "record": 1.0})
    assert "fusion.weights: no weight for 'rna'" in str(e.value)
