"""Logistic regression without a penalty on a few columns: weighted, with an offset, by Newton."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tumorboard.records import Bools, Floats

_STEPS = 100
#: Steps are halved until the loss falls, at most this often.
_HALVINGS = 30
#: A coefficient beyond this means that the classes are separated, and no finite one is the best.
_SEPARATED = 50.0


@dataclass(frozen=True)
class LogisticFit:
    """Coefficients, and how much each row moves them.

    Args:
        coefficients: (columns,); NaN where the likelihood has no maximum.
        influence: (rows, columns) weighted score of each row times the inverse information: the
            cluster-robust covariance is the sum over patients of the outer products of their sums.
    """

    coefficients: Floats
    influence: Floats

    @property
    def is_defined(self) -> bool:
        """False where one class is absent, or the columns separate the classes."""
        return bool(np.isfinite(self.coefficients).all())


def fit_logistic(
    columns: Floats, target: Floats | Bools, weight: Floats, *, offset: Floats | None = None
) -> LogisticFit:
    """Maximum-likelihood coefficients.

    Args:
        columns: (rows, columns); a column of ones is the intercept.
        target: (rows,) between 0 and 1.
        weight: (rows,).
        offset: (rows,) added to the linear predictor with the coefficient 1.
    """
    target = np.asarray(target, dtype=np.float64)
    start = np.zeros(len(target)) if offset is None else offset
    beta = np.zeros(columns.shape[1])
    undefined = LogisticFit(np.full_like(beta, np.nan), np.full_like(columns, np.nan))
    share = weight @ target / weight.sum() if weight.sum() > 0 else 0.0
    if not 0 < share < 1:
        return undefined
    for _ in range(_STEPS):
        score, inverse = _derivatives(columns, target, weight, start, beta)
        if inverse is None or np.abs(beta).max() > _SEPARATED:
            return undefined
        step = inverse @ score.sum(axis=0)
        # a tenth of the rounding that a sum over the rows has anyway
        if np.abs(step).max() < 1e-11 * (1 + np.abs(beta).max()):
            return LogisticFit(beta, score @ inverse)
        beta = _downhill(columns, target, weight, start, beta, step)
    score, inverse = _derivatives(columns, target, weight, start, beta)
    return undefined if inverse is None else LogisticFit(beta, score @ inverse)


def _derivatives(
    columns: Floats, target: Floats, weight: Floats, offset: Floats, beta: Floats
) -> tuple[Floats, Floats | None]:
    """Score of every row, and the inverse information; None where it is singular."""
    from scipy.special import expit

    mean = expit(offset + columns @ beta)
    information = (columns * (weight * mean * (1 - mean))[:, None]).T @ columns
    score = columns * (weight * (target - mean))[:, None]
    scale = np.sqrt(np.diag(information))
    if not (scale > 0).all() or np.linalg.cond(information / np.outer(scale, scale)) > 1e12:
        return score, None
    return score, np.asarray(np.linalg.inv(information), dtype=np.float64)


def _downhill(
    columns: Floats, target: Floats, weight: Floats, offset: Floats, beta: Floats, step: Floats
) -> Floats:
    """The Newton step, halved until the loss does not rise."""
    before = _loss(columns, target, weight, offset, beta)
    for _ in range(_HALVINGS):
        if _loss(columns, target, weight, offset, beta + step) <= before + 1e-12 * abs(before):
            break
        step = step / 2
    return beta + step


def _loss(
    columns: Floats, target: Floats, weight: Floats, offset: Floats, beta: Floats
) -> float:  # fmt: skip
    linear = offset + columns @ beta
    return float(weight @ (np.logaddexp(0.0, linear) - target * linear))
