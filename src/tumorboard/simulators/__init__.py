"""One file per kind of simulated cohort with known truth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from tumorboard.records import Floats
from tumorboard.transforms.gauss_hermite import normal_nodes


class Simulator(ABC):
    """A cohort drawn from a known model. Keyword-only arguments of `__init__` are its settings."""

    @abstractmethod
    def write(self, out: Path, *, n_patients: int, seed: int) -> None:
        """Write a cohort into the empty folder `out`.

        The folder then holds the cohort table, its files, `study.toml`, which runs as it is, and
        `truth.json`: settings, seed and the best reachable performance. What the outcomes were
        drawn from is in `truth_patients.csv`, never in the cohort table. The draws of patient i
        depend on (seed, i) alone, so that a larger cohort begins with the smaller one.

        Args:
            out: An existing empty folder.
            n_patients: Number of patients, at least 1.
            seed: Seed of everything that is random.
        """


@dataclass(frozen=True)
class Bound:
    """The best reachable AUROC and the standard error of its Monte Carlo estimate."""

    value: float
    monte_carlo_error: float


def best_auroc(probability: Floats, *, n_batches: int = 20) -> Bound:
    """AUROC of an observer who knows the true probability of every patient.

    Outcomes are not drawn: each pair of patients counts with the probability that the first is a
    case and the second is not, which removes the noise of the draw. A likelihood ratio ranks best
    (Neyman & Pearson 1933), so no score made of the same information reaches a higher AUROC.

    Args:
        probability: (n,) P(case | information) of independent patients.
        n_batches: Batches whose spread gives the Monte Carlo error.
    """
    batches = [_expected_auroc(batch) for batch in np.array_split(probability, n_batches)]
    error = float(np.std(batches, ddof=1) / np.sqrt(n_batches))
    return Bound(_expected_auroc(probability), error)


def _expected_auroc(probability: Floats) -> float:
    values, inverse = np.unique(probability, return_inverse=True)
    case = np.bincount(inverse, weights=probability, minlength=len(values))
    control = np.bincount(inverse, weights=1 - probability, minlength=len(values))
    below = np.cumsum(control) - control
    own = float(np.sum(probability * (1 - probability)))  # a patient is no pair with herself
    pairs = float(case.sum() * control.sum()) - own
    wins = float(np.sum(case * (below + control / 2))) - own / 2
    return wins / pairs


#: Values of the second signal that integrals run over; nothing counts beyond six deviations.
SIGNAL_GRID = np.linspace(-6, 6, 121)
#: Means of the first signal between which expected probabilities are interpolated.
_MEANS = np.linspace(-6, 6, 601)


@dataclass(frozen=True)
class TwoSignals:
    """Outcome model of two independent standard normal signals, one per modality.

    logit P(case) = intercept + first u + second v + interaction u v; the intercept follows from the
    prevalence.
    """

    first: float
    second: float
    interaction: float
    prevalence: float

    @cached_property
    def intercept(self) -> float:
        """The intercept that gives the prevalence, solved by Gauss-Hermite quadrature."""
        nodes, weights = normal_nodes(64)
        slope = self._slope(nodes[:, None], nodes[None, :])

        def excess(intercept: float) -> float:
            return float(weights @ expit(intercept + slope) @ weights) - self.prevalence

        return cast("float", brentq(excess, -200, 200))

    @property
    def interaction_share(self) -> float:
        """Share of the logit's variance that only u v explains: u, v and u v are uncorrelated."""
        squares = np.square([self.first, self.second, self.interaction])
        return float(squares[2] / squares.sum()) if squares.sum() > 0 else 0.0

    def probability(self, u: Floats, v: Floats) -> Floats:
        """P(case | u, v)."""
        return expit(self.intercept + self._slope(u, v))

    def expected(self, mean_u: Floats, sd_u: float, weights_v: Floats) -> Floats:
        """P(case | what is known of u and v).

        Args:
            mean_u: (n,) mean of the normal posterior of u; NaN where nothing is known of u.
            sd_u: Standard deviation of that posterior.
            weights_v: (n, len(SIGNAL_GRID)) posterior of v on the grid, each row summing to 1.
        """
        nodes, weights = normal_nodes(64)
        unknown = weights @ self.probability(nodes[:, None], SIGNAL_GRID[None, :])
        known = np.zeros((len(_MEANS), len(SIGNAL_GRID)))
        nodes, weights = normal_nodes(24 if sd_u > 0 else 1)
        for node, weight in zip(nodes, weights, strict=True):
            known += weight * self.probability((_MEANS + sd_u * node)[:, None], SIGNAL_GRID)
        is_known = ~np.isnan(mean_u)
        position = np.interp(np.where(is_known, mean_u, 0.0), _MEANS, np.arange(len(_MEANS)))
        low = np.minimum(position.astype(np.int64), len(_MEANS) - 2)
        part = (position - low)[:, None]
        given_v = (1 - part) * known[low] + part * known[low + 1]
        given_v = np.where(is_known[:, None], given_v, unknown)
        return np.sum(weights_v * given_v, axis=1)

    def _slope(self, u: Floats, v: Floats) -> Floats:
        return self.first * u + self.second * v + self.interaction * u * v
