"""Multilayer perceptron: the layers of the clinical branch."""

from __future__ import annotations

import pytest
from torch import nn

from tumorboard.models.encoders.mlp import Mlp
from tumorboard.records import ArraySpec

SPEC = ArraySpec("vector", (9,))


def test_default_is_three_dense_layers_with_batch_norm() -> None:
    kinds = [type(layer) for layer in Mlp(SPEC).layers]
    assert kinds == 3 * [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Dropout]
    assert Mlp(SPEC).output_size == 16


@pytest.mark.parametrize(
    ("norm", "n_parameters"),
    # 9 x 4 + 4 x 2 weights; batch norm: scale and shift, no bias; layer norm: the same and a bias.
    [("none", 44 + 6), ("batch", 44 + 12), ("layer", 44 + 6 + 12)],
)
def test_parameters_by_hand(norm: str, n_parameters: int) -> None:
    mlp = Mlp(SPEC, widths=(4, 2), norm=norm)  # type: ignore[arg-type]
    assert sum(p.numel() for p in mlp.parameters()) == n_parameters
