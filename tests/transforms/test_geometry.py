from __future__ import annotations

import torch

from tumorboard.transforms.geometry import flip, random_flip, random_rotate, rotate

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
