"""Images sampled more coarsely, as by an older or a cheaper device."""

from __future__ import annotations

import torch

from tumorboard.explain.probes import ImageProbe, Probe
from tumorboard.transforms.degradation import reduce_resolution


class Resolution(ImageProbe, Probe):
    """Images sampled more coarsely, as by an older or a cheaper device.

    Args:
        strengths: How often the pixel is doubled, in both directions.
    """

    unit = "doublings of the pixel size"

    def __init__(self, *, strengths: tuple[float, ...] = (1.0, 2.0, 3.0, 4.0)) -> None:
        super().__init__(strengths=strengths)

    def worse(
        self, images: torch.Tensor, generators: list[torch.Generator], strength: float
    ) -> torch.Tensor:
        """The same images made worse."""
        return reduce_resolution(images, factor=2.0**strength)
