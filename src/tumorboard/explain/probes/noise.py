"""Gaussian noise added to images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from tumorboard.explain.probes import Probe, Trial, no_images, with_images
from tumorboard.modalities import Measured
from tumorboard.records import Ints
from tumorboard.training.fitted import FittedArm
from tumorboard.transforms.degradation import add_noise


class Noise(Probe):
    """Gaussian noise added to images.

    Args:
        strengths: Standard deviations of the noise, as shares of the range of intensities.
    """

    unit = "standard deviation, share of the intensity range"

    def __init__(self, *, strengths: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2, 0.4)) -> None:
        self._strengths = strengths

    def refuses(self, fitted: FittedArm) -> str:
        """It needs an image."""
        return no_images(fitted)

    def trials(
        self, fitted: FittedArm, measured: Mapping[str, Measured], rows: Ints, seeds: Ints
    ) -> Iterator[Trial]:
        """One trial per strength."""
        for strength in self._strengths:

            def change(
                images: torch.Tensor, generators: list[torch.Generator], by: float = strength
            ) -> torch.Tensor:
                drawn = [torch.randn(images.shape[1:], generator=g) for g in generators]
                return add_noise(images, torch.stack(drawn), sd=by)

            yield with_images(fitted, measured, rows, seeds, strength=strength, change=change)
