"""AUROC and average precision under many weightings of the same units at once."""

from __future__ import annotations

import numpy as np

from tumorboard.evaluation.ratio import ratio
from tumorboard.records import Bools, Floats, Ints


class Ranking:
    """Units sorted once by score, so that each resample costs one cumulative sum.

    Args:
        is_positive: (n,) True where the unit has the positive class.
        score: (n,) higher means more likely positive; equal scores are ties.
    """

    def __init__(self, is_positive: Bools, score: Floats) -> None:
        self.order: Ints = np.argsort(score, kind="stable")
        ordered = score[self.order]
        self._positive: Floats = is_positive[self.order].astype(np.float64)
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(score) else None
        self._starts = None if starts is None or len(starts) == len(score) else starts

    def auroc(self, weights: Floats) -> Floats:
        """AUROC of every weighting: weighted share of pairs in the right order, ties as a half.

        Args:
            weights: (replicates, n) weight of every unit, in the order of `score`.

        Returns:
            (replicates,) AUROC; NaN where a class has no weight.

        Source:
            Hanley & McNeil, Radiology 1982; 143: 29-36 (area = Mann-Whitney U over pairs).
        """
        positive, negative = self._grouped(weights)
        below = np.cumsum(negative, axis=1)
        n_negative = below[:, -1].copy() if below.shape[1] else np.zeros(len(weights))
        if self._starts is not None:  # without ties a positive has no negative in its own group
            below -= 0.5 * negative
        pairs = positive.sum(axis=1) * n_negative
        return ratio(np.einsum("ij,ij->i", positive, below), pairs)

    def average_precision(self, weights: Floats) -> Floats:
        """Area under the precision-recall curve as a step function; see `auroc` for the arguments.

        Source:
            AP = sum over thresholds of (R_n - R_n-1) P_n: the definition of scikit-learn's
            `average_precision_score`, which does not interpolate (Davis & Goadrich, ICML 2006).
        """
        positive, negative = self._grouped(weights)
        positive, negative = positive[:, ::-1], negative[:, ::-1]
        true_positive = np.cumsum(positive, axis=1)
        called = true_positive + np.cumsum(negative, axis=1)
        precision = np.divide(true_positive, called, out=np.zeros_like(called), where=called > 0)
        return ratio(np.einsum("ij,ij->i", positive, precision), positive.sum(axis=1))

    def _grouped(self, weights: Floats) -> tuple[Floats, Floats]:
        """Positive and negative weight of every group of equal scores, ascending."""
        ordered = weights[:, self.order]
        positive = ordered * self._positive
        negative = ordered - positive
        if self._starts is None:
            return positive, negative
        return (
            np.add.reduceat(positive, self._starts, axis=1),
            np.add.reduceat(negative, self._starts, axis=1),
        )
