"""Inception: its published size, its modules by hand, and images that are too small."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.encoders.inception import Inception, InceptionModule
from tumorboard.records import ArraySpec


def test_size_is_the_published_one() -> None:
    """6,998,552 with 1,000 classes: the classifier has 1,025,000, each convolution a bias."""
    inception = Inception(ArraySpec("image", (3, 64, 64)), width=1.0)
    convolutions = [m for m in inception.modules() if isinstance(m, nn.Conv2d)]
    n_weights = sum(c.weight.numel() for c in convolutions)
    n_biases = sum(c.out_channels for c in convolutions)
    assert n_weights + n_biases == 6_998_552 - 1_025_000
    assert len(convolutions) == 3 + 9 * 6
    assert inception.output_size == 1024


def test_sizes_of_modules_are_those_of_the_papers_table() -> None:
    # table 1, 3a and 3b: 256 and 480 channels, 159K and 380K weights (K = 1,024)
    for inputs, channels, outputs, n_weights in [
        (192, (64, 96, 128, 16, 32, 32), 256, 159),
        (256, (128, 128, 192, 32, 96, 64), 480, 380),
    ]:
        module = InceptionModule(inputs, channels)
        weights = [m.weight.numel() for m in module.modules() if isinstance(m, nn.Conv2d)]
        assert sum(weights) / 1024 == pytest.approx(n_weights, abs=1)
        assert module(torch.rand(2, inputs, 5, 4)).shape == (2, outputs, 5, 4)


def test_width_scales_every_layer() -> None:
    half = Inception(ArraySpec("image", (3, 32, 48))).eval()
    assert half.output_size == 512
    assert half(torch.rand(2, 3, 32, 48)).shape == (2, 512)
    assert len(half.stages()) == 4


def test_an_image_that_would_vanish_is_refused() -> None:
    with pytest.raises(
        StudyError, match=r"inception: images of 64 x 31 pixels vanish .* expected at least 32"
    ):
        Inception(ArraySpec("image", (1, 64, 31)))
