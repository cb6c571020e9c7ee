"""Alexnet: its published size, and images that are too small."""

from __future__ import annotations

import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.models.encoders.alexnet import Alexnet
from tumorboard.records import ArraySpec


def test_size_is_the_published_one() -> None:
    """62,378,344 in one column with 1,000 classes, of which the classifier has 4,097,000."""
    with torch.device("meta"):
        alexnet = Alexnet(ArraySpec("image", (3, 224, 224)))
    assert sum(p.numel() for p in alexnet.parameters()) == 62_378_344 - 4_097_000


@pytest.mark.parametrize("sides", [(63, 63), (64, 64), (100, 71)])
def test_the_dense_layer_fits_the_last_map(sides: tuple[int, int]) -> None:
    alexnet = Alexnet(ArraySpec("image", (1, *sides)), dense=8).eval()
    assert alexnet(torch.rand(2, 1, *sides)).shape == (2, 8)


def test_an_image_that_would_vanish_is_refused() -> None:
    with pytest.raises(
        StudyError, match=r"alexnet: images of 64 x 62 pixels vanish .* expected at least 63"
    ):
        Alexnet(ArraySpec("image", (1, 64, 62)))
