"""Random changes of training patches: turns that lose nothing, and steps that can be left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.transforms.colour import jitter_colour
from tumorboard.transforms.degradation import random_blur, random_noise
from tumorboard.transforms.geometry import random_flip, random_resized_crop, random_rotate
from tumorboard.transforms.patch_augmentation import PatchAugmentation, random_turn
from tumorboard.transforms.stain_augmentation import jitter_hed, transfer_stains
from tumorboard.transforms.stains import HED, Stain

OFF = PatchAugmentation(
    rotation_degrees=0.0, right_angles=False, flip_horizontal=False, flip_vertical=False,
    crop_low=1.0, stain_transfer=0.0, stain_jitter=0.0, brightness=0.0, contrast=0.0,
    saturation=0.0, hue=0.0, noise=0.0, blur_px=0.0,
)  # fmt: skip
STAIN = Stain(vectors=HED[:2], maximum=np.array([1.0, 1.0]))


def drawn(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_turns_are_the_four_right_angles() -> None:
    patch = torch.arange(27.0).view(1, 3, 3, 3)
    turned = random_turn(patch.repeat(200, 1, 1, 1), generator=drawn())
    every = {torch.rot90(patch[0], k, dims=(-2, -1)).numpy().tobytes() for k in range(4)}
    assert {one.numpy().tobytes() for one in turned} == every
    flat = torch.arange(18.0).view(1, 3, 2, 3)
    half = random_turn(flat.repeat(50, 1, 1, 1), generator=drawn())
    assert {one.numpy().tobytes() for one in half} == {
        torch.rot90(flat[0], k, dims=(-2, -1)).numpy().tobytes() for k in (0, 2)
    }


def test_nothing_switched_on_changes_nothing_and_each_step_does() -> None:
    patches = torch.rand(16, 3, 8, 8, generator=drawn(2))
    same = OFF.apply(patches, drawn(), stain=None, others=())
    torch.testing.assert_close(same, patches, atol=1e-6, rtol=0)
    on = {
        "rotation_degrees": 20.0, "right_angles": True, "flip_vertical": True, "crop_low": 0.5,
        "stain_jitter": 0.2, "brightness": 0.2, "contrast": 0.3, "saturation": 0.4, "hue": 0.1,
        "noise": 0.1, "blur_px": 1.0,
    }  # fmt: skip
    for name, value in on.items():
        changed = replace(OFF, **{name: value}).apply(patches, drawn(), stain=None, others=())
        assert (changed - patches).abs().max() > 0.01, name
        assert changed.min() >= 0
        assert changed.max() <= 1


@pytest.mark.parametrize("size", [(24, 24), (20, 33)])
@pytest.mark.parametrize("crop_low", [0.5, 1.0])
def test_all_at_once_is_one_random_step_after_the_other(
    size: tuple[int, int], crop_low: float
) -> None:
    """The same draws and the same patches, up to rounding, as by each function for itself."""
    # away from black and white, where only the steps in between would be cut
    patches = 0.4 + 0.3 * torch.rand(70, 3, *size, generator=drawn(2))
    before = patches.clone()
    pale = Stain(vectors=STAIN.vectors, maximum=STAIN.maximum * 0.8)
    augmentation = PatchAugmentation(
        rotation_degrees=10.0, right_angles=True, flip_horizontal=True, flip_vertical=True,
        crop_low=crop_low, stain_transfer=0.5, stain_jitter=0.05, brightness=0.05, contrast=0.1,
        saturation=0.1, hue=0.02, noise=0.05, blur_px=1.0,
    )  # fmt: skip
    found = augmentation.apply(patches, drawn(3), stain=STAIN, others=[pale])
    assert torch.equal(patches, before)
    g = drawn(3)
    patches = random_rotate(patches, degrees=10.0, generator=g)
    patches = random_turn(patches, generator=g)
    patches = random_flip(patches, horizontal=True, vertical=True, generator=g)
    if crop_low < 1:
        patches = random_resized_crop(
            patches, scale_low=crop_low, generator=g, interpolation="bicubic"
        )
    patches = transfer_stains(patches, source=STAIN, targets=[pale], probability=0.5, generator=g)
    patches = jitter_hed(patches, strength=0.05, generator=g)
    patches = jitter_colour(
        patches, brightness=0.05, contrast=0.1, saturation=0.1, hue=0.02, generator=g
    )
    patches = random_blur(patches, sd_px=1.0, probability=0.25, generator=g)
    patches = random_noise(patches, sd=0.05, probability=0.25, generator=g)
    torch.testing.assert_close(found, patches, atol=2e-5, rtol=0)


def test_a_stain_is_transferred_only_where_it_is_known() -> None:
    patches = torch.rand(16, 3, 8, 8, generator=drawn(2))
    pale = Stain(vectors=STAIN.vectors, maximum=STAIN.maximum / 2)
    transfer = replace(OFF, stain_transfer=1.0)
    paler = transfer.apply(patches, drawn(), stain=STAIN, others=[pale])
    assert paler.mean() > patches.mean() + 0.05
    unknown = transfer.apply(patches, drawn(), stain=None, others=[pale])
    torch.testing.assert_close(unknown, patches, atol=1e-6, rtol=0)


def test_strengths_out_of_range_are_named_together() -> None:
    with pytest.raises(StudyError) as error:
        replace(OFF, hue=0.6, crop_low=0.0, stain_transfer=1.5, noise=-1.0)
    assert [line.split(":")[0] for line in error.value.problems] == [
        "crop_low", "stain_transfer", "hue", "noise",
    ]  # fmt: skip
