"""Images sampled more coarsely, as by an older or a cheaper device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from tumorboard.explain.probes import Probe, Trial, no_images, with_images
from tumorboard.modalities import Measured
from tumorboard.records import Ints
from tumorboard.training.fitted import FittedArm
from tumorboard.transforms.degradation import reduce_resolution


class Resolution(Probe):
    """Images sampled more coarsely, as by an older or a cheaper device.

    Args:
        strengths: How often the pixel is doubled, in both directions.
    """

    unit = "doublings of the pixel size"

    def __init__(self, *, strengths: tuple[float, ...] = (1.0, 2.0, 3.0, 4.0)) -> None:
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
                return reduce_resolution(images, factor=2.0**by)

            yield with_images(fitted, measured, rows, seeds, strength=strength, change=change)
