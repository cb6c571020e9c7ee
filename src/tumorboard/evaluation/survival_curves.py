"""Curves of follow-up: Kaplan-Meier of events and of censoring, log-rank test, median follow-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tumorboard.evaluation.auroc import Z_95
from tumorboard.evaluation.ratio import ratio
from tumorboard.records import Bools, Floats, Ints


class FollowUp:
    """Times sorted once, so that the curves of each weighting cost one cumulative sum.

    At one time events come before censorings: who is censored then is still at risk of the event,
    and whoever had the event is no more at risk of censoring.

    Args:
        time: (n,) days of follow-up.
        event: (n,) True where the event was seen, else censored.
    """

    def __init__(self, time: Floats, event: Bools) -> None:
        self.order: Ints = np.argsort(time, kind="stable")
        ordered = time[self.order]
        is_first = np.r_[True, ordered[1:] != ordered[:-1]] if len(time) else np.zeros(0, bool)
        self._starts: Ints = np.flatnonzero(is_first)
        self._event = event[self.order].astype(np.float64)
        #: (m,) distinct times, ascending.
        self.times: Floats = ordered[self._starts]

    def events(self, weights: Floats) -> Floats:
        """Survival (replicates, m) just after every distinct time, of weights (replicates, n)."""
        at_risk, events, _ = self._counts(weights)
        return _product(at_risk, events)

    def censoring(self, weights: Floats) -> Floats:
        """Share not yet censored (replicates, m) just after every distinct time."""
        at_risk, events, censored = self._counts(weights)
        return _product(at_risk - events, censored)

    def _counts(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        ordered = weights[:, self.order]
        total = np.add.reduceat(ordered, self._starts, axis=1)
        events = np.add.reduceat(ordered * self._event, self._starts, axis=1)
        at_risk = np.cumsum(total[:, ::-1], axis=1)[:, ::-1]
        return at_risk, events, total - events


def _product(at_risk: Floats, lost: Floats) -> Floats:
    """Product-limit estimate; nobody left at risk leaves the curve where it is."""
    share = np.divide(lost, at_risk, out=np.zeros_like(lost), where=at_risk > 0)
    left = np.asarray(np.clip(1.0 - share, 0.0, 1.0), dtype=np.float64)
    return np.asarray(np.cumprod(left, axis=1), dtype=np.float64)


def at(times: Floats, curves: Floats, asked: Floats, *, before: bool = False) -> Floats:
    """Values (replicates, len(asked)) of step curves that start at 1.

    Args:
        times: (m,) where they step.
        curves: (replicates, m) their values just after each step.
        asked: Times asked.
        before: The value just before a step at the same time, instead of just after.
    """
    index = np.searchsorted(times, asked, side="left" if before else "right")
    return np.pad(curves, ((0, 0), (1, 0)), constant_values=1.0)[:, index]


@dataclass(frozen=True)
class KaplanMeier:
    """A Kaplan-Meier curve with its 95 % band (log-log, from Greenwood's variance).

    Args:
        time: (m,) distinct times of follow-up, ascending.
        survival: (m,) share without event just after each time.
        ci_low: (m,) NaN where the curve has no spread.
        ci_high: (m,) likewise.
        at_risk: (m,) patients still followed just before each time.
        events: (m,) events at each time.
    """

    time: Floats
    survival: Floats
    ci_low: Floats
    ci_high: Floats
    at_risk: Floats
    events: Floats

    def survival_at(self, days: Floats) -> Floats:
        """Share without event at these days; NaN beyond the last follow-up."""
        values = at(self.time, self.survival[None], days)[0]
        return np.where(days <= self.time.max(initial=-np.inf), values, np.nan)

    def band_at(self, days: float) -> tuple[float, float]:
        """95 % interval at one day; NaN before the first event and beyond the last follow-up."""
        k = int(np.searchsorted(self.time, days, side="right")) - 1
        if k < 0 or days > self.time[-1]:
            return float("nan"), float("nan")
        return float(self.ci_low[k]), float(self.ci_high[k])

    def n_at_risk(self, days: Floats) -> Ints:
        """Patients whose follow-up reaches these days."""
        left = np.searchsorted(self.time, days, side="left")
        return np.r_[self.at_risk, 0.0][left].astype(np.int64)

    @property
    def median(self) -> float:
        """First time at which at most half are without event; NaN where it is never reached."""
        below = np.flatnonzero(self.survival <= 0.5 + 1e-12)
        return float(self.time[below[0]]) if len(below) else float("nan")


def kaplan_meier(time: Floats, event: Bools) -> KaplanMeier:
    """Kaplan-Meier curve of patients.

    Source:
        Kaplan & Meier, J Am Stat Assoc 1958; band: Kalbfleisch & Prentice, The Statistical
        Analysis of Failure Time Data, 1980, chapter 1 (log(-log) of Greenwood's variance).
    """
    times, index = np.unique(time, return_inverse=True)
    seen = np.bincount(index, weights=event.astype(np.float64), minlength=len(times))
    events = np.asarray(seen, dtype=np.float64)
    leaving = np.bincount(index, minlength=len(times)).astype(np.float64)
    at_risk = leaving[::-1].cumsum()[::-1]
    survival = np.asarray(np.cumprod(1.0 - events / at_risk), dtype=np.float64)
    greenwood = np.cumsum(ratio(events, at_risk * (at_risk - events)))
    inside = (survival > 0) & (survival < 1)
    log = np.log(np.where(inside, survival, 0.5))
    reach = Z_95 * np.sqrt(np.where(inside, greenwood, 0.0)) / -log
    low, high = (np.where(inside, survival ** np.exp(sign * reach), np.nan) for sign in (1, -1))
    return KaplanMeier(times, survival, low, high, at_risk, events)


def median_follow_up(time: Floats, event: Bools) -> float:
    """Median follow-up in days, NaN where it is not reached: events count as censored.

    Source:
        Schemper & Smith, Controlled Clinical Trials 1996; 17: 343-346 (reverse Kaplan-Meier).
    """
    return kaplan_meier(time, ~event).median if len(time) else float("nan")


def log_rank(time: Floats, event: Bools, group: Ints) -> tuple[float, float, int]:
    """Log-rank test that all groups have the same survival.

    Args:
        time: (n,) days of follow-up.
        event: (n,) True where the event was seen.
        group: (n,) number of each patient's group.

    Returns:
        Statistic, p value and degrees of freedom; NaN where there is one group or no event.

    Source:
        Mantel, Cancer Chemother Rep 1966; Peto & Peto, J R Stat Soc A 1972 (as statsmodels).
    """
    n_groups = len(np.unique(group))
    if n_groups < 2 or not event.any():
        return float("nan"), float("nan"), max(n_groups - 1, 0)
    from statsmodels.duration.survfunc import survdiff

    statistic, p_value = survdiff(time, event.astype(np.int64), group)
    return float(statistic), float(p_value), n_groups - 1


def curves_of(time: Floats, event: Bools, group: Ints, n_groups: int) -> Sequence[KaplanMeier]:
    """One Kaplan-Meier curve of each group; empty where a group has no patients."""
    return [kaplan_meier(time[group == g], event[group == g]) for g in range(n_groups)]
