"""Fixed weights: one softmax for every patient, over the modalities that the patient has."""

from __future__ import annotations

import torch
from torch.nn import functional as F  # noqa: N812 torch's own name for it

from tumorboard.models.fusion.static_weights import StaticWeights

NAMES, SIZES = ("ct", "rna", "record"), (3, 5, 2)


def test_the_same_weights_for_every_patient_renormalised_over_those_present() -> None:
    torch.manual_seed(0)
    fusion = StaticWeights(NAMES, SIZES, size=4).eval()
    # exp: 4, 1, 3
    fusion.scores.data = torch.tensor([4.0, 1.0, 3.0]).log()
    embeddings = [torch.randn(3, size) for size in SIZES]
    present = torch.tensor([[True, True, True], [True, True, True], [False, True, True]])
    fused = fusion(embeddings, present)
    assert fused.weights is not None
    expected = torch.tensor([[0.5, 0.125, 0.375], [0.5, 0.125, 0.375], [0, 0.25, 0.75]])
    torch.testing.assert_close(fused.weights, expected)
    rna, record = (F.layer_norm(fusion.projections[m](embeddings[m][2]), (4,)) for m in (1, 2))
    torch.testing.assert_close(fused.vector[2], 0.25 * rna + 0.75 * record)


def test_a_projection_cannot_undo_its_weight() -> None:
    torch.manual_seed(0)
    fusion = StaticWeights(NAMES, SIZES, size=4).eval()
    embeddings = [torch.randn(3, size) for size in SIZES]
    present = torch.ones(3, 3, dtype=torch.bool)
    before = fusion(embeddings, present).vector
    for parameter in fusion.projections[1].parameters():
        parameter.data *= 100
    torch.testing.assert_close(fusion(embeddings, present).vector, before, atol=1e-3, rtol=1e-3)
