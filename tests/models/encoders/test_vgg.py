"""Vgg: images that are too small."""

from __future__ import annotations

from typing import Literal

import pytest

from tumorboard.errors import StudyError
from tumorboard.models.encoders.vgg import Vgg
from tumorboard.records import ArraySpec


def test_an_image_that_would_vanish_is_refused() -> None:
    with pytest.raises(
        StudyError,
        match="vgg: images of 64 x 31 pixels vanish in five poolings by 2; expected at least 32",
    ):
        Vgg(ArraySpec("image", (1, 64, 31)))


@pytest.mark.parametrize(
    ("depth", "n_parameters"),
    # Published counts of torchvision's vgg11_bn, vgg13_bn and vgg16_bn, less their dense layers
    # (123,642,856) and the biases that batch norm makes idle.
    [
        (11, 132_868_840 - 123_642_856 - 2752),
        (13, 133_053_736 - 123_642_856 - 2944),
        (16, 138_365_992 - 123_642_856 - 4224),
    ],
)
def test_sizes_are_the_published_ones(depth: Literal[11, 13, 16], n_parameters: int) -> None:
    vgg = Vgg(ArraySpec("image", (3, 32, 32)), depth=depth)
    assert sum(p.numel() for p in vgg.parameters()) == n_parameters
    assert len(vgg.stages()) == 5
