"""Images blurred as by a lens or a probe out of focus (Gaussian)."""

from __future__ import annotations

import torch

from tumorboard.explain.probes import ImageProbe, Probe
from tumorboard.transforms.degradation import blur


class Blur(ImageProbe, Probe):
    """Images blurred as by a lens or a probe out of focus (Gaussian).

    Args:
        strengths: Standard deviations of the blur, as shares of the image's height.
    """

    unit = "standard deviation, share of the image height"

    def __init__(self, *, strengths: tuple[float, ...] = (0.005, 0.01, 0.02, 0.04, 0.08)) -> None:
        super().__init__(strengths=strengths)

    def worse(
        self, images: torch.Tensor, generators: list[torch.Generator], strength: float
    ) -> torch.Tensor:
        """The same images made worse."""
        return blur(images, sd_px=strength * images.shape[-2])
