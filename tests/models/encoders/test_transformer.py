"""Transformer over visits: times instead of places, absent visits, refusals."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.models.encoders.transformer import Transformer
from tumorboard.records import ArraySpec

SPEC = ArraySpec("tokens", (4, 3))


def make_encoder(pool: Literal["attention", "mean"] = "attention") -> Transformer:
    torch.manual_seed(0)
    return Transformer(SPEC, width=8, depth=2, heads=2, pool=pool).eval()


@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize("pool", ["attention", "mean"])
def test_times_count_and_places_do_not(pool: Literal["attention", "mean"], mode: bool) -> None:
    encoder = make_encoder(pool)
    with torch.inference_mode(mode), torch.no_grad():  # torch has a faster way in the first
        x = torch.randn(3, 4, 3)
        expected = encoder(x)
        torch.testing.assert_close(encoder(x[:, [2, 0, 3, 1]]), expected, atol=1e-5, rtol=1e-5)
        longer = torch.cat([x[:, :1], torch.full((3, 2, 3), torch.nan), x[:, 1:]], dim=1)
        torch.testing.assert_close(encoder(longer), expected, atol=1e-5, rtol=1e-5)
        later = x.clone()
        later[:, 0, 2] += 0.1
        assert float((encoder(later) - expected).abs().max()) > 1e-4


def test_no_visit_is_zero_and_lets_no_gradient_become_nan() -> None:
    encoder = make_encoder()
    x = torch.randn(2, 4, 3)
    x[1] = torch.nan
    embedding = encoder(x)
    embedding.square().sum().backward()
    assert bool((embedding[1] == 0).all())
    for parameter in encoder.parameters():
        assert parameter.grad is not None
        assert bool(torch.isfinite(parameter.grad).all())


def test_width_that_heads_do_not_divide_is_refused() -> None:
    with pytest.raises(StudyError, match=r"transformer\.width: found 10 with 4 heads"):
        Transformer(SPEC, width=10, heads=4)
