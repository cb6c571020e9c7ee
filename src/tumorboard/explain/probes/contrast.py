"""Images whose contrast is taken away, down to nearly uniform grey."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from tumorboard.explain.probes import Probe, Trial, no_images, with_images
from tumorboard.modalities import Measured
from tumorboard.records import Ints
from tumorboard.training.fitted import FittedArm
from tumorboard.transforms.intensity import change_contrast


class Contrast(Probe):
    """Images whose contrast is taken away, down to nearly uniform grey.

    Args:
        strengths: Shares of the contrast that are taken away.
    """

    unit = "share of the contrast taken away"

    def __init__(self, *, strengths: tuple[float, ...] = (0.25, 0.5, 0.75, 0.9)) -> None:
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
                return change_contrast(images, 1 - by)

            yield with_images(fitted, measured, rows, seeds, strength=strength, change=change)
