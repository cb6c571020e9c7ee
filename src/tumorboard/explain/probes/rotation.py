"""Images rotated about their centre, to one side or the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from tumorboard.explain.probes import Probe, Trial, no_images, signs, with_images
from tumorboard.modalities import Measured
from tumorboard.records import Ints
from tumorboard.training.fitted import FittedArm
from tumorboard.transforms.geometry import rotate


class Rotation(Probe):
    """Images rotated about their centre, to one side or the other.

    Args:
        strengths: Angles in degrees; the side is drawn for each image.
    """

    unit = "degrees"

    def __init__(self, *, strengths: tuple[float, ...] = (5.0, 15.0, 30.0, 60.0, 90.0)) -> None:
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
                return rotate(images, by * signs(generators))

            yield with_images(fitted, measured, rows, seeds, strength=strength, change=change)
