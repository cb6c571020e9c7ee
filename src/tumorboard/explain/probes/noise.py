"""Gaussian noise added to images."""

from __future__ import annotations

import torch

from tumorboard.explain.probes import ImageProbe, Probe
from tumorboard.transforms.degradation import add_noise


class Noise(ImageProbe, Probe):
    """Gaussian noise added to images.

    Args:
        strengths: Standard deviations of the noise, as shares of the range of intensities.
    """

    unit = "standard deviation, share of the intensity range"

    def __init__(self, *, strengths: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2, 0.4)) -> None:
        super().__init__(strengths=strengths)

    def worse(
        self, images: torch.Tensor, generators: list[torch.Generator], strength: float
    ) -> torch.Tensor:
        """The same images made worse."""
        drawn = [torch.randn(images.shape[1:], generator=g) for g in generators]
        return add_noise(images, torch.stack(drawn), sd=strength)
