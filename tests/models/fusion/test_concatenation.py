"""Concatenation: what stands where a modality is absent."""

from __future__ import annotations

import pytest
import torch

from tumorboard.models.fusion.concatenation import Concatenation

EMBEDDINGS = [torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[5.0], [6.0]])]


def test_embeddings_side_by_side_with_the_learned_vector_where_absent() -> None:
    fusion = Concatenation(("ct", "rna"), (2, 1), widths=())
    assert fusion.output_size == 3
    present = torch.tensor([[True, True], [True, False]])
    vector = fusion(EMBEDDINGS, present).vector
    token = float(fusion.tokens.tokens[1].detach())
    assert vector.tolist() == [[1.0, 2.0, 5.0], [3.0, 4.0, token]]


def test_dense_layers() -> None:
    fusion = Concatenation(("ct", "rna"), (2, 1), widths=(4, 2)).eval()
    first, last = fusion.layers[0], fusion.layers[3]
    joined = torch.cat(EMBEDDINGS, dim=1)
    expected = last(first(joined).relu()).relu()
    vector = fusion(EMBEDDINGS, torch.ones(2, 2, dtype=torch.bool)).vector
    torch.testing.assert_close(vector, expected)
    assert vector.shape == (2, fusion.output_size)


@pytest.mark.parametrize(
    ("norm", "n_parameters"),
    # 3 x 4 + 4 x 2 weights; batch norm: scale and shift, no bias; layer norm: the same and a bias.
    [("none", 20 + 6), ("batch", 20 + 12), ("layer", 20 + 6 + 12)],
)
def test_parameters_by_hand(norm: str, n_parameters: int) -> None:
    fusion = Concatenation(("ct", "rna"), (2, 1), widths=(4, 2), norm=norm)  # type: ignore[arg-type]
    assert sum(p.numel() for p in fusion.layers.parameters()) == n_parameters
