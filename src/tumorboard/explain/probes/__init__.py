"""One file per degradation that a trained model is tried on: what if the input were worse."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from tumorboard.modalities import Measured
from tumorboard.records import Bools, Ints
from tumorboard.training.fitted import FittedArm


class Probe(ABC):
    """One way to make inputs worse, at several strengths; 0 is the input as it was."""

    #: Strengths that are tried, weakest first, without 0; in the unit that `unit` names.
    strengths: tuple[float, ...]
    #: What a strength counts, for the axis of the curve, such as "share of values removed".
    unit: ClassVar[str]

    @abstractmethod
    def refuses(self, fitted: FittedArm) -> str:
        """Why this probe does not apply to this arm; "" where it does."""

    @abstractmethod
    def degrade(
        self,
        fitted: FittedArm,
        measured: Mapping[str, Measured],
        rows: Ints,
        strength: float,
        rng: np.random.Generator,
    ) -> Mapping[str, Measured]:
        """The measurements with these rows made worse; other rows are undefined afterwards."""

    def hidden(self, fitted: FittedArm, present: Bools, rows: Ints, strength: float) -> Bools:
        """(rows, M): modalities that are still shown; as `present` unless the probe hides some."""
        return present
