"""SimpleCnn: its size by hand, its layers by hand, and images that are too small."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, linear, max_pool2d

from tumorboard.errors import StudyError
from tumorboard.models.assembly import Network
from tumorboard.models.encoders.simple_cnn import SimpleCnn
from tumorboard.records import ArraySpec

WINDOW = ArraySpec("image", (3, 64, 64))


def test_two_million_parameters_by_hand() -> None:
    network = Network({"patch": WINDOW}, {"patch": {"name": "simple_cnn"}}, None, n_outputs=3,
                      link="softmax")  # fmt: skip
    convolutions = (3 * 9 + 1) * 32 + (32 * 9 + 1) * 64 + (64 * 9 + 1) * 128
    dense = (128 * 8 * 8 + 1) * 256  # 64 pixels are halved three times
    head = (256 + 1) * 3
    assert convolutions + dense + head == 2_191_427
    assert sum(p.numel() for p in network.parameters()) == 2_191_427


def test_embedding_is_that_of_the_description() -> None:
    torch.manual_seed(1)
    encoder = SimpleCnn(WINDOW).eval()
    one, two, three, dense = (m for m in encoder.modules() if isinstance(m, nn.Conv2d | nn.Linear))
    images = torch.rand(2, 3, 64, 64)
    x = images
    for convolution in (one, two, three):
        x = conv2d(x, convolution.weight, convolution.bias, padding=1)
        x = max_pool2d(x.relu(), 2)
    expected = linear(x.reshape(2, -1), dense.weight, dense.bias).relu()
    torch.testing.assert_close(encoder(images), expected)
    assert [m.p for m in encoder.modules() if isinstance(m, nn.Dropout)] == [0.5]


def test_any_size_from_eight_pixels_and_no_smaller() -> None:
    odd = SimpleCnn(ArraySpec("image", (1, 9, 30)), dense=4)
    assert odd(torch.rand(2, 1, 9, 30)).shape == (2, 4)
    with pytest.raises(
        StudyError,
        match="simple_cnn: images of 64 x 7 pixels vanish in 3 poolings by 2; expected at least 8",
    ):
        SimpleCnn(ArraySpec("image", (1, 64, 7)))
