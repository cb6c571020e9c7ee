"""What an acquisition loses: noise, blur, motion and resolution of image batches (B, C, H, W)."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import interpolate, pad

#: A Gaussian is cut where it has fallen to 1 % of its peak or less.
_BLUR_RADIUS_SD = 3.0


def add_noise(
    images: torch.Tensor, noise: torch.Tensor, *, sd: torch.Tensor | float
) -> torch.Tensor:
    """Add `sd` (one, or one per image) times `noise`, and clip to 0..1.

    Args:
        images: (B, C, H, W) in 0..1.
        noise: Standard normal values of the same shape, drawn by the caller.
        sd: Standard deviation of the noise in the images' own units.
    """
    scale = _per_image(sd, images).view(-1, 1, 1, 1)
    return torch.addcmul(images, scale, noise.to(images)).clamp_(0.0, 1.0)


def blur(images: torch.Tensor, *, sd_px: torch.Tensor | float) -> torch.Tensor:
    """Gaussian blur with a standard deviation in pixels, one or one per image; 0 changes nothing.

    An image's result does not depend on the other images of the batch.
    """
    sd = _per_image(sd_px, images)
    radius = math.ceil(_BLUR_RADIUS_SD * float(sd.max())) if len(sd) else 0
    if radius == 0:
        return images.clone()
    offsets = torch.arange(-radius, radius + 1, dtype=images.dtype, device=images.device)
    weights = torch.exp(-0.5 * (offsets / sd.clamp(min=1e-6)[:, None]) ** 2)
    weights = weights * (offsets.abs() <= torch.ceil(_BLUR_RADIUS_SD * sd)[:, None])
    weights = weights / weights.sum(dim=1, keepdim=True)
    return _convolve(_convolve(images, weights, radius, axis=2), weights, radius, axis=3)


def move(images: torch.Tensor, *, shift_px: float, start: float = 0.5) -> torch.Tensor:
    """Motion artefact of a scanner: the body moves by `shift_px` rows while k-space is filled.

    Rows of k-space are filled from bottom to top; those after the fraction `start` see the moved
    body, which gives the ghosts and ringing along the rows that a sudden movement gives in MRI.

    Source:
        Shift theorem of the Fourier transform; simulated as in Shaw et al., MICCAI 2019 workshop.
    """
    height = images.shape[-2]
    rows = torch.fft.fftfreq(height, device=images.device, dtype=torch.float32)
    is_moved = rows >= torch.sort(rows).values[min(round(start * height), height - 1)]
    is_moved = is_moved & (start < 1)
    phase = torch.where(is_moved, -2 * math.pi * rows * shift_px, torch.zeros_like(rows))
    spectrum = torch.fft.fft(images.float(), dim=-2) * torch.exp(1j * phase)[:, None]
    return torch.fft.ifft(spectrum, dim=-2).abs().clamp(0.0, 1.0).to(images.dtype)


def reduce_resolution(images: torch.Tensor, *, factor: float) -> torch.Tensor:
    """Sample `factor` times coarser (averaging over area), then back to the size it had."""
    height, width = images.shape[-2:]
    coarse = (max(1, round(height / factor)), max(1, round(width / factor)))
    small = interpolate(images, size=coarse, mode="area")
    return interpolate(small, size=(height, width), mode="bilinear", align_corners=False)


def random_noise(
    images: torch.Tensor, *, sd: float, probability: float, generator: torch.Generator
) -> torch.Tensor:
    """`add_noise` to a random subset, its standard deviation drawn from 0 to `sd`."""
    rows, drawn = _choose(images, probability, generator)
    if len(rows) == 0:
        return images
    # Drawn on the CPU, so that a GPU adds the same noise.
    noise = torch.randn(len(rows), *images.shape[1:], generator=generator)
    rows = rows.to(images.device)
    return images.index_copy(0, rows, add_noise(images[rows], noise, sd=drawn * sd))


def random_blur(
    images: torch.Tensor, *, sd_px: float, probability: float, generator: torch.Generator
) -> torch.Tensor:
    """`blur` a random subset, its standard deviation drawn from 0 to `sd_px`."""
    rows, drawn = _choose(images, probability, generator)
    if len(rows) == 0:
        return images
    rows = rows.to(images.device)
    return images.index_copy(0, rows, blur(images[rows], sd_px=drawn * sd_px))


def _choose(
    images: torch.Tensor, probability: float, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of a random subset, and a strength in 0..1 for each."""
    chosen, strength = torch.rand(2, images.shape[0], generator=generator)
    rows = (chosen < probability).nonzero().flatten()
    return rows, strength[rows]


def _convolve(
    images: torch.Tensor, weights: torch.Tensor, radius: int, *, axis: int
) -> torch.Tensor:
    """Weights (B, 2 radius + 1) along one axis; the border is continued."""
    border = (0, 0, radius, radius) if axis == 2 else (radius, radius, 0, 0)
    padded = pad(images, border, mode="replicate")
    size = images.shape[axis]
    result = torch.zeros_like(images)
    # On a CPU a sum of shifted images is several times faster than a grouped convolution.
    for offset in range(2 * radius + 1):
        shifted = padded.narrow(axis, offset, size)
        result.addcmul_(weights[:, offset].view(-1, 1, 1, 1), shifted)
    return result


def _per_image(value: torch.Tensor | float, images: torch.Tensor) -> torch.Tensor:
    tensor = torch.as_tensor(value, dtype=images.dtype, device=images.device)
    return tensor.expand(images.shape[0])
