"""Patients with lung cancer whose stage and survival follow known signals.

Signals are independent standard normal numbers. Stage is an ordered logit of them, survival a
Weibull time with proportional hazards:

    logit P(stage <= k) = cut_k - sum of STAGE_EFFECTS x signal,
    hazard(t) = (shape / scale) (t / scale)^(shape - 1) exp(sum of HAZARD_EFFECTS x signal).

What a modality tells of each signal is known exactly, and with it the best that any model of it can
reach (`Beliefs`, `LungCancerModel`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, ndtr, ndtri

from tumorboard.records import Bools, Floats, Ints
from tumorboard.transforms.gauss_hermite import normal_nodes

#: Signals in the order of every array of them.
SIGNALS = ("size", "glass", "hypoxia", "proliferation", "exhaustion", "frailty", "growth")
STAGES = ("I", "II", "IIIA", "IIIB")
#: Share of each stage: those of S2's 89 patients, IIIB the rarest.
STAGE_SHARES = (0.45, 0.27, 0.21, 0.07)
STAGE_EFFECTS: Mapping[str, float] = {
    "size": 2.0, "glass": -0.8, "hypoxia": 1.6, "proliferation": 1.6, "frailty": 1.2,
}  # fmt: skip
HAZARD_EFFECTS: Mapping[str, float] = {
    "size": 0.3, "hypoxia": 0.5, "exhaustion": 0.5, "frailty": 0.5, "growth": 0.5,
}  # fmt: skip
#: Shape of the Weibull time and follow-up in days: uniform from the first to the second.
SHAPE, FOLLOW_UP_DAYS = 1.3, (200.0, 2600.0)
#: Correlation with frailty of the standard normal value behind each cell of the record.
RECORD_LOADINGS: Mapping[str, float] = {"age": 0.35, "haemoglobin": -0.5, "ldh": 0.6, "ecog": 0.7}
#: Share of ECOG 0, 1, 2 and 3.
ECOG_SHARES = (0.35, 0.45, 0.15, 0.05)
#: Values of frailty that posteriors run over.
GRID = np.linspace(-5, 5, 61)

_LOADINGS = np.asarray(list(RECORD_LOADINGS.values()))
_ECOG_CUTS = np.asarray([-np.inf, *ndtri(np.cumsum(ECOG_SHARES)[:-1]), np.inf])
_FRAILTY = SIGNALS.index("frailty")
_TINY = 1e-300


def effects(of: Mapping[str, float]) -> Floats:
    """(signals,) effects in the order of `SIGNALS`, 0 where there is none."""
    return np.asarray([of.get(name, 0.0) for name in SIGNALS])


@dataclass(frozen=True)
class Beliefs:
    """What an observer knows of the signals of n patients.

    Args:
        mean: (n, signals) posterior mean; the column of frailty is not read.
        variance: (n, signals) posterior variance.
        frailty: (n, len(GRID)) posterior of frailty, each row summing to 1.
    """

    mean: Floats
    variance: Floats
    frailty: Floats


def believe(channels: Sequence[tuple[Floats, Floats]], frailty: Floats) -> Beliefs:
    """Posteriors of normal signals that several independent channels show with normal noise.

    Args:
        channels: (n, signals) signal plus noise, and (n, signals) variance of that noise, infinite
            where nothing is shown.
        frailty: (n, len(GRID)) posterior of frailty.
    """
    precision = np.ones((len(frailty), len(SIGNALS)))
    total = np.zeros_like(precision)
    for shown, noise in channels:
        own = 1 / np.maximum(noise, 1e-12)
        precision += own
        total += own * np.where(np.isinf(noise), 0.0, shown)
    return Beliefs(total / precision, 1 / precision, frailty)


def frailty_known(frailty: Floats) -> Floats:
    """(n, len(GRID)) of an observer who sees it: shared by the two grid points around it."""
    position = np.clip((frailty - GRID[0]) / (GRID[1] - GRID[0]), 0, len(GRID) - 1.001)
    distance = np.abs(position[:, None] - np.arange(len(GRID)))
    return np.maximum(1 - distance, 0.0)


def frailty_of_record(standard: Floats, is_missing: Bools) -> Floats:
    """(n, len(GRID)) posterior of frailty given the record; of ECOG only its class is seen.

    Args:
        standard: (n, 4) value behind each cell, in the order of `RECORD_LOADINGS`.
        is_missing: (n, 4) True where the cell is empty.
    """
    variance = 1 - _LOADINGS**2
    log = np.broadcast_to(-(GRID**2) / 2, (len(standard), len(GRID))).copy()
    for j in range(3):
        residual = standard[:, j, None] - _LOADINGS[j] * GRID
        log -= np.where(is_missing[:, j, None], 0.0, residual**2 / (2 * variance[j]))
    limits = (_ECOG_CUTS[:, None] - _LOADINGS[3] * GRID) / np.sqrt(variance[3])
    of_class = np.log(np.diff(ndtr(limits), axis=0) + _TINY)
    log += np.where(is_missing[:, 3, None], 0.0, of_class[ecog_of(standard[:, 3])])
    weights = np.exp(log - log.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def show_record(frailty: Floats, normal: Floats) -> Floats:
    """(n, 4) values behind the cells of the record."""
    return _LOADINGS * frailty[:, None] + np.sqrt(1 - _LOADINGS**2) * normal


def ecog_of(standard: Floats) -> Ints:
    """ECOG performance status of the value behind it."""
    return np.searchsorted(_ECOG_CUTS[1:-1], standard).astype(np.int64)


@dataclass(frozen=True)
class LungCancerModel:
    """Stage and survival given the signals.

    Args:
        censored: Share of patients whose death is not seen, in the population drawn from.
    """

    censored: float

    @cached_property
    def cuts(self) -> Floats:
        """Thresholds of the ordered logit that give `STAGE_SHARES`."""
        spread = float(np.linalg.norm(effects(STAGE_EFFECTS)))
        nodes, weights = normal_nodes(80)

        def cut(share: float) -> float:
            return cast(
                "float", brentq(lambda c: weights @ expit(c - spread * nodes) - share, -60, 60)
            )

        return np.asarray([cut(share) for share in np.cumsum(STAGE_SHARES)[:-1].tolist()])

    @cached_property
    def scale_days(self) -> float:
        """Scale of the Weibull time that gives the share of censored patients."""
        nodes, weights = normal_nodes(40)
        risk = np.exp(float(np.linalg.norm(effects(HAZARD_EFFECTS))) * nodes)
        days = np.linspace(*FOLLOW_UP_DAYS, 401)

        def excess(log_scale: float) -> float:
            hazard = (days / np.exp(log_scale)) ** SHAPE
            return float((np.exp(-hazard[:, None] * risk) @ weights).mean()) - self.censored

        return float(np.exp(cast("float", brentq(excess, -3, 25))))

    def stage(self, signals: Floats, uniform: Floats) -> Ints:
        """(n,) number of the stage in `STAGES`, drawn with one uniform number per patient."""
        below = expit(self.cuts - (signals @ effects(STAGE_EFFECTS))[:, None])
        return (uniform[:, None] >= below).sum(axis=1).astype(np.int64)

    def follow_up(self, signals: Floats, uniform: Floats) -> tuple[Floats, Bools]:
        """(n,) days to death or to the end of follow-up, and whether it was death.

        Args:
            signals: (n, signals).
            uniform: (n, 2) one number for the death, one for the end of follow-up.
        """
        risk = np.exp(signals @ effects(HAZARD_EFFECTS))
        death = self.scale_days * (-np.log1p(-uniform[:, 0]) / risk) ** (1 / SHAPE)
        first, last = FOLLOW_UP_DAYS
        end = first + (last - first) * uniform[:, 1]
        return np.maximum(np.minimum(death, end), 1.0), death <= end

    def stage_probability(self, beliefs: Beliefs) -> Floats:
        """(n, stages) P(stage | what is known)."""
        effect = effects(STAGE_EFFECTS)
        others = np.arange(len(SIGNALS)) != _FRAILTY
        mean = beliefs.mean[:, others] @ effect[others]
        spread = np.sqrt(beliefs.variance[:, others] @ effect[others] ** 2)
        below = np.ones((len(mean), len(STAGES) + 1))
        below[:, 0] = 0.0
        for value in np.unique(np.round(spread, 9)):
            rows = np.round(spread, 9) == value
            severity = mean[rows, None] + effect[_FRAILTY] * GRID
            for k, cut in enumerate(self.cuts, start=1):
                expected = _expected_expit(cut - severity, float(value))
                below[rows, k] = np.sum(beliefs.frailty[rows] * expected, axis=1)
        return np.diff(below, axis=1)

    def expected_log_hazard(self, beliefs: Beliefs) -> Floats:
        """(n,) expected log hazard ratio given what is known."""
        effect = effects(HAZARD_EFFECTS)
        known = np.where(np.arange(len(SIGNALS)) == _FRAILTY, 0.0, beliefs.mean)
        return known @ effect + effect[_FRAILTY] * (beliefs.frailty @ GRID)


def harrell_c(days: Floats, event: Bools, risk_score: Floats) -> float:
    """Harrell's c-index of small cohorts, pair by pair; ties of the score count a half."""
    comparable = event[:, None] & (days[:, None] < days[None, :])
    higher = risk_score[:, None] > risk_score[None, :]
    same = risk_score[:, None] == risk_score[None, :]
    wins = np.sum(comparable & higher) + 0.5 * np.sum(comparable & same)
    return float(wins / comparable.sum())


def tnm_of(stage: int, diameter_mm: float, uniform: float) -> tuple[str, str, str]:
    """T, N and M that have this stage group by AJCC 7 (Goldstraw et al., J Thorac Oncol 2007).

    Args:
        stage: Number in `STAGES`.
        diameter_mm: Of the tumour, at most 50 mm.
        uniform: Number between 0 and 1 that chooses among what is possible.
    """
    by_size = "T1a" if diameter_mm <= 20 else "T1b" if diameter_mm <= 30 else "T2a"
    possible: Sequence[Sequence[tuple[str, str]]] = (
        ((by_size, "N0"),),
        ((by_size, "N1"), ("T3", "N0")),
        ((by_size, "N2"), ("T3", "N1"), ("T4", "N0")),
        ((by_size, "N3"), ("T4", "N2")),
    )
    t, n = possible[stage][int(uniform * len(possible[stage]))]
    return t, n, "M0"


def _expected_expit(mean: Floats, spread: float) -> Floats:
    """Mean of expit over normal numbers of this mean and spread, interpolated."""
    if spread < 1e-9:
        return expit(mean)
    nodes, weights = normal_nodes(40)
    grid = np.linspace(-40, 40, 3201)
    return np.interp(mean, grid, expit(grid[:, None] + spread * nodes) @ weights)
