"""Grad-CAM: on a network whose answer is known, and against captum's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from tumorboard.explain import Asked
from tumorboard.explain.grad_cam import GradCam
from tumorboard.prediction.activation_maps import randomisation_check


def quadrant_of(maps: np.ndarray) -> np.ndarray:
    """Share of each map's mass in the upper left quadrant and the blur around it."""
    side = maps.shape[-1] // 2 + 2
    return maps[:, :side, :side].sum(axis=(1, 2)) / maps.sum(axis=(1, 2))


def test_mass_lies_where_the_answer_comes_from(ask: Callable[..., Asked]) -> None:
    asked = ask("image", quadrant=True)
    (found,) = GradCam().explain(asked).heat_maps
    assert found.maps.shape == (7, 32, 32)
    assert found.rows.tolist() == list(range(7))
    assert found.inputs.shape == (7, 1, 32, 32)
    assert (found.maps >= 0).all()
    assert quadrant_of(found.maps).min() > 0.99


def test_brightness_that_speaks_against_the_class_gives_no_mass(ask: Callable[..., Asked]) -> None:
    asked = ask("image", quadrant=True, target=0)
    explanation = GradCam().explain(asked)
    assert explanation.heat_maps[0].maps.max() == 0
    assert "image: nothing raises the answer in 7 of 7 images." in explanation.remarks


def test_equals_captum(ask: Callable[..., Asked]) -> None:
    from captum.attr import LayerGradCam

    asked = ask("fused")
    network = asked.fitted.network
    assert network is not None
    rows = np.arange(7)
    inputs, present = asked.fitted.batch(asked.measured, rows, torch.device("cpu"))

    def forward(image: torch.Tensor, record: torch.Tensor) -> torch.Tensor:
        logits = network({"image": image, "record": record}, present).logits
        return logits[:, 1] - logits[:, 0]

    layer = network.encoder("image").map_layer()
    assert layer is not None
    other = LayerGradCam(forward, layer).attribute(
        (inputs["image"], inputs["record"]), relu_attributions=True
    )
    assert isinstance(other, torch.Tensor)
    enlarged = torch.nn.functional.interpolate(other, (32, 32), mode="bilinear")
    (found,) = GradCam().explain(asked).heat_maps
    assert found.maps == pytest.approx(enlarged[:, 0].detach().numpy(), abs=1e-7)
    assert found.maps.max() > 0


@pytest.mark.parametrize("arm", ["fused", "late"])
def test_gradient_goes_through_the_fused_answer(arm: str, ask: Callable[..., Asked]) -> None:
    asked = ask(arm)
    explanation = GradCam().explain(asked)
    (found,) = explanation.heat_maps
    assert np.isfinite(found.maps).all()
    assert "image: no map for 1 of 8 rows, which have none." in explanation.remarks
    record = asked.measured["record"]
    assert record.present.all()


def test_untrained_weights_change_the_map(ask: Callable[..., Asked]) -> None:
    checks = GradCam().explain(ask("image", quadrant=True)).checks
    assert checks is not None
    assert checks["rank_correlation_random_network"] < 0.9
    assert set(checks) == {"rank_correlation_random_head", "rank_correlation_random_network"}


def test_a_map_that_ignores_the_weights_is_flagged(ask: Callable[..., Asked]) -> None:
    network = ask("image").fitted.network
    assert network is not None
    edges = np.random.default_rng(0).random((7, 8, 8)).astype(np.float32)
    checks, remarks = randomisation_check(
        edges, lambda *_: edges, network, name="image", rows=np.arange(7), seed=1
    )
    assert list(checks.values()) == pytest.approx([1.0, 1.0])
    assert "Do not read it" in remarks[0]


def test_refusals_say_why(ask: Callable[..., Asked]) -> None:
    refuses = GradCam().refuses
    assert refuses(ask("fused").fitted) == ""
    assert refuses(ask("logistic").fitted) == "logistic is a baseline without a network."
    assert refuses(ask("record").fitted) == "record reads no image."
    assert refuses(ask("transformer").fitted) == (
        "the encoder vit of image has no convolutional maps; ask for occlusion instead."
    )
