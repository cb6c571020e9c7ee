"""Images made brighter or darker."""

from __future__ import annotations

import torch

from tumorboard.explain.probes import ImageProbe, Probe, signs
from tumorboard.transforms.intensity import change_brightness


class Brightness(ImageProbe, Probe):
    """Images made brighter or darker.

    Args:
        strengths: Changes of the intensity, as shares of its range; each image's sign is drawn.
    """

    unit = "change, share of the intensity range"

    def __init__(self, *, strengths: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4)) -> None:
        super().__init__(strengths=strengths)

    def worse(
        self, images: torch.Tensor, generators: list[torch.Generator], strength: float
    ) -> torch.Tensor:
        """The same images made worse."""
        return change_brightness(images, strength * signs(generators))
