"""Images and masks are moved alike, masks are never mixed, places follow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from tumorboard.modalities.image import Image
from tumorboard.modalities.volume import Volume
from tumorboard.models.guides import Context
from tumorboard.transforms.augmentation import Augmentation
from tumorboard.transforms.mask_augmentation import augment_pictures, augment_volumes
from tumorboard.transforms.volume_augmentation import VolumeAugmentation

STILL = Augmentation(
    rotation_degrees=0.0, flip_horizontal=False, flip_vertical=False,
    brightness=0.0, contrast=0.0, noise=0.0, blur_px=0.0,
)  # fmt: skip
STILL_VOLUME = VolumeAugmentation(
    rotation_degrees=0.0, scaling=0.0, translation=0.0, elastic_vox=0.0, flip=(),
    brightness=0.0, contrast=0.0, gamma=0.0, noise=0.0, blur_vox=0.0, low_resolution=1.0,
)  # fmt: skip
EVERY_MOVE = replace(
    STILL_VOLUME, rotation_degrees=20.0, scaling=0.2, translation=0.1, elastic_vox=1.0,
    flip=("x", "y", "z"),
)  # fmt: skip
EVERY_LIGHT = replace(
    STILL_VOLUME, brightness=0.2, contrast=0.2, gamma=0.3, noise=0.1, blur_vox=1.0,
    low_resolution=2.0,
)  # fmt: skip


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def whole(n: int, n_axes: int) -> torch.Tensor:
    return torch.tensor([-1.0, 1.0]).expand(n, n_axes, 2)


def ball(n: int, *space: int) -> torch.Tensor:
    """Masks (n, *space) of a ball beside the centre, labelled 4."""
    lines = torch.meshgrid(*[torch.arange(s) for s in space], indexing="ij")
    centre = [0.4 * s for s in space]
    distance = sum((line - c) ** 2 for line, c in zip(lines, centre, strict=True))
    inside = torch.as_tensor(distance) <= (0.25 * min(space)) ** 2
    return (4 * inside).to(torch.uint8).expand(n, *space).contiguous()


def dice(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def check_alike(image: torch.Tensor, mask: torch.Tensor) -> None:
    """Where all voxels around a place agree, the nearest of them must."""
    assert bool(mask[image > 0.9999].all())
    assert not bool(mask[image < 0.0001].any())
    assert float(((image > 0.9999) | (image < 0.0001)).float().mean()) > 0.7


@pytest.mark.parametrize("space", [(32, 28), (20, 24, 18)])
def test_image_and_mask_move_alike(space: tuple[int, ...]) -> None:
    """The mask as its own image: where the image is above one half, there is the mask."""
    masks = ball(6, *space)
    images = (masks > 0).float().unsqueeze(1)
    places = whole(6, 3)
    found, numbers, _ = augment_volumes(images, masks, places, seeded(), settings=EVERY_MOVE)
    assert numbers.dtype == torch.uint8
    assert set(numbers.unique().tolist()) == {0, 4}
    check_alike(found[:, 0], numbers > 0)
    assert dice(masks > 0, numbers > 0) < 0.95  # it did move


@pytest.mark.parametrize("n_dims", [2, 3])
def test_mirroring_is_exact_and_swaps_the_ends(n_dims: int) -> None:
    """A patch that holds its own coordinates still does, by the places, after mirroring."""
    space = (8, 6, 10)[:n_dims]
    places = torch.tensor([[-0.5, 0.5], [-1.0, 0.2], [0.1, 0.4]]).expand(16, 3, 2)[:, :n_dims]
    vectors, tokens, present = (), (), torch.zeros(16, 0, dtype=torch.bool)
    images = Context(vectors, tokens, present, places).coordinates(space)
    numbers = torch.randint(0, 3, (16, *space), dtype=torch.uint8)
    joined = torch.cat([images, numbers.unsqueeze(1).float()], dim=1)
    settings = replace(STILL_VOLUME, flip=("x", "y", "z"))
    found, mirrored, moved = augment_volumes(joined, numbers, places, seeded(), settings=settings)
    assert torch.equal(found[:, -1].to(torch.uint8), mirrored)
    expected = Context(vectors, tokens, present, moved).coordinates(space)
    torch.testing.assert_close(found[:, :-1], expected)
    n_kinds = len(moved.flatten(1).unique(dim=0))
    assert n_kinds == 2**n_dims


def test_places_follow_shift_and_scale() -> None:
    places = torch.tensor([[-0.6, 0.4], [-0.5, 0.5]]).expand(4, 2, 2)
    context = Context((), (), torch.zeros(4, 0, dtype=torch.bool), places)
    images = context.coordinates((64, 64))
    settings = replace(STILL_VOLUME, scaling=0.2, translation=0.05, flip=("x",))
    numbers = torch.zeros(4, 64, 64, dtype=torch.uint8)
    found, _, moved = augment_volumes(images, numbers, places, seeded(3), settings=settings)
    expected = replace(context, places=moved).coordinates((64, 64))
    inner = (..., slice(16, 48), slice(16, 48))  # the border is continued, not extrapolated
    torch.testing.assert_close(found[inner], expected[inner], atol=1e-4, rtol=1e-4)


def test_light_is_for_images_alone() -> None:
    masks = ball(8, 16, 16, 16)
    images = torch.rand(8, 2, 16, 16, 16, generator=seeded())
    places = whole(8, 3)
    found, numbers, same = augment_volumes(images, masks, places, seeded(), settings=EVERY_LIGHT)
    assert torch.equal(numbers, masks)
    assert torch.equal(same, places)
    assert not torch.equal(found, images)
    flat, _, _ = augment_volumes(
        images[..., 0], masks[..., 0], places, seeded(), settings=EVERY_LIGHT
    )
    assert flat.shape == (8, 2, 16, 16)


def test_nothing_asked_nothing_done() -> None:
    images, masks, places = torch.rand(3, 1, 9, 7), ball(3, 9, 7), whole(3, 2)
    for settings, augment in ((STILL, augment_pictures), (STILL_VOLUME, augment_volumes)):
        found, numbers, same = augment(images, masks, places, seeded(), settings=settings)  # pyright: ignore[reportArgumentType, reportCallIssue]
        assert torch.equal(found, images)
        assert torch.equal(numbers, masks)
        assert torch.equal(same, places)


def test_pictures_by_their_own_settings() -> None:
    masks = ball(40, 24, 36)
    images = (masks > 0).float().unsqueeze(1)
    settings = replace(STILL, rotation_degrees=25.0, flip_horizontal=True)
    found, numbers, places = augment_pictures(
        images, masks, whole(40, 2), seeded(), settings=settings
    )
    check_alike(found[:, 0], numbers > 0)
    assert torch.equal(places[:, 0], whole(40, 1)[:, 0])  # top and bottom stay
    assert 8 < int((places[:, 1, 0] > 0).sum()) < 32
    # a rotation of images that are not square keeps areas: no stretching
    areas = (numbers > 0).flatten(1).sum(1).float()
    assert float((areas / (masks[0] > 0).sum() - 1).abs().max()) < 0.06


def test_same_seed_same_result_and_settings_do_not_disturb_each_other() -> None:
    images, masks, places = torch.rand(5, 1, 12, 12), ball(5, 12, 12), whole(5, 2)
    settings = replace(STILL, flip_vertical=True)
    one = augment_pictures(images, masks, places, seeded(7), settings=settings)
    other = augment_pictures(images, masks, places, seeded(7), settings=settings)
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    both = replace(settings, rotation_degrees=10.0)
    turned = augment_pictures(images, masks, places, seeded(7), settings=both)
    assert torch.equal(turned[2], one[2])


def test_modalities_augment_cases_with_their_own_settings() -> None:
    still: dict[str, Any] = {
        "brightness": 0.0,
        "contrast": 0.0,
        "noise": 0.0,
        "rotation_degrees": 0.0,
    }
    image = Image(files="a.png", blur_px=0.0, flip_horizontal=True, flip_vertical=False, **still)
    pictures = torch.arange(24.0).view(1, 1, 4, 6).expand(8, 1, 4, 6) / 24
    numbers = torch.arange(24, dtype=torch.uint8).view(1, 4, 6).expand(8, 4, 6)
    found, masks, places = image.augment_case(pictures, numbers, whole(8, 2), seeded())
    mirrored = places[:, 1, 0] > 0
    assert 0 < int(mirrored.sum()) < 8
    torch.testing.assert_close(found[mirrored], pictures[mirrored].flip(3))
    assert torch.equal(masks[mirrored], numbers[mirrored].flip(2))
    assert torch.equal(masks[~mirrored], numbers[~mirrored])
    volume = Volume(
        files="a.nii.gz", spacing_mm=(1.0, 1.0, 5.0), scaling=0.0, translation=0.0, gamma=0.0,
        blur_vox=0.0, low_resolution=1.0, flip=("z",), **still,
    )  # fmt: skip
    solid, layers = pictures.unsqueeze(2), numbers.unsqueeze(1)
    found, masks, places = volume.augment_case(solid, layers, whole(8, 3), seeded())
    mirrored = places[:, 2, 0] > 0
    assert torch.equal(masks[mirrored], layers[mirrored].flip(3))
    torch.testing.assert_close(found[mirrored], solid[mirrored].flip(4))
    flat, planes, same = volume.augment_case(pictures, numbers, whole(8, 3), seeded())
    assert torch.equal(flat, pictures)
    assert torch.equal(planes, numbers)
    assert torch.equal(same, whole(8, 3))
