"""Images made brighter or darker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from tumorboard.explain.probes import Probe, Trial, no_images, signs, with_images
from tumorboard.modalities import Measured
from tumorboard.records import Ints
from tumorboard.training.fitted import FittedArm
from tumorboard.transforms.intensity import change_brightness


class Brightness(Probe):
    """Images made brighter or darker.

    Args:
        strengths: Changes of the intensity, as shares of its range; each image's sign is drawn.
    """

    unit = "change, share of the intensity range"

    def __init__(self, *, strengths: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4)) -> None:
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
                return change_brightness(images, by * signs(generators))

            yield with_images(fitted, measured, rows, seeds, strength=strength, change=change)
