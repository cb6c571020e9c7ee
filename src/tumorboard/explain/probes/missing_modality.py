"""Every part of the arm's modalities shown alone, the rest hidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np

from tumorboard.explain.probes import Probe, Trial
from tumorboard.modalities import Measured
from tumorboard.records import Ints
from tumorboard.training.fitted import FittedArm


class MissingModality(Probe):
    """Every part of the arm's modalities shown alone, the rest hidden.

    A row is tried on a part where it has all of that part and more, so that what is shown is
    exactly the part; the column `modalities` of the predictions names it.

    Args:
        largest: Most modalities shown at once; 0 for all parts but the whole.
    """

    unit = "modalities hidden"

    def __init__(self, *, largest: int = 0) -> None:
        self._largest = largest

    def refuses(self, fitted: FittedArm) -> str:
        """It needs two modalities."""
        return "" if len(fitted.arm.modalities) > 1 else "it has one modality, nothing to hide"

    def trials(
        self, fitted: FittedArm, measured: Mapping[str, Measured], rows: Ints, seeds: Ints
    ) -> Iterator[Trial]:
        """One trial per part, those that hide one modality first; nothing is drawn."""
        names = fitted.arm.modalities
        present = fitted.present(measured)[rows]
        most = min(self._largest or len(names) - 1, len(names) - 1)
        for size in range(most, 0, -1):
            for part in combinations(range(len(names)), size):
                is_shown = np.isin(np.arange(len(names)), part)
                has_part = present[:, is_shown].all(axis=1)
                has_more = present[:, ~is_shown].any(axis=1)
                hidden = {
                    name: replace(measured[name], present=np.zeros_like(measured[name].present))
                    for name, shown in zip(names, is_shown, strict=True)
                    if not shown
                }
                yield Trial(
                    float(len(names) - size), {**measured, **hidden}, rows[has_part & has_more]
                )
