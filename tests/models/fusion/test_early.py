"""Early fusion: what the perceptron sees."""

from __future__ import annotations

import torch

from tumorboard.models.fusion.early import Early


def test_vectors_then_flags_of_presence() -> None:
    fusion = Early(("labs", "rna"), (2, 1), widths=(3,), norm="none", dropout=0.0)
    vectors = [torch.tensor([[1.0, 2.0], [9.0, 9.0]]), torch.tensor([[5.0], [6.0]])]
    present = torch.tensor([[True, True], [False, True]])
    token = fusion.tokens.tokens[0]
    joined = torch.stack(
        [torch.tensor([1.0, 2.0, 5.0, 1.0, 1.0]), torch.cat([token, torch.tensor([6.0, 0.0, 1.0])])]
    )
    expected = fusion.layers.layers[0](joined).relu()
    torch.testing.assert_close(fusion(vectors, present).vector, expected)
    assert fusion.output_size == 3
