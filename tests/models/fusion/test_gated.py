"""Gated fusion against a hand calculation."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tumorboard import registry
from tumorboard.errors import StudyError
from tumorboard.models.fusion.gated import Gated

EMBEDDINGS = [torch.tensor([[1.0, -2.0], [0.5, 0.5]]), torch.tensor([[3.0], [9.0]])]
PRESENT = torch.tensor([[True, True], [True, False]])


def make_gated(**settings: Any) -> Gated:
    torch.manual_seed(0)
    return Gated(("ct", "rna"), (2, 1), size=3, dropout=0.0, **settings)


def test_vector_is_the_weighted_sum_of_projections() -> None:
    gated: Any = make_gated()
    fused = gated(EMBEDDINGS, PRESENT)
    ct, rna = (
        torch.tanh(e @ layer.weight.T + layer.bias)
        for e, layer in zip(EMBEDDINGS, gated.projections, strict=True)
    )
    scores = gated.gate(torch.cat([ct[0], rna[0], torch.ones(2)]))
    first, second = scores.exp() / scores.exp().sum()
    torch.testing.assert_close(fused.weights[0], torch.stack([first, second]))
    torch.testing.assert_close(fused.vector[0], first * ct[0] + second * rna[0])
    assert fused.weights[1].tolist() == [1.0, 0.0]
    torch.testing.assert_close(fused.vector[1], ct[1])


def test_learned_weights_differ_between_patients() -> None:
    present = torch.ones(2, 2, dtype=torch.bool)
    weights = make_gated()(EMBEDDINGS, present).weights
    assert weights is not None
    assert not torch.equal(weights[0], weights[1])


def test_a_modality_that_nobody_has_learns_nothing() -> None:
    torch.manual_seed(0)
    gated: Any = Gated(("ct", "rna", "labs"), (2, 1, 1), size=3)
    present = torch.tensor([[True, True, False], [True, False, False]])
    gated([*EMBEDDINGS, torch.ones(2, 1)], present).vector.square().sum().backward()
    ct, rna, labs = (float(layer.bias.grad.abs().sum()) for layer in gated.projections)
    assert ct > 0
    assert rna > 0
    assert labs == 0


def test_equal_and_fixed_weights() -> None:
    equal = make_gated(weights="equal")(EMBEDDINGS, PRESENT).weights
    fixed = make_gated(weights="fixed", fixed={"rna": 3.0, "ct": 1.0})(EMBEDDINGS, PRESENT).weights
    assert equal is not None
    assert fixed is not None
    assert equal.tolist() == [[0.5, 0.5], [1.0, 0.0]]
    assert fixed.tolist() == [[0.25, 0.75], [1.0, 0.0]]


def test_fixed_weights_come_from_the_study_file() -> None:
    table = {"weights": "fixed", "fixed": {"ct": 1, "rna": 2.5}}
    settings = registry.resolve(Gated, table, where="fusion")
    assert settings["fixed"] == {"ct": 1.0, "rna": 2.5}
    with pytest.raises(StudyError, match=r"fusion\.fixed\.ct: found 0, expected a number above 0"):
        registry.resolve(Gated, {"fixed": {"ct": 0}}, where="fusion")
    with pytest.raises(StudyError, match="no weight for 'rna'"):
        make_gated(weights="fixed", fixed={"ct": 1.0})
