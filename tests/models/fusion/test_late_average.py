"""Late average against the mean by hand."""

from __future__ import annotations

import pytest
import torch

from tumorboard.models.fusion.late_average import LateAverage

PROBABILITIES = [
    torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.5, 0.5]]),
    torch.tensor([[0.5, 0.5], [0.2, 0.8], [0.1, 0.9]]),
]
PRESENT = torch.tensor([[True, True], [True, False], [False, True]])


def test_mean_of_those_present() -> None:
    fused = LateAverage(("ct", "rna"), (2, 2))(PROBABILITIES, PRESENT)
    torch.testing.assert_close(fused.vector, torch.tensor([[0.7, 0.3], [0.6, 0.4], [0.1, 0.9]]))


def test_fixed_weights() -> None:
    fusion = LateAverage(("ct", "rna"), (2, 2), weights="fixed", fixed={"ct": 3.0, "rna": 1.0})
    fused = fusion(PROBABILITIES, PRESENT)
    assert fused.weights is not None
    assert fused.weights.tolist() == [[0.75, 0.25], [1.0, 0.0], [0.0, 1.0]]
    # 0.75 x 0.9 + 0.25 x 0.5 = 0.8
    assert fused.vector[0].tolist() == pytest.approx([0.8, 0.2])


def test_nothing_is_learned() -> None:
    assert list(LateAverage(("ct", "rna"), (2, 2)).parameters()) == []
