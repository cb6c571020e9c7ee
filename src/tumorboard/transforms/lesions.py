"""Draw a lesion on a speckled background, as on an ultrasound image, from one latent number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

#: The latent number is read from the picture between these limits, and saturates beyond them.
LIMIT = 3.0


def draw_lesion(
    signal: float, *, size: tuple[int, int], gain: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The image alone of `draw_lesion_and_mask`."""
    return draw_lesion_and_mask(signal, size=size, gain=gain, rng=rng)[0]


def draw_lesion_and_mask(
    signal: float, *, size: tuple[int, int], gain: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Draw one grey image, and where its lesion is.

    A high `signal` makes the lesion dark, spiculated and shadowing. Lesion size, place,
    rotation, the spicules' phases and the speckle are drawn from `rng` and say nothing of
    `signal`. Distances are shares of the image height, so that the picture is alike at every size.

    Args:
        signal: Standard normal latent number of the lesion.
        size: Height and width in px.
        gain: Brightness of the whole image, 1 = ordinary; a device's, not the lesion's.
        rng: Source of all randomness.
    """
    share = (np.clip(signal, -LIMIT, LIMIT) + LIMIT) / (2 * LIMIT)
    height, width = size
    y = ((np.arange(height) + 0.5) / height - 0.5)[:, None]
    x = ((np.arange(width) + 0.5 - width / 2) / height)[None, :]
    centre_y, centre_x = rng.uniform(-0.14, 0.06), rng.uniform(-0.15, 0.15)
    radius = rng.uniform(0.17, 0.25)
    inside = _inside(y - centre_y, x - centre_x, radius, float(share), rng)
    # Behind a cyst the echo is enhanced, behind a dense tumour it is lost.
    behind = np.clip((y - centre_y) / radius, 0, 1) * np.exp(
        -(((x - centre_x) / (0.8 * radius)) ** 2)
    )
    tissue = 1 + 0.12 * _smooth_noise(size, height / 10, rng)
    level = tissue * (1 + (0.35 - 0.75 * share) * behind)
    level = level * (1 - inside) + (0.8 - 0.7 * share) * inside
    # Fully developed speckle has a Rayleigh amplitude (Burckhardt 1978), here of mean 1; the root
    # stands for the display's compression of the dynamic range.
    rayleigh = rng.rayleigh(np.sqrt(2 / np.pi), size=size)
    speckle = np.sqrt(gaussian_filter(rayleigh, 0.6 * max(1.0, height / 64)))
    image = 115 * gain * rng.uniform(0.95, 1.05) * level * speckle
    return np.clip(image, 0, 255).astype(np.uint8), inside > 0.5


def _inside(
    y: NDArray[np.float64],
    x: NDArray[np.float64],
    radius: float,
    share: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Share of each pixel that lies inside the lesion, with a soft border."""
    rotation, flattening = rng.uniform(0, np.pi), rng.uniform(0.7, 1.0)
    phases = rng.uniform(0, 2 * np.pi, size=3)
    along = x * np.cos(rotation) + y * np.sin(rotation)
    across = (y * np.cos(rotation) - x * np.sin(rotation)) / flattening
    angle = np.arctan2(across, along)
    waves = sum(
        np.cos(k * angle + phase) for k, phase in zip((3, 5, 8), phases, strict=True)
    ) / np.sqrt(3)
    border = radius * (1 + 0.35 * share * waves)
    distance = np.hypot(along, across)
    return 1 / (1 + np.exp(np.clip((distance - border) / 0.012, -50, 50)))


def _smooth_noise(
    size: tuple[int, int], width_px: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Standardised Gaussian field whose grain is `width_px`."""
    field = gaussian_filter(rng.standard_normal(size), width_px, mode="wrap")
    return field / max(float(field.std()), 1e-12)
