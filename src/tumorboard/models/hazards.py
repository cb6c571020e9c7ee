"""From log-hazards and follow-up to hazards over time: partial likelihood, Breslow, intervals."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.records import Bools, Floats, Ints

if TYPE_CHECKING:
    import torch

#: Log-hazards further below the highest count as this: their exponentials are still numbers.
_LOWEST = -600.0
#: Log-hazards are moved to at most the first of these and at least the second: the sum of their
#: exponentials is a 32-bit number for any number of patients.
_LOG_HIGH, _LOG_LOW = 30.0, -60.0


@dataclass(frozen=True)
class RiskSets:
    """Rows sorted by time, latest first, so that everyone at risk is a cumulative sum.

    Args:
        order: (n,) rows, latest time first.
        last: (n,) last place in `order` with the same time, of every place.
        is_event: (n,) whether the place is an event.
        tied: (n,) number of the group of tied times, of every place.
        earlier_share: (n,) Efron's share of the tied deaths that is no more at risk: 0, 1/d, ...
        weight: (n,) weight of every place.
        death_weight: (n,) mean weight of the tied deaths at an event, else 0.
    """

    order: Ints
    last: Ints
    is_event: Bools
    tied: Ints
    earlier_share: Floats
    weight: Floats
    death_weight: Floats

    @classmethod
    def of(cls, time: Floats, event: Bools, weight: Floats) -> RiskSets:
        """Risk sets of rows with a weight each."""
        order = np.lexsort((~event, -time))  # at one time the deaths come first
        ordered, is_event = time[order], event[order]
        starts = np.r_[True, ordered[1:] != ordered[:-1]]
        tied = np.cumsum(starts) - 1
        first = np.flatnonzero(starts)
        last = np.r_[first[1:], len(order)][tied] - 1
        n_deaths = np.bincount(tied, weights=is_event).astype(np.float64)
        sums = np.bincount(tied, weights=weight[order] * is_event)
        place = np.arange(len(order)) - first[tied]
        deaths = np.maximum(n_deaths, 1.0)[tied]
        return cls(
            order=order, last=last, is_event=is_event, tied=tied,
            earlier_share=np.where(is_event, place / deaths, 0.0),
            weight=weight[order],
            death_weight=np.where(is_event, sums[tied] / deaths, 0.0),
        )  # fmt: skip

    def loss(self, log_hazard: Floats) -> tuple[float, Floats]:
        """Negative log partial likelihood with Efron's ties, and its gradient (n,).

        Source:
            Efron, J Am Stat Assoc 1977; 72: 557-565. Weights as in R's survival: tied deaths share
            their mean weight (Therneau & Grambsch, Modeling Survival Data, 2000, section 3.3).
        """
        ordered = log_hazard[self.order]
        shift = ordered.max(initial=-np.inf)
        ordered = np.maximum(ordered, shift + _LOWEST)
        risk = self.weight * np.exp(ordered - shift)
        at_risk = np.cumsum(risk)[self.last]
        deaths = np.bincount(self.tied, weights=risk * self.is_event)[self.tied]
        left = np.where(self.is_event, at_risk - self.earlier_share * deaths, 1.0)
        value = self.death_weight @ (np.log(left) + shift) - (self.weight * self.is_event) @ ordered
        hazard = self.death_weight / left
        # who is at risk at a death: everybody of its time or later, tied deaths less and less so
        reached = np.cumsum(hazard[::-1])[::-1]
        first = np.searchsorted(self.tied, self.tied, side="left")
        own = np.bincount(self.tied, weights=hazard * self.earlier_share)[self.tied]
        slope = risk * (reached[first] - np.where(self.is_event, own, 0.0))
        gradient = np.empty_like(slope)
        gradient[self.order] = slope - self.weight * self.is_event
        return float(value), gradient


def cox_loss(log_hazard: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """(B,) mean over events of the negative log partial likelihood, the same for every row."""
    import torch

    event = target[:, 1] > 0
    if len(event) < 2 or not bool(event.any()):
        return log_hazard * 0.0
    shift = log_hazard.detach().max() - _LOG_HIGH  # the likelihood is the same for any shift
    with warnings.catch_warnings():
        # tied times are ordinary: Efron's method is meant
        warnings.filterwarnings("ignore", message="Ties in")
        warnings.filterwarnings("ignore", message="`torch.jit")  # of torchsurv's own import
        from torchsurv.loss.cox import neg_partial_log_likelihood

        value: Any = neg_partial_log_likelihood(
            torch.clamp(log_hazard - shift, min=_LOG_LOW), event, target[:, 0].float(),
            reduction="sum",
        )  # fmt: skip
    return (value / event.sum()).expand(len(log_hazard))


def weighted_cox_loss(
    log_hazard: torch.Tensor, target: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """The same of rows (B,) that weigh differently, such as several of one patient.

    torchsurv has no weights: value and gradient are those of `RiskSets`.
    """
    import torch

    time, event = target.detach().double().cpu().numpy().T
    rows = RiskSets.of(time, event > 0, weight.detach().double().cpu().numpy())
    total = float(rows.weight @ rows.is_event)
    if len(event) < 2 or not total > 0:
        return log_hazard * 0.0
    value, slope = rows.loss(log_hazard.detach().double().cpu().numpy())
    # a plane through the value with this gradient
    moved = torch.from_numpy(slope).to(log_hazard) * (log_hazard - log_hazard.detach())
    return ((value + moved.sum()) / total).expand(len(log_hazard))


def breslow(
    log_hazard: Floats, time: Floats, event: Bools, weight: Floats
) -> tuple[Floats, Floats]:
    """Times of events, and the baseline cumulative hazard just after each.

    Source:
        Breslow, J R Stat Soc B 1972; 34: 216-217.
    """
    times = np.unique(time[event])
    order = np.argsort(time, kind="stable")
    shift = log_hazard.max(initial=0.0)
    risk = (weight * np.exp(log_hazard - shift))[order]
    at_risk = np.cumsum(risk[::-1])[::-1][np.searchsorted(time[order], times, side="left")]
    deaths = np.bincount(np.searchsorted(times, time[event]), weights=weight[event])
    return times, np.cumsum(deaths / at_risk) * np.exp(-shift)


def steps_at(times: Floats, cumulative: Floats, asked: Floats) -> Floats:
    """Cumulative hazard at the times asked: 0 before the first event, flat after the last."""
    return np.r_[0.0, cumulative][np.searchsorted(times, asked, side="right")]


def cut_points(time: Floats, event: Bools, weight: Floats, n_intervals: int) -> Floats:
    """Ends (K,) of at most `n_intervals` intervals with about equally many events in each.

    They are weighted quantiles of the event times; the last is the last event. Few distinct times
    give fewer intervals.
    """
    order = np.argsort(time[event], kind="stable")
    times, share = time[event][order], np.cumsum(weight[event][order])
    wanted = np.arange(1, n_intervals + 1) / n_intervals * share[-1]
    index = np.searchsorted(share, wanted * (1 - 1e-12), side="left")
    return np.unique(times[np.minimum(index, len(times) - 1)])


def interval_states(time: NDArray[Any], event: NDArray[Any], cuts: Floats) -> tuple[Ints, Ints]:
    """Intervals survived, and the interval of the event (-1 where none was seen), of every row.

    Interval k reaches from the end of the one before, excluded, to its own end, included. Who is
    censored in an interval has survived it where they were followed for half of it or longer; an
    event after the last interval counts as survival of all.

    Source:
        Gensheimer & Narasimhan, PeerJ 2019; 7: e6257 (the likelihood of their equation 3).
    """
    starts = np.r_[0.0, cuts[:-1]]
    middle = (starts + cuts) / 2
    inside = np.searchsorted(cuts, time, side="left")
    seen = (event > 0) & (inside < len(cuts))
    survived = np.where(seen, inside, np.searchsorted(middle, time, side="right"))
    survived = np.where((event > 0) & ~seen, len(cuts), survived)
    return survived.astype(np.int64), np.where(seen, inside, -1).astype(np.int64)


def interval_logits(
    time: NDArray[Any], event: NDArray[Any], weight: Floats, cuts: Floats
) -> Floats:
    """Logit (K,) of the share of those who reach each interval that has its event there.

    Half an event and half a survivor are added to each (Haldane), so that none is 0 or 1.

    Source:
        Haldane, Ann Hum Genet 1956; 20: 309-311.
    """
    survived, died = interval_states(time, event, cuts)
    interval = np.arange(len(cuts))
    deaths = weight @ (died[:, None] == interval)
    survivors = weight @ (survived[:, None] > interval)
    return np.log((deaths + 0.5) / (survivors + 0.5))
