"""Order of weights in memory: pictures of both kinds in one arm, each in its own."""

from __future__ import annotations

import torch

from tumorboard.models.assembly import Network
from tumorboard.records import ArraySpec
from tumorboard.training.module import _channels_last
from tumorboard.training.networks import channels_last


def test_an_image_and_a_volume_stand_in_one_arm() -> None:
    specs = {
        "ct": ArraySpec("volume", (1, 32, 32, 32)),
        "slide": ArraySpec("bag", (2, 3, 32, 32)),
        "record": ArraySpec("vector", (3,)),
    }
    encoders = {
        "ct": {"name": "resnet3d"},
        "slide": {"name": "attention_mil", "patch_encoder": {"name": "small_cnn"}},
        "record": {"name": "mlp"},
    }
    network = Network(specs, encoders, {"name": "simple"}, n_outputs=2, link="softmax").eval()
    inputs = {name: torch.rand(2, *spec.sizes) for name, spec in specs.items()}
    present = torch.ones(2, 3, dtype=torch.bool)
    with torch.inference_mode():
        expected = network(inputs, present).logits
        assert channels_last(network, specs) is network
        ordered = {n: _channels_last(x, specs[n].layout) for n, x in inputs.items()}
        torch.testing.assert_close(network(ordered, present).logits, expected, atol=1e-5, rtol=1e-4)
    for parameter in network.parameters():
        if parameter.ndim >= 4:
            last = torch.channels_last if parameter.ndim == 4 else torch.channels_last_3d
            assert parameter.is_contiguous(memory_format=last)
    assert ordered["ct"].shape == inputs["ct"].shape
    assert torch.equal(ordered["slide"], inputs["slide"])
