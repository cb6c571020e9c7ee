from __future__ import annotations

import pytest
import torch
from torch.nn.functional import affine_grid, grid_sample, interpolate

from tumorboard.transforms.geometry import (
    crop_resized,
    crop_taps,
    flip,
    mirror,
    random_flip,
    random_resized_crop,
    random_rotate,
    resample,
    rotate,
    turn,
    turned_crop,
)

IMAGES = torch.rand(4, 2, 6, 9, generator=torch.Generator().manual_seed(1))


def test_rotation_is_counter_clockwise_like_rot90() -> None:
    square = torch.rand(2, 1, 5, 5, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(rotate(square, 90.0), torch.rot90(square, 1, (2, 3)))
    torch.testing.assert_close(rotate(square, -90.0), torch.rot90(square, -1, (2, 3)))


def test_rotation_keeps_distances_in_an_oblong_image() -> None:
    wide = torch.zeros(1, 1, 21, 41)
    wide[0, 0, 10, 28] = 1.0  # 8 pixels right of the centre
    turned = rotate(wide, 90.0)[0, 0]
    row, column = divmod(int(turned.argmax()), 41)
    assert (row, column) == (2, 20)  # 8 pixels above it


def test_places_are_not_rounded_to_what_the_network_is() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        rounded = rotate(IMAGES, 10.0)
    torch.testing.assert_close(rounded, rotate(IMAGES, 10.0), atol=1e-6, rtol=0)


def test_half_turn_flip_and_nothing() -> None:
    torch.testing.assert_close(rotate(IMAGES, 180.0), IMAGES.flip(-1, -2))
    torch.testing.assert_close(rotate(IMAGES, 0.0), IMAGES)
    torch.testing.assert_close(flip(IMAGES, horizontal=True, vertical=True), IMAGES.flip(-1, -2))
    torch.testing.assert_close(flip(IMAGES, horizontal=False, vertical=False), IMAGES)


def test_the_border_is_continued() -> None:
    ones = torch.ones(1, 1, 8, 8)
    torch.testing.assert_close(rotate(ones, 45.0), ones)


def test_each_image_has_its_own_angle_and_flip() -> None:
    angles = torch.tensor([0.0, 10.0, -20.0, 180.0])
    together = rotate(IMAGES, angles)
    for i, angle in enumerate(angles):
        torch.testing.assert_close(together[i : i + 1], rotate(IMAGES[i : i + 1], float(angle)))
    chosen = torch.tensor([True, False, False, True])
    flipped = flip(IMAGES, horizontal=chosen, vertical=False)
    torch.testing.assert_close(flipped[1:3], IMAGES[1:3])
    torch.testing.assert_close(flipped[[0, 3]], IMAGES[[0, 3]].flip(-1))


def test_random_twins_follow_their_generator() -> None:
    def draw(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        turned = random_rotate(IMAGES, degrees=30.0, generator=generator)
        return random_flip(turned, horizontal=True, vertical=True, generator=generator)

    torch.testing.assert_close(draw(3), draw(3), rtol=0, atol=0)
    assert not torch.equal(draw(3), draw(4))


def test_random_flips_are_even_and_only_where_allowed() -> None:
    ramp = torch.arange(4.0).reshape(1, 1, 2, 2).repeat(4000, 1, 1, 1)
    generator = torch.Generator().manual_seed(5)
    flipped = random_flip(ramp, horizontal=True, vertical=False, generator=generator)
    share = (flipped[:, 0, 0, 0] == 1).float().mean().item()
    assert 0.46 < share < 0.54  # five standard errors of a fair coin, 0.0079
    assert set(flipped[:, 0, 0, 0].tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_crop_is_the_slice_enlarged(interpolation: str) -> None:
    images = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(6))
    # rows 4 to 16, columns 8 to 20
    cropped = crop_resized(
        images,
        centre=torch.tensor([[10 / 24, 14 / 24]]).expand(2, 2),
        share=torch.full((2, 2), 0.5),
        interpolation=interpolation,  # type: ignore[arg-type]
    )
    expected = interpolate(images[:, :, 4:16, 8:20], size=(24, 24), mode=interpolation)
    # at its border a slice cannot see its neighbours, the crop can
    torch.testing.assert_close(cropped[..., 4:-4, 4:-4], expected[..., 4:-4, 4:-4])


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_crop_is_that_of_a_grid_in_two_dimensions(interpolation: str) -> None:
    images = torch.rand(40, 3, 13, 22, generator=torch.Generator().manual_seed(7))
    centre, share = torch.rand(2, 40, 2, generator=torch.Generator().manual_seed(8))
    share[20:] *= -1  # mirrored
    cropped = crop_resized(images, centre=centre, share=share, interpolation=interpolation)  # type: ignore[arg-type]
    matrix = torch.zeros(40, 2, 3)
    matrix[:, 0, 0], matrix[:, 1, 1] = share[:, 1], share[:, 0]
    matrix[:, 0, 2], matrix[:, 1, 2] = 2 * centre[:, 1] - 1, 2 * centre[:, 0] - 1
    grid = affine_grid(matrix, [40, 3, 13, 22], align_corners=False)
    expected = grid_sample(
        images, grid, mode=interpolation, padding_mode="border", align_corners=False
    )
    torch.testing.assert_close(cropped, expected, atol=1e-5, rtol=0)


def test_a_turned_crop_is_turn_mirror_and_crop_in_order() -> None:
    images = torch.rand(16, 3, 12, 12, generator=torch.Generator().manual_seed(9))
    generator = torch.Generator().manual_seed(10)
    share = 0.4 + 0.5 * torch.rand(16, 2, generator=generator)
    centre = share / 2 + (1 - share) * torch.rand(16, 2, generator=generator)
    every = torch.arange(16)
    quarters, mirrored = every % 4, torch.stack([every % 8 >= 4, every >= 8], dim=1)
    exchanged, *crop = turned_crop(quarters, mirrored, centre, share)
    taps = crop_taps((12, 12), centre=crop[0], share=crop[1], interpolation="bicubic")
    expected = crop_resized(
        mirror(turn(images, quarters), mirrored),
        centre=centre,
        share=share,
        interpolation="bicubic",
    )
    torch.testing.assert_close(resample(images, exchanged, *taps), expected, atol=1e-5, rtol=0)


def test_crops_stay_within_the_image_and_its_smallest_share() -> None:
    """A ramp of rows and one of columns tell where each crop began, ended, and how big it is."""
    ramp = (torch.arange(32) + 0.5) / 32
    rows, columns = torch.meshgrid(ramp, ramp, indexing="ij")
    images = torch.stack([rows, columns]).expand(3000, 2, 32, 32)
    generator = torch.Generator().manual_seed(7)
    cropped = random_resized_crop(images, scale_low=0.25, aspect=1.0, generator=generator)
    # the slope in the middle is not touched by the continued border
    heights = (cropped[:, 0, 20, 16] - cropped[:, 0, 12, 16]) / 8 * 32
    widths = (cropped[:, 1, 16, 20] - cropped[:, 1, 16, 12]) / 8 * 32
    torch.testing.assert_close(heights, widths, atol=1e-4, rtol=0)
    area = heights * widths
    assert 0.25 - 1e-3 < float(area.min()) < 0.26
    assert 0.99 < float(area.max()) < 1 + 1e-3
    assert float(area.mean()) == pytest.approx(0.625, abs=0.02)  # uniform from 1/4 to 1
    middle = (cropped[:, :, 15, 15] + cropped[:, :, 16, 16]) / 2
    reach = torch.stack([heights, widths], dim=1) / 2
    assert bool((middle - reach > -1e-3).all())
    assert bool((middle + reach < 1 + 1e-3).all())


def test_crops_are_stretched_within_their_aspect() -> None:
    ramp = (torch.arange(32) + 0.5) / 32
    rows, columns = torch.meshgrid(ramp, ramp, indexing="ij")
    images = torch.stack([rows, columns]).expand(2000, 2, 32, 32)
    generator = torch.Generator().manual_seed(8)
    cropped = random_resized_crop(images, scale_low=0.1, generator=generator)
    height = cropped[:, 0, 20, 16] - cropped[:, 0, 12, 16]
    width = cropped[:, 1, 16, 20] - cropped[:, 1, 16, 12]
    ratio = height / width
    assert 3 / 4 - 1e-3 < float(ratio.min()) < 0.77
    assert 1.3 < float(ratio.max()) < 4 / 3 + 1e-3


def test_whole_crops_change_nothing_and_draws_repeat() -> None:
    def draw(seed: int, scale_low: float) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return random_resized_crop(IMAGES, scale_low=scale_low, generator=generator)

    assert torch.equal(draw(1, 1.0), IMAGES)
    assert torch.equal(draw(1, 0.5), draw(1, 0.5))
    assert not torch.equal(draw(1, 0.5), draw(2, 0.5))
    assert draw(1, 0.5).shape == IMAGES.shape
