"""Every survival metric of one arm as a function of its patients' weights, for many at once.

Patients who are censored are weighed for by those who are still followed: the inverse of the
probability of not being censored (IPCW), from the Kaplan-Meier curve of censoring of the evaluated
patients, all of one repeat together, and estimated anew in every resample.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tumorboard.evaluation.outcome_table import OutcomeUnits
from tumorboard.evaluation.ratio import mean_of_defined, ratio
from tumorboard.evaluation.survival_curves import FollowUp, at
from tumorboard.records import Bools, Floats, Ints

RISK = "risk_score"
_SURVIVAL = "survival_"
#: Times between day 0 and the longest horizon at which the Brier score is integrated.
N_GRID = 60


def horizons_of(names: Sequence[str]) -> tuple[int, ...]:
    """Days of the columns `survival_<days>` of a prediction table, ascending."""
    days = [name.removeprefix(_SURVIVAL) for name in names if name.startswith(_SURVIVAL)]
    return tuple(sorted(int(day) for day in days))


def survival_names(horizons: Sequence[int]) -> tuple[str, ...]:
    """Names of every metric, in the order of the report."""
    names = ["c_index", "uno_c_index", *(f"auroc_{days}" for days in horizons)]
    if horizons:
        names += ["integrated_brier", "scaled_integrated_brier"]
    return (*names, *(f"brier_{days}" for days in horizons))


class SurvivalStatistic:
    """Metrics of one arm for many weightings of its patients at once.

    c-indices and time-dependent AUROC compare patients with each other, so they are computed within
    repeat and fold and averaged over the folds in which they are defined, then over repeats. Brier
    scores are computed over the pooled folds of each repeat and averaged over repeats.

    * `c_index`: share of comparable pairs in which the earlier event has the higher risk; ties of
      the risk count a half (Harrell, Lee & Mark, Stat Med 1996; 15: 361-387).
    * `uno_c_index`: the same with each pair weighed by 1 / G(t-)^2, of events up to the longest
      horizon (Uno et al., Stat Med 2011; 30: 1105-1117, equation 5).
    * `auroc_<days>`: cumulative cases against patients followed beyond the horizon, cases weighed
      by 1 / G(t-) (Uno et al., J Am Stat Assoc 2007; 102: 527-537); the score is the predicted
      survival at that horizon.
    * `brier_<days>`: squared error of the predicted survival, with IPCW (Graf et al., Stat Med
      1999; 18: 2529-2545).
    * `integrated_brier`: its mean over time up to the longest horizon, by the trapezoidal rule; the
      predicted curve has constant hazards between horizons.
    * `scaled_integrated_brier`: 1 - its ratio to that of the Kaplan-Meier curve of the evaluated
      patients, known at the same horizons; 0 is no better than that curve.

    Args:
        units: What was scored: outcomes (time_days, event), predictions `risk_score` and
            `survival_<days>`.
        metrics: Names wanted; empty for all.
    """

    def __init__(self, units: OutcomeUnits, metrics: Sequence[str] = ()) -> None:
        self.horizons = horizons_of(units.names)
        self.names: tuple[str, ...] = tuple(metrics) or survival_names(self.horizons)
        kinds = {name.rsplit("_", 1)[0] if name[-1].isdigit() else name for name in self.names}
        self._has_ranks = bool(kinds & {"c_index", "uno_c_index", "auroc"})
        self._has_brier = bool(kinds & {"brier", "integrated_brier", "scaled_integrated_brier"})
        self._repeats = [
            _Repeat(units.take(np.flatnonzero(units.repeat == repeat)), self.horizons)
            for repeat in sorted(set(units.repeat.tolist()))
        ]

    def __call__(self, weights: Floats) -> Floats:
        """Values (replicates, names) of weights (replicates, patients)."""
        found: list[dict[str, Floats]] = []
        for repeat in self._repeats:
            own = weights[:, repeat.patient]
            censoring = repeat.follow_up.censoring(own)
            values: dict[str, Floats] = {}
            if self._has_ranks:
                values |= repeat.ranks(own, censoring)
            if self._has_brier and self.horizons:
                values |= repeat.brier(own, censoring)
            found.append(values)
        empty = np.full(len(weights), np.nan)
        columns: list[Floats] = []
        for name in self.names:
            each = np.stack([values.get(name, empty) for values in found])
            is_rank = "brier" not in name
            columns.append(mean_of_defined(each) if is_rank else each.mean(axis=0))
        return np.stack(columns, axis=1)


class _Repeat:
    """All test patients of one repeat: one curve of censoring, and the models of its folds."""

    def __init__(self, units: OutcomeUnits, horizons: tuple[int, ...]) -> None:
        self.patient = units.patient
        self.time, self.event = units.outcome[:, 0], units.outcome[:, 1] > 0
        self.follow_up = FollowUp(self.time, self.event)
        self.horizons = np.asarray(horizons, dtype=np.float64)
        tau = self.horizons.max() if horizons else np.inf
        column = {name: k for k, name in enumerate(units.names)}
        survival = [units.predictions[:, column[f"{_SURVIVAL}{days}"]] for days in horizons]
        self.survival = np.stack(survival, axis=1) if horizons else np.zeros((len(self.time), 0))
        risk = units.predictions[:, column[RISK]]
        self.models = [
            _Model(rows, self.time, self.event, risk, self.survival, self.horizons, tau=tau)
            for rows in (units.of_model(*model) for model in units.models)
        ]
        if horizons:
            #: (grid,) days, horizons among them
            self.grid = np.unique(np.r_[np.linspace(0.0, tau, N_GRID + 1), self.horizons])
            self.predicted = along(self.horizons, self.survival, self.grid)
            self.is_case = self.event[:, None] & (self.time[:, None] <= self.grid)
            self.is_control = (self.time[:, None] > self.grid).astype(np.float64)

    def ranks(self, weights: Floats, censoring: Floats) -> dict[str, Floats]:
        """c-indices and AUROC, averaged over the models of the folds."""
        inverse = self._inverse(at(self.follow_up.times, censoring, self.time, before=True))
        found = [model.values(weights, inverse) for model in self.models]
        return {name: mean_of_defined(np.stack([f[name] for f in found])) for name in found[0]}

    def brier(self, weights: Floats, censoring: Floats) -> dict[str, Floats]:
        """Brier scores at the horizons and over time, and the reference's."""
        inverse = self._inverse(at(self.follow_up.times, censoring, self.time, before=True))
        of_control = ratio(np.ones(1), at(self.follow_up.times, censoring, self.grid))
        of_case, total = weights * inverse, weights.sum(axis=1, keepdims=True)
        is_case = self.is_case.astype(np.float64)
        cases, controls = of_case @ is_case, (weights @ self.is_control) * of_control
        # nobody followed so long: the score is not defined, whatever nobody weighs
        squared = of_case @ (is_case * self.predicted**2)
        squared += (weights @ (self.is_control * (1 - self.predicted) ** 2)) * of_control
        score = ratio(squared, np.broadcast_to(total, squared.shape))
        marginal = at(self.follow_up.times, self.follow_up.events(weights), self.horizons)
        curve = along(self.horizons, marginal, self.grid)
        reference = ratio(
            cases * curve**2 + controls * (1 - curve) ** 2, np.broadcast_to(total, cases.shape)
        )
        integrated, of_reference = (
            np.trapezoid(each, self.grid, axis=1) / self.grid[-1] for each in (score, reference)
        )
        found = {
            f"brier_{int(days)}": score[:, int(np.searchsorted(self.grid, days))]
            for days in self.horizons
        }
        found["integrated_brier"] = integrated
        found["scaled_integrated_brier"] = 1 - ratio(integrated, of_reference)
        return found

    @staticmethod
    def _inverse(share: Floats) -> Floats:
        """1 / G, and 0 where nobody could have been followed: no event can be there either."""
        return np.divide(1.0, share, out=np.zeros_like(share), where=share > 0)


class _Model:
    """Test patients of one fitted model: who is comparable with whom, and in which order."""

    def __init__(
        self, rows: Ints, time: Floats, event: Bools, risk: Floats, survival: Floats,
        horizons: Floats, *, tau: float,
    ) -> None:  # fmt: skip
        self._rows = rows
        time, event, risk = time[rows], event[rows], risk[rows]
        self._cases: Ints = np.flatnonzero(event)
        later = (time > time[self._cases, None]) | ((time == time[self._cases, None]) & ~event)
        self._later = later.astype(np.float64).T
        self._right = (later * _order(risk[self._cases, None], risk)).T
        self._up_to_tau = (time[self._cases] < tau) | np.isinf(tau)
        self._horizons = [
            _Horizon(int(days), time, event, -survival[rows, k]) for k, days in enumerate(horizons)
        ]

    def values(self, weights: Floats, inverse: Floats) -> dict[str, Floats]:
        own, inverse = weights[:, self._rows], inverse[:, self._rows]
        case, factor = own[:, self._cases], inverse[:, self._cases] ** 2 * self._up_to_tau
        right, pairs = case * (own @ self._right), case * (own @ self._later)
        found = {
            "c_index": ratio(right.sum(axis=1), pairs.sum(axis=1)),
            "uno_c_index": ratio((right * factor).sum(axis=1), (pairs * factor).sum(axis=1)),
        }
        for horizon in self._horizons:
            found[f"auroc_{horizon.days}"] = horizon.auroc(own, inverse)
        return found


class _Horizon:
    """Cases before a day and controls beyond it."""

    def __init__(self, days: int, time: Floats, event: Bools, score: Floats) -> None:
        self.days = days
        self._cases, self._controls = (
            np.flatnonzero(event & (time <= days)),
            np.flatnonzero(time > days),
        )
        self._right = _order(score[self._cases, None], score[self._controls]).T

    def auroc(self, weights: Floats, inverse: Floats) -> Floats:
        case = weights[:, self._cases] * inverse[:, self._cases]
        control = weights[:, self._controls]
        right = (case * (control @ self._right)).sum(axis=1)
        return ratio(right, case.sum(axis=1) * control.sum(axis=1))


def _order(one: Floats, other: Floats) -> Floats:
    """1 where `one` is the higher score, 0.5 where they are equal, NaN where one is not known."""
    return np.where(one > other, 1.0, np.where(one == other, 0.5, 0.0 * (one + other)))


def along(horizons: Floats, survival: Floats, grid: Floats) -> Floats:
    """Survival (n, grid) of values (n, H) at horizons, with constant hazards between them.

    Args:
        horizons: (H,) days, ascending.
        survival: (n, H); survival at day 0 is 1.
        grid: (G,) days up to the last horizon.
    """
    floor = np.finfo(np.float64).tiny
    log = -np.log(np.clip(np.pad(survival, ((0, 0), (1, 0)), constant_values=1.0), floor, 1.0))
    days = np.r_[0.0, horizons]
    right = np.clip(np.searchsorted(days, grid, side="left"), 1, len(days) - 1)
    share = (grid - days[right - 1]) / (days[right] - days[right - 1])
    return np.exp(-(log[:, right - 1] + share * (log[:, right] - log[:, right - 1])))
