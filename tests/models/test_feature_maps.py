"""Feature maps: where they are, and that looking at them changes nothing."""

from __future__ import annotations

import pytest
import torch

from tumorboard import registry
from tumorboard.models.assembly import Network
from tumorboard.models.feature_maps import log_odds, maps_and_gradients, randomised
from tumorboard.records import ArraySpec

SPECS = {"image": ArraySpec("image", (1, 64, 64)), "record": ArraySpec("vector", (3,))}
WITH_MAPS = ("alexnet", "densenet", "inception", "resnet", "simple_cnn", "small_cnn", "vgg")


def build(encoder: str = "small_cnn", *, fusion: str = "gated") -> Network:
    torch.manual_seed(0)
    encoders = {"image": {"name": encoder}, "record": {"name": "mlp"}}
    return Network(SPECS, encoders, {"name": fusion}, n_outputs=2, link="softmax").eval()


def batch(n: int = 3) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    inputs = {name: torch.rand(n, *spec.sizes, generator=generator) for name, spec in SPECS.items()}
    return inputs, torch.ones(n, 2, dtype=torch.bool)


def test_log_odds_are_those_of_the_probability() -> None:
    logits = torch.tensor([[0.3, -1.0, 2.0]])
    p = logits.softmax(1)
    expected = torch.log(p[:, 2] / (1 - p[:, 2]))
    assert log_odds(logits, 2) == pytest.approx(expected)
    assert log_odds(p.log(), 2) == pytest.approx(expected)
    assert log_odds(torch.tensor([[4.0]]), 0).tolist() == [4.0]


@pytest.mark.parametrize("encoder", WITH_MAPS)
def test_maps_have_places_and_leave_the_answer_as_it_is(encoder: str) -> None:
    network = build(encoder)
    inputs, present = batch()
    with torch.no_grad():
        before = network(inputs, present).logits
    maps, gradients = maps_and_gradients(network, inputs, present, name="image", target=1)
    assert maps.shape == gradients.shape
    assert maps.ndim == 4
    assert min(maps.shape[2:]) >= 2
    assert gradients.abs().sum() > 0
    with torch.no_grad():
        assert torch.equal(network(inputs, present).logits, before)
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize("encoder", WITH_MAPS)
def test_grad_cam_of_every_encoder_equals_captums(encoder: str) -> None:
    from captum.attr import LayerGradCam

    network = build(encoder)
    inputs, present = batch()
    maps, gradients = maps_and_gradients(network, inputs, present, name="image", target=1)
    found = (gradients.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1, keepdim=True)

    def forward(image: torch.Tensor) -> torch.Tensor:
        return log_odds(network({**inputs, "image": image}, present).logits, 1)

    layer = network.encoder("image").map_layer()
    assert layer is not None
    other = LayerGradCam(forward, layer).attribute(inputs["image"])
    assert isinstance(other, torch.Tensor)
    assert bool(other.any())
    torch.testing.assert_close(found, other.detach(), atol=1e-6, rtol=1e-4)


def test_every_image_encoder_says_whether_it_has_maps() -> None:
    found = {
        name
        for name in registry.names("models.encoders")
        if "image" in registry.load("models.encoders", name).layouts
        and build(name).encoder("image").map_layer() is not None
    }
    assert found == set(WITH_MAPS)


def test_gradient_of_a_decision_fusion_is_that_of_the_averaged_probability() -> None:
    network = build(fusion="late_average")
    inputs, present = batch(1)
    _, gradients = maps_and_gradients(network, inputs, present, name="image", target=1)
    present[:, 1] = False
    _, alone = maps_and_gradients(network, inputs, present, name="image", target=1)
    assert gradients.abs().sum() > 0
    assert not torch.allclose(gradients, alone)


def test_randomised_leaves_the_network_and_the_generator_as_they_were() -> None:
    network = build()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    made = randomised(network, seed=3, keep_encoders=True).state_dict()
    assert torch.rand(1) == expected
    assert all(torch.equal(tensor, before[n]) for n, tensor in network.state_dict().items())
    changed = {name for name, tensor in made.items() if not torch.equal(tensor, before[name])}
    assert any(name.startswith("heads") for name in changed)
    assert any(name.startswith("fusion") for name in changed)
    assert not any(name.startswith("encoders") for name in changed)
    every = randomised(network, seed=3, keep_encoders=False).state_dict()
    assert not torch.equal(
        every["encoders.0.blocks.0.0.weight"], before["encoders.0.blocks.0.0.weight"]
    )
