"""Images whose contrast is taken away, down to nearly uniform grey."""

from __future__ import annotations

import torch

from tumorboard.explain.probes import ImageProbe, Probe
from tumorboard.transforms.intensity import change_contrast


class Contrast(ImageProbe, Probe):
    """Images whose contrast is taken away, down to nearly uniform grey.

    Args:
        strengths: Shares of the contrast that are taken away.
    """

    unit = "share of the contrast taken away"

    def __init__(self, *, strengths: tuple[float, ...] = (0.25, 0.5, 0.75, 0.9)) -> None:
        super().__init__(strengths=strengths)

    def worse(
        self, images: torch.Tensor, generators: list[torch.Generator], strength: float
    ) -> torch.Tensor:
        """The same images made worse."""
        return change_contrast(images, 1 - strength)
