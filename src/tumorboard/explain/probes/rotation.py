"""Images rotated about their centre, to one side or the other."""

from __future__ import annotations

import torch

from tumorboard.explain.probes import ImageProbe, Probe, signs
from tumorboard.transforms.geometry import rotate


class Rotation(ImageProbe, Probe):
    """Images rotated about their centre, to one side or the other.

    Args:
        strengths: Angles in degrees; the side is drawn for each image.
    """

    unit = "degrees"

    def __init__(self, *, strengths: tuple[float, ...] = (5.0, 15.0, 30.0, 60.0, 90.0)) -> None:
        super().__init__(strengths=strengths)

    def worse(
        self, images: torch.Tensor, generators: list[torch.Generator], strength: float
    ) -> torch.Tensor:
        """The same images made worse."""
        return rotate(images, strength * signs(generators))
