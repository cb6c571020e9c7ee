"""Hybrid fusion: its two halves by hand."""

from __future__ import annotations

import torch

from tumorboard.models.fusion.hybrid import Hybrid


def test_a_joined_branch_beside_the_mean_of_the_branches_present() -> None:
    torch.manual_seed(0)
    fusion = Hybrid(("ct", "rna"), (2, 3), size=4).eval()
    ct, rna = torch.randn(2, 2), torch.randn(2, 3)
    present = torch.tensor([[True, True], [True, False]])
    vector = fusion([ct, rna], present).vector
    seen = torch.stack([rna[0], fusion.tokens.tokens[1]])
    early = fusion.joined(torch.cat([ct, seen, torch.tensor([[1.0, 1], [1, 0]])], dim=1)).relu()
    own, other = fusion.branches[0](ct).relu(), fusion.branches[1](rna).relu()
    late = torch.stack([(own[0] + other[0]) / 2, own[1]])
    torch.testing.assert_close(vector, torch.cat([early, late], dim=1))
    assert vector.shape == (2, fusion.output_size)
