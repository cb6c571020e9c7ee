"""Eigengenes: the projection is the modality's own, fixed, and not saved twice."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.models.encoders.eigengenes import Eigengenes
from tumorboard.records import ArraySpec

WEIGHTS = np.random.default_rng(0).normal(size=(2, 6))
SPEC = ArraySpec("vector", (6,), projections=WEIGHTS)


def test_only_the_projection_of_the_genes_is_seen() -> None:
    encoder = Eigengenes(SPEC, widths=(4,)).eval()
    x = torch.randn(3, 6)
    # What is orthogonal to every eigengene changes nothing.
    null = torch.from_numpy(np.linalg.svd(WEIGHTS)[2][2:]).float()
    torch.testing.assert_close(encoder(x + null[0]), encoder(x), atol=1e-5, rtol=1e-5)
    expected = encoder.layers(x @ torch.from_numpy(WEIGHTS).float().T)
    torch.testing.assert_close(encoder(x), expected)


def test_the_projection_is_neither_trained_nor_saved() -> None:
    encoder = Eigengenes(SPEC)
    assert "projections" not in encoder.state_dict()
    assert all(name.startswith("layers.") for name, _ in encoder.named_parameters())


def test_a_modality_without_modules_is_refused() -> None:
    with pytest.raises(StudyError, match="eigengenes: this modality gives no co-expression"):
        Eigengenes(ArraySpec("vector", (6,)))
