"""Random stains: identity at no strength, ranges, repeatability, and transfers as in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tumorboard.transforms.stain_augmentation import change_hed, jitter_hed, transfer_stains
from tumorboard.transforms.stains import HED, Stain, macenko_normalise, od_to_rgb, rgb_to_hed

BYTES = np.random.default_rng(0).integers(40, 250, (6, 3, 9, 7)).astype(np.uint8)
IMAGES = torch.from_numpy(BYTES).float() / 255


def make_stain(h: list[float], e: list[float], maximum: list[float]) -> Stain:
    vectors = np.array([h, e])
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return Stain(vectors=vectors, maximum=np.array(maximum))


ONE = make_stain([0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [1.2, 0.8])
TWO = make_stain([0.55, 0.76, 0.35], [0.15, 0.95, 0.27], [0.9, 0.9])
THREE = make_stain([0.70, 0.65, 0.30], [0.20, 0.90, 0.38], [1.4, 0.6])


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_concentrations_by_hand() -> None:
    """One unit of haematoxylin, scaled by 1/2 plus 0.1, is 0.6 units; eosin gets 0.2."""
    pixel = torch.from_numpy(od_to_rgb(HED[0])).float().view(1, 3, 1, 1) / 255
    changed = change_hed(pixel, torch.tensor([0.5, 1.0, 1.0]), torch.tensor([0.1, 0.2, 0.0]))
    expected = od_to_rgb(0.6 * HED[0] + 0.2 * HED[1])
    assert (changed.flatten() * 255).tolist() == pytest.approx(expected.tolist(), abs=1.0)


def test_no_change_is_the_image_itself() -> None:
    same = change_hed(IMAGES, torch.ones(3), torch.zeros(3))
    torch.testing.assert_close(same, IMAGES, atol=2e-6, rtol=0)
    assert torch.equal(jitter_hed(IMAGES, strength=0.0, generator=seeded()), IMAGES)
    never = transfer_stains(IMAGES, source=ONE, targets=[TWO], probability=0, generator=seeded())
    assert torch.equal(never, IMAGES)
    none = transfer_stains(IMAGES, source=ONE, targets=[], probability=1, generator=seeded())
    assert torch.equal(none, IMAGES)
    own = transfer_stains(IMAGES, source=ONE, targets=[ONE], probability=1, generator=seeded())
    torch.testing.assert_close(own, IMAGES, atol=1e-5, rtol=0)


def test_jitter_stays_within_its_strength_and_reaches_it() -> None:
    """A pixel with one unit of each stain: c * factor + bias lies within 1 plus or minus 0.1."""
    light = torch.from_numpy(np.exp(-np.log(10) * (np.ones(3) * 0.5) @ HED)).float()
    pixel = ((256 * light - 1) / 255).view(1, 3, 1, 1).expand(3000, 3, 1, 1)
    changed = jitter_hed(pixel, strength=0.05, generator=seeded())
    od = -torch.log10((changed.flatten(1) * 255 + 1) / 256).double()
    found = od @ torch.linalg.inv(torch.from_numpy(HED))
    reach = 0.5 * 0.05 + 0.05
    assert (found - 0.5).abs().max() <= reach + 1e-5
    assert (found - 0.5).amax(dim=0).min() > 0.9 * reach
    assert (0.5 - found).amax(dim=0).min() > 0.9 * reach


def test_transfer_is_that_of_normalisation() -> None:
    changed = transfer_stains(IMAGES, source=ONE, targets=[TWO], probability=1, generator=seeded())
    expected = macenko_normalise(BYTES, ONE, TWO)
    assert np.abs(changed.numpy() * 255 - expected).max() <= 0.51


def test_transfer_draws_every_target_for_the_share_asked() -> None:
    one = IMAGES[:1, :, :2, :2].expand(3000, 3, 2, 2)
    targets = [TWO, THREE]
    changed = transfer_stains(one, source=ONE, targets=targets, probability=0.5, generator=seeded())
    kinds, counts = torch.unique(changed.flatten(1).mul(1000).round(), dim=0, return_counts=True)
    assert len(kinds) == 3
    # shares 1/2, 1/4, 1/4 of 3,000: five standard errors are 0.046 and 0.040
    shares = sorted((counts / 3000).tolist())
    assert shares == pytest.approx([0.25, 0.25, 0.5], abs=0.045)


def test_draws_repeat_with_their_generator_and_differ_by_image() -> None:
    same = IMAGES[:1].expand(4, -1, -1, -1)
    first, second = (jitter_hed(same, strength=0.2, generator=seeded(4)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, jitter_hed(same, strength=0.2, generator=seeded(5)))
    assert len(torch.unique(first.flatten(1), dim=0)) == 4
    assert first.shape == same.shape
    assert 0 <= float(first.min()) <= float(first.max()) <= 1


def test_white_and_black_stay_in_range() -> None:
    extremes = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 3, 4, 4)
    for seed in range(5):
        changed = jitter_hed(extremes, strength=0.2, generator=seeded(seed))
        assert bool(torch.isfinite(changed).all())
        assert 0 <= float(changed.min()) <= float(changed.max()) <= 1


def test_haematoxylin_is_stronger_after_its_factor() -> None:
    darker = change_hed(IMAGES, torch.tensor([1.3, 1.0, 1.0]), torch.zeros(3))
    pixels = (darker * 255).round().byte().permute(0, 2, 3, 1).numpy()
    before = rgb_to_hed(BYTES.transpose(0, 2, 3, 1))
    after = rgb_to_hed(pixels)
    stained = (before[..., 0] > 0.1) & (pixels.min(axis=-1) > 5) & (pixels.max(axis=-1) < 255)
    ratio = after[stained][:, 0] / before[stained][:, 0]
    assert float(np.median(ratio)) == pytest.approx(1.3, abs=0.02)
