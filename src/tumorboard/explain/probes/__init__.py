"""One file per degradation that a trained model is tried on: what if the input were worse."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch

from tumorboard.modalities import Measured
from tumorboard.modalities.image import MeasuredImages
from tumorboard.records import Ints
from tumorboard.training.fitted import FittedArm

__all__ = ["Probe", "Trial", "no_images", "signs", "with_images"]


@dataclass(frozen=True)
class Trial:
    """Rows made worse at one strength.

    Args:
        strength: How much worse, in the probe's unit; above 0.
        measured: The measurements of the cohort with these rows made worse; other rows are
            undefined.
        rows: Row numbers to predict; each still has one of the arm's modalities.
    """

    strength: float
    measured: Mapping[str, Measured]
    rows: Ints


class Probe(ABC):
    """One way to make inputs worse, at several strengths. Keyword arguments configure it."""

    #: What a strength counts, for the axis of the curve, such as "share of values removed".
    unit: ClassVar[str]

    @abstractmethod
    def refuses(self, fitted: FittedArm) -> str:
        """Why this probe does not apply to this arm; "" where it does."""

    @abstractmethod
    def trials(
        self, fitted: FittedArm, measured: Mapping[str, Measured], rows: Ints, seeds: Ints
    ) -> Iterator[Trial]:
        """The rows made worse, weakest first.

        Args:
            fitted: The arm that is tried.
            measured: Measurements of the cohort.
            rows: Test rows of the split, whether or not the arm can predict them, so that all arms
                see the same degradation.
            seeds: (cohort rows,) one random seed per row of the cohort. What is drawn for a row
                depends on its seed alone: equal in every arm, and growing with the strength.
        """


def no_images(fitted: FittedArm) -> str:
    """Why a probe of images does not apply to this arm; "" where it does."""
    layouts = [fitted.specs[name].layout for name in fitted.arm.modalities]
    return "" if "image" in layouts else "it reads no image"


def with_images(
    fitted: FittedArm,
    measured: Mapping[str, Measured],
    rows: Ints,
    seeds: Ints,
    *,
    strength: float,
    change: Callable[[torch.Tensor, list[torch.Generator]], torch.Tensor],
) -> Trial:
    """A trial that changes the images of every image modality of the arm, one batch at a time.

    Args:
        fitted: The arm that is tried.
        measured: Measurements of the cohort.
        rows: Rows of the trial.
        seeds: (cohort rows,) seeds.
        strength: What the trial is called.
        change: (B, C, H, W) in 0..1 and a generator for each image to the same images made worse.
    """

    def changed(images: torch.Tensor, of_rows: Ints) -> torch.Tensor:
        generators = [torch.Generator().manual_seed(int(seeds[row])) for row in of_rows]
        return change(images, generators)

    worse = {
        name: replace(each, change=changed) if isinstance(each, MeasuredImages) else each
        for name, each in measured.items()
    }
    present = fitted.present(measured)[rows].any(axis=1)
    return Trial(strength, worse, rows[present])


def signs(generators: list[torch.Generator]) -> torch.Tensor:
    """(B,) -1 or 1 for each image, from its own generator."""
    drawn = [torch.rand((), generator=generator).item() for generator in generators]
    return torch.as_tensor(np.where(np.asarray(drawn) < 0.5, -1.0, 1.0), dtype=torch.float32)
