"""Augmentation of volumes: nothing at strength 0, the same twice, and moved as it says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.transforms.volume_augmentation import VolumeAugmentation
from tumorboard.transforms.volume_changes import (
    blur_volumes,
    lower_resolution,
    move_volumes,
    placement,
)

OFF: dict[str, Any] = {
    "rotation_degrees": 0.0, "scaling": 0.0, "translation": 0.0, "elastic_vox": 0.0, "flip": (),
    "brightness": 0.0, "contrast": 0.0, "gamma": 0.0, "noise": 0.0, "blur_vox": 0.0,
    "low_resolution": 1.0,
}  # fmt: skip
ON: dict[str, Any] = {
    "rotation_degrees": 20.0, "scaling": 0.2, "translation": 0.1, "elastic_vox": 1.0,
    "flip": ("x", "y", "z"), "brightness": 0.1, "contrast": 0.3, "gamma": 0.3, "noise": 0.1,
    "blur_vox": 1.5, "low_resolution": 2.0,
}  # fmt: skip


def volumes(n: int = 6, size: tuple[int, ...] = (10, 12, 8)) -> torch.Tensor:
    return torch.rand(n, 2, *size, generator=torch.Generator().manual_seed(3))


def apply(settings: dict[str, Any], batch: torch.Tensor, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return VolumeAugmentation(**settings).apply(batch, generator)


def at(batch: torch.Tensor, angles: list[float], shift: list[float], scale: float = 1.0) -> Any:
    theta = placement(
        torch.tensor([angles]) * math.pi / 180,
        scale=torch.tensor([scale]),
        shift=torch.tensor([shift]),
        size_mm=torch.tensor(batch.shape[2:]).float(),
    )
    return move_volumes(batch, theta, torch.empty(0, 3, 6, 6, 6))


def test_strength_nought_changes_nothing() -> None:
    assert torch.equal(apply(OFF, volumes()), volumes())


@pytest.mark.parametrize("name", sorted(ON))
def test_each_step_changes_volumes_the_same_way_twice(name: str) -> None:
    batch = volumes(12)
    settings = {**OFF, name: ON[name]}
    found = apply(settings, batch)
    assert found.shape == batch.shape
    assert torch.equal(found, apply(settings, batch))
    assert not torch.equal(found, batch)
    assert not torch.equal(found, apply(settings, batch, seed=2))
    assert torch.equal(batch, volumes(12))


def test_all_steps_keep_the_range_whatever_it_is() -> None:
    for scale, offset in ((1.0, 0.0), (8.0, -3.0)):
        batch = volumes() * scale + offset
        found = apply(ON, batch)
        assert torch.isfinite(found).all()
        assert found.min() >= batch.min() - 1e-4
        assert found.max() <= batch.max() + 1e-4


def test_a_step_is_drawn_alike_whatever_else_is_on() -> None:
    alone = apply({**OFF, "flip": ("x",)}, volumes())
    beside = apply({**OFF, "flip": ("x",), "low_resolution": 1.0000001}, volumes())
    torch.testing.assert_close(alone, beside)


def test_a_quarter_turn_about_z_takes_x_to_y() -> None:
    batch = torch.zeros(1, 1, 9, 9, 5)
    batch[0, 0, 7, 4, 2] = 1
    turned = at(batch, [0.0, 0.0, 90.0], [0.0, 0.0, 0.0])
    places = np.argwhere(turned[0, 0].numpy() > 0.5).tolist()
    assert places in ([[4, 7, 2]], [[4, 1, 2]])
    back = at(turned, [0.0, 0.0, -90.0], [0.0, 0.0, 0.0])
    torch.testing.assert_close(back, batch, atol=1e-4, rtol=0)


def test_a_shift_moves_along_its_own_axis() -> None:
    batch = torch.zeros(1, 1, 8, 10, 12)
    batch[0, 0, 3, 4, 5] = 1
    for axis in range(3):
        shift = [0.0, 0.0, 0.0]
        shift[axis] = 2 * 2 / batch.shape[2 + axis]  # two voxels, in half lengths
        moved = at(batch, [0.0, 0.0, 0.0], shift)
        wanted = [3, 4, 5]
        wanted[axis] += 2
        assert np.argwhere(moved[0, 0].numpy() > 0.5).tolist() == [wanted]


def test_larger_is_larger_and_no_change_is_none() -> None:
    index = torch.stack(torch.meshgrid(*[torch.arange(20.0)] * 3, indexing="ij")) - 9.5
    ball = (index.norm(dim=0) < 5).float()[None, None]
    assert at(ball, [0.0] * 3, [0.0] * 3, 1.4).sum() / ball.sum() == pytest.approx(1.4**3, rel=0.1)
    torch.testing.assert_close(at(ball, [0.0] * 3, [0.0] * 3), ball, atol=1e-5, rtol=0)


def test_blur_and_coarser_voxels_keep_the_mean() -> None:
    batch = volumes(3, (16, 16, 16))
    blurred = blur_volumes(batch, sd_vox=torch.tensor([0.0, 1.0, 2.0]))
    assert torch.equal(blurred[0], batch[0])
    spread = blurred[:, :, 3:-3, 3:-3, 3:-3].std(dim=(1, 2, 3, 4))
    assert spread[0] > 2 * spread[1] > 3 * spread[2]
    from scipy.ndimage import gaussian_filter

    theirs = gaussian_filter(batch[1, 0].numpy(), 1.0, mode="nearest", truncate=3.0)
    np.testing.assert_allclose(blurred[1, 0].numpy(), theirs, atol=1e-5)
    coarse = lower_resolution(batch, factor=2.0)
    torch.testing.assert_close(
        coarse.mean(dim=(2, 3, 4)), batch.mean(dim=(2, 3, 4)), atol=0.01, rtol=0
    )


def test_settings_out_of_range_are_named() -> None:
    wrong: dict[str, Any] = {"noise": -1.0, "low_resolution": 0.5, "flip": ("w",)}
    with pytest.raises(StudyError) as caught:
        VolumeAugmentation(**{**OFF, **wrong})
    assert caught.value.problems == (
        "noise: found -1, expected 0 (off) or more.",
        "low_resolution: found 0.5, expected 1 (off) or more.",
        "flip: found 'w', expected x, y or z.",
    )
