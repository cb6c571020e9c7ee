"""One file per question asked of a trained model: which input moved the answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.evaluation.joined_importance import Importance as Importance
from tumorboard.modalities import Measured
from tumorboard.prediction.kept_maps import Windows
from tumorboard.records import Cohort, Floats, Ints, Outcomes
from tumorboard.training.fitted import FittedArm


@dataclass(frozen=True)
class Asked:
    """A fitted arm and the rows that it is asked about.

    Args:
        fitted: The fitted arm.
        cohort: The cohort that the rows belong to.
        outcomes: Its outcomes; None where they are not known.
        measured: Modality -> measurements of the cohort.
        rows: Rows to explain; each has at least one modality of the arm.
        background: Rows of training patients that stand for "not known"; empty where there are
            none (an opened model without its cohort).
        target: Class whose output is explained, the positive one of two; of numbers which of them.
        rng: Source of every random choice.
    """

    fitted: FittedArm
    cohort: Cohort
    outcomes: Outcomes | None
    measured: Mapping[str, Measured]
    rows: Ints
    background: Ints
    target: int
    rng: np.random.Generator


@dataclass(frozen=True)
class Attributions:
    """How much each input moved the output of each row; `base` plus the sum is the output.

    Args:
        modalities: (F,) modality of each feature.
        features: (F,) name of each feature; the modality's own name where it is one whole.
        shown: (rows, F) what the feature was, as text for a reader; "" where absent.
        values: (rows, F) attributions; NaN where the feature is absent.
        base: (rows,) output that the attributions start from.
        output: (rows,) output of the model.
        scale: Scale of all of them; `output` where the model says a number, such as a log-hazard. A
            `weight` is the share of a modality, `attention` that of a
            window, and neither moves anything.
        is_complete: Whether the method promises that base plus sum equals the output.
    """

    modalities: tuple[str, ...]
    features: tuple[str, ...]
    shown: tuple[tuple[str, ...], ...]
    values: Floats
    base: Floats
    output: Floats
    scale: Literal["logit", "probability", "output", "weight", "attention"]
    is_complete: bool = True


@dataclass(frozen=True)
class HeatMaps:
    """Where in an image (or volume) the output came from.

    Args:
        modality: Which modality.
        rows: (n,) rows that have a map.
        maps: (n, H, W) or (n, X, Y, Z), non-negative, in the geometry that the encoder saw.
        inputs: (n, C, H, W) or (n, C, X, Y, Z) what the encoder saw.
        windows: What the maps were painted from, where that is windows of a slide.
        affines: (n, 4, 4) voxel of a volume's map -> world in mm, RAS+; None of images, and where
            the voxel size is not known.
    """

    modality: str
    rows: Ints
    maps: NDArray[np.float32]
    inputs: NDArray[np.float32]
    windows: Windows | None = None
    affines: Floats | None = None


@dataclass(frozen=True)
class Explanation:
    """What an explainer found.

    Args:
        attributions: Per row and feature, where the method gives them.
        importance: Per feature, where the method gives it.
        heat_maps: Per image, where the method gives them.
        checks: Name of a sanity check -> what was measured, such as the largest gap of a sum.
        remarks: Sentences for the reader.
    """

    attributions: Attributions | None = None
    importance: Importance | None = None
    heat_maps: tuple[HeatMaps, ...] = ()
    checks: Mapping[str, float] | None = None
    remarks: tuple[str, ...] = ()


class Explainer(ABC):
    """One question asked of a trained model. Keyword arguments of `__init__` configure it."""

    #: The question in a reader's words, such as "Where in the image did the answer come from?".
    question: str
    #: Whether it needs many patients for one answer (an importance), or asks them one by one.
    asks_all: ClassVar[bool] = False
    #: Whether it explains survival and other numbers as well as classes.
    of_numbers: ClassVar[bool] = False
    #: What its pictures show; "" where it is the image, and what in it raises the answer.
    caption: ClassVar[str] = ""

    @abstractmethod
    def refuses(self, fitted: FittedArm) -> str:
        """Why this explainer does not apply to this arm; "" where it does."""

    @abstractmethod
    def explain(self, asked: Asked) -> Explanation:
        """Ask the question."""


def why_refused(name: str, explainer: Explainer, fitted: FittedArm) -> str:
    """Why an explainer does not apply to an arm, or to the task at all; "" where it does."""
    if not fitted.classes and not explainer.of_numbers:
        kind = fitted.study.keys.task.kind
        return f"{name} explains classes, and the task of {fitted.arm.name} is {kind}."
    return explainer.refuses(fitted)


def target_names(fitted: FittedArm) -> tuple[str, ...]:
    """What can be explained: the classes, the risk of survival, or each number of a regression."""
    if fitted.classes:
        return fitted.classes
    columns = fitted.task.columns(())
    return columns[:1] if fitted.study.keys.task.kind == "survival" else columns
