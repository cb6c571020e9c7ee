"""Occlusion: equal to hiding patches by hand; nothing where there is nothing to hide."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from tumorboard.explain import Asked
from tumorboard.explain.occlusion import Occlusion
from tumorboard.modalities.measured.image import MeasuredImages


def test_equals_hiding_patches_by_hand(ask: Callable[..., Asked]) -> None:
    asked = ask("fused")
    network = asked.fitted.network
    assert network is not None
    inputs, present = asked.fitted.batch(asked.measured, np.arange(2), torch.device("cpu"))

    def odds(image: torch.Tensor) -> np.ndarray:
        logits = network({**inputs, "image": image}, present).logits.detach().numpy()
        return logits[:, 1] - logits[:, 0]

    before = odds(inputs["image"])
    expected = np.zeros((2, 32, 32))
    for top in range(0, 32, 16):
        for left in range(0, 32, 16):
            hidden = inputs["image"].clone()
            for i in range(2):
                hidden[i, :, top : top + 16, left : left + 16] = inputs["image"][i].mean()
            fall = before - odds(hidden)
            expected[:, top : top + 16, left : left + 16] = fall[:, None, None]
    (found,) = Occlusion(patch=0.5, step=1.0).explain(asked).heat_maps
    assert found.maps[:2] == pytest.approx(expected.clip(0), abs=1e-5)


def test_only_the_quadrant_matters(ask: Callable[..., Asked]) -> None:
    (found,) = Occlusion(patch=0.25, step=1.0).explain(ask("image", quadrant=True)).heat_maps
    assert found.maps[:, 16:, :].max() == pytest.approx(0, abs=1e-5)
    assert found.maps[:, :, 16:].max() == pytest.approx(0, abs=1e-5)
    assert found.maps[:, :16, :16].max() > 0.01


def test_an_image_of_one_colour_has_a_flat_map(ask: Callable[..., Asked]) -> None:
    asked = ask("transformer")
    measured = asked.measured["image"]
    assert isinstance(measured, MeasuredImages)
    images = measured.images
    assert images is not None
    images.take(np.arange(7), 1)
    for memory in images._memory.values():
        memory[:] = 128
    (found,) = Occlusion().explain(asked).heat_maps
    assert found.maps.max() == pytest.approx(0, abs=1e-5)


def test_the_batch_does_not_matter(ask: Callable[..., Asked]) -> None:
    (one,) = Occlusion(at_once=2).explain(ask("late")).heat_maps
    (many,) = Occlusion(at_once=64).explain(ask("late")).heat_maps
    assert one.maps == pytest.approx(many.maps, abs=1e-5)


def test_refuses_what_has_no_image_and_takes_any_encoder(ask: Callable[..., Asked]) -> None:
    assert Occlusion().refuses(ask("record").fitted) == "record reads no image."
    assert "baseline" in Occlusion().refuses(ask("logistic").fitted)
    assert Occlusion().refuses(ask("transformer").fitted) == ""
