"""Ghosts and ringing as where the patient moves during an MRI acquisition."""

from __future__ import annotations

import torch

from tumorboard.explain.probes import ImageProbe, Probe
from tumorboard.transforms.degradation import move


class Motion(ImageProbe, Probe):
    """Ghosts and ringing as where the patient moves during an MRI acquisition.

    Args:
        strengths: Shifts of the body half-way through, as shares of the image's height.
    """

    unit = "shift, share of the image height"

    def __init__(self, *, strengths: tuple[float, ...] = (0.01, 0.03, 0.06, 0.12)) -> None:
        super().__init__(strengths=strengths)

    def worse(
        self, images: torch.Tensor, generators: list[torch.Generator], strength: float
    ) -> torch.Tensor:
        """The same images made worse."""
        return move(images, shift_px=strength * images.shape[-2])
