"""Vision transformer: patches, and settings that do not fit."""

from __future__ import annotations

import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.models.encoders.vit import Vit
from tumorboard.records import ArraySpec


def test_positions_tell_where_a_patch_is() -> None:
    torch.manual_seed(0)
    vit = Vit(ArraySpec("image", (1, 32, 48)), patch_size=16, width=12, depth=1).eval()
    assert vit.positions.shape == (1, 6, 12)
    x = torch.rand(1, 1, 32, 48)
    mirrored = torch.cat([x[..., 16:], x[..., :16]], dim=3)  # the same patches elsewhere
    assert not torch.allclose(vit(x), vit(mirrored), atol=1e-4)
    torch.nn.init.zeros_(vit.positions)
    torch.testing.assert_close(vit(x), vit(mirrored), atol=1e-5, rtol=1e-5)


def test_settings_that_do_not_fit_are_named_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        Vit(ArraySpec("image", (1, 60, 64)), width=100)
    assert caught.value.problems == (
        "vit.patch_size: found 16 for images of 60 x 64 pixels, expected a size that divides both "
        "sides.",
        "vit.width: found 100 with 3 heads, expected a multiple of heads.",
    )
