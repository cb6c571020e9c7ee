"""Images blurred as by a lens or a probe out of focus (Gaussian)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from tumorboard.explain.probes import Probe, Trial, no_images, with_images
from tumorboard.modalities import Measured
from tumorboard.records import Ints
from tumorboard.training.fitted import FittedArm
from tumorboard.transforms.degradation import blur


class Blur(Probe):
    """Images blurred as by a lens or a probe out of focus (Gaussian).

    Args:
        strengths: Standard deviations of the blur, as shares of the image's height.
    """

    unit = "standard deviation, share of the image height"

    def __init__(self, *, strengths: tuple[float, ...] = (0.005, 0.01, 0.02, 0.04, 0.08)) -> None:
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
                images: torch.Tensor, _: list[torch.Generator], by: float = strength
            ) -> torch.Tensor:
                return blur(images, sd_px=by * images.shape[-2])

            yield with_images(fitted, measured, rows, seeds, strength=strength, change=change)
