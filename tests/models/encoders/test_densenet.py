"""Densenet: images that are too small."""

from __future__ import annotations

import pytest

from tumorboard.errors import StudyError
from tumorboard.models.encoders.densenet import Densenet
from tumorboard.records import ArraySpec


def test_an_image_that_would_vanish_is_refused() -> None:
    with pytest.raises(
        StudyError,
        match="densenet: images of 64 x 31 pixels vanish in five halvings; expected at least 32",
    ):
        Densenet(ArraySpec("image", (1, 64, 31)))


def test_size_is_the_published_one() -> None:
    """DenseNet-121 of torchvision has 7,978,856 parameters, 1,025,000 of them in its classifier."""
    densenet = Densenet(ArraySpec("image", (3, 32, 32)))
    assert sum(p.numel() for p in densenet.parameters()) == 7_978_856 - 1_025_000
    assert densenet.output_size == 1024
