"""Which lesions of a mask another mask finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tumorboard.records import Bools

#: `full`: voxels that touch over a face, an edge or a corner are one lesion (26 neighbours in 3D,
#: 8 in 2D); `faces`: over a face alone (6, 4).
Connectivity = Literal["full", "faces"]
#: Least share of a lesion that the other mask must cover for it to count as found: a touch of
#: single voxels is no finding, and half of a small lesion would be asking for its outline.
LEAST_OVERLAP = 0.10


@dataclass(frozen=True)
class Detection:
    """Lesions found and not found; a lesion is a connected component.

    Args:
        n_lesions: Lesions of the reference.
        n_found: Those of which the prediction covers at least 10 %.
        n_predicted: Lesions of the prediction.
        n_false: Those of which less than 10 % lie in the reference.
    """

    n_lesions: int
    n_found: int
    n_predicted: int
    n_false: int

    @property
    def sensitivity(self) -> float:
        """Share of the reference's lesions that were found; NaN without any."""
        return self.n_found / self.n_lesions if self.n_lesions else float("nan")

    @property
    def precision(self) -> float:
        """Share of predicted lesions that are true; 0 where all were missed; NaN without any."""
        if self.n_predicted:
            return 1 - self.n_false / self.n_predicted
        return 0.0 if self.n_lesions else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of both; 0 where only one mask has lesions, NaN where neither has."""
        if not self.n_lesions or not self.n_predicted:
            return 0.0 if self.n_lesions or self.n_predicted else float("nan")
        both = self.sensitivity + self.precision
        return 2 * self.sensitivity * self.precision / both if both else 0.0


def detect(
    reference: Bools, prediction: Bools, *, connectivity: Connectivity = "full"
) -> Detection:
    """Match the lesions of two masks by overlap.

    Source:
        Maier-Hein et al., Nat Methods 2024; 21: 195 (Metrics Reloaded): matching by overlap where
        the task is to find, not to outline.
    """
    n_lesions, n_found = _covered(reference, prediction, connectivity)
    n_predicted, n_true = _covered(prediction, reference, connectivity)
    return Detection(n_lesions, n_found, n_predicted, n_predicted - n_true)


def _covered(mask: Bools, by: Bools, connectivity: Connectivity) -> tuple[int, int]:
    """Components of a mask, and how many of them are covered enough."""
    from scipy import ndimage

    reach = mask.ndim if connectivity == "full" else 1
    found: Any = ndimage.label(mask, ndimage.generate_binary_structure(mask.ndim, reach))
    labels, n = found
    if n == 0:
        return 0, 0
    whole = np.bincount(labels[mask], minlength=n + 1)[1:]
    inside = np.bincount(labels[mask & by], minlength=n + 1)[1:]
    return int(n), int(np.count_nonzero(inside >= LEAST_OVERLAP * whole))
