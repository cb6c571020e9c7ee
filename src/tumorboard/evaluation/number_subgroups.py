"""How well every arm of survival or regression does in groups of patients: "subgroups"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tumorboard.evaluation.auroc import NAN
from tumorboard.evaluation.bootstrap import bootstrap, percentile_interval
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.evaluation.number_subsets import metrics_of
from tumorboard.evaluation.outcome_comparison import pair_outcomes
from tumorboard.evaluation.outcome_table import OutcomeTable, OutcomeUnits
from tumorboard.evaluation.patient_columns import Grouping, group_patients
from tumorboard.evaluation.regression_statistic import RegressionStatistic
from tumorboard.evaluation.subgroups import adjust_by_holm, refused_group
from tumorboard.evaluation.survival_statistic import SurvivalStatistic
from tumorboard.records import Floats
from tumorboard.study_keys import Primary

#: Resamples of the patients of each group.
N_BOOTSTRAP = 500
_METHOD = "resamples of patients"


def number_subgroups_document(
    table: OutcomeTable, columns: Mapping[str, Mapping[str, str]], *, primary: Primary,
    rng: np.random.Generator, n_bootstrap: int = N_BOOTSTRAP,
) -> dict[str, Any]:  # fmt: skip
    """Metrics of every arm in every group of every column, their differences, and the gain.

    Groups of fewer than 10 patients are named and not reported. Intervals come from resamples of
    the patients of a group; groups share no patient, so that their resamples are independent and
    subtract one by one. Holm goes over all differences of one arm and metric, over all columns.

    Args:
        table: Predictions of all arms.
        columns: Column -> patient -> value; patients without an entry count as missing.
        primary: The comparison whose gain is reported.
        rng: Source of the resamples.
        n_bootstrap: Resamples of the patients of a group.

    Returns:
        As `subgroups_document`, of the primary metric and the two that say most.
    """
    test = table.take((table.part == "test") & table.known)
    analysed = sorted(set(test.patient_id.tolist()))
    metrics = tuple(dict.fromkeys([primary.metric, *metrics_of(test)]))
    judge = _Judge(test, metrics, primary, n_bootstrap, int(rng.integers(2**63)))
    found = [
        _column(group_patients(name, {p: values.get(p, "") for p in analysed}), judge)
        for name, values in columns.items()
    ]
    for name in ("differences", "interactions"):
        adjust_by_holm([row for column in found for row in column[name]])
    return {
        "metrics": list(metrics),
        "primary": {"arm": primary.arm, "reference": primary.reference, "metric": primary.metric},
        "min_patients": MIN_PATIENTS,
        "n_patients": len(analysed),
        "columns": found,
    }


@dataclass(frozen=True)
class _Drawn:
    """Metrics of the patients of one group.

    Args:
        value: (metrics,) values.
        draws: (replicates, metrics) the same in every resample.
        n_patients: Patients.
    """

    value: Floats
    draws: Floats
    n_patients: int

    def minus(self, other: _Drawn) -> _Drawn:
        """The difference, resample by resample."""
        return _Drawn(self.value - other.value, self.draws - other.draws, self.n_patients)

    def tested(self, k: int) -> dict[str, float]:
        """Difference of one metric, its interval, and the share of resamples beyond zero, twice."""
        low, high, _ = percentile_interval(self.draws[:, k])
        known = self.draws[~np.isnan(self.draws[:, k]), k]
        if np.isnan(self.value[k]) or not low < high:
            return {
                "difference": float(self.value[k]),
                "ci_low": NAN,
                "ci_high": NAN,
                "p_value": NAN,
            }
        beyond = 1 + min(int((known <= 0).sum()), int((known >= 0).sum()))
        p_value = min(1.0, 2 * beyond / (len(known) + 1))
        return {
            "difference": float(self.value[k]), "ci_low": low, "ci_high": high, "p_value": p_value,
        }  # fmt: skip


class _Judge:
    """Metrics of arms, and of the primary comparison, among some patients."""

    def __init__(
        self, test: OutcomeTable, metrics: tuple[str, ...], primary: Primary, n_bootstrap: int,
        seed: int,
    ) -> None:  # fmt: skip
        self.metrics = metrics
        self.arms = {arm: test.of_arm(arm) for arm in test.arms}
        self.gain: tuple[OutcomeTable, OutcomeTable] | None = None
        if primary.arm != primary.reference:
            self.gain = pair_outcomes(test, primary.arm, primary.reference)
        self.events: set[str] | None = None
        if test.kind == "survival":
            self.events = set(test.patient_id[test.outcome[:, 1] > 0].tolist())
        self._n_bootstrap = n_bootstrap
        self._seed = seed

    def drawn(self, tables: Sequence[OutcomeTable], name: str, members: set[str]) -> _Drawn | None:
        """The first table, minus the second where there are two; None under 10 patients.

        Arms of one group see the same resamples, other groups other ones.
        """
        sides = [
            table.take(np.isin(table.patient_id, sorted(members)))
            for table in tables
        ]  # fmt: skip
        units = [OutcomeUnits.of(side) for side in sides]
        n = len(units[0].patients)
        if n < MIN_PATIENTS:
            return None
        kind = SurvivalStatistic if tables[0].kind == "survival" else RegressionStatistic
        statistics = [kind(own, self.metrics) for own in units]

        def values(weights: Floats) -> Floats:
            each = [statistic(weights) for statistic in statistics]
            return each[0] - each[1] if len(each) == 2 else each[0]

        rng = np.random.default_rng([self._seed, *name.encode()])
        draws = bootstrap(values, n_patients=n, n_replicates=self._n_bootstrap, rng=rng)
        return _Drawn(values(np.ones((1, n)))[0], draws, n)


def _column(grouping: Grouping, judge: _Judge) -> dict[str, Any]:
    sizes = {name: len(members) for name, members in grouping.groups.items()}
    groups = {
        name: _Group.of(name, set(members), judge)
        for name, members in grouping.groups.items()
        if sizes[name] >= MIN_PATIENTS
    }
    largest = max(groups, key=lambda name: sizes[name], default=None)
    others = {name: group for name, group in groups.items() if name != largest}
    top = groups[largest] if largest is not None else None
    return {
        "column": grouping.column,
        "note": grouping.note,
        "cuts": list(grouping.cuts),
        "n_differing": grouping.n_differing,
        "largest": largest,
        "groups": [
            groups[name].shown(name, judge) if name in groups else refused_group(name)
            for name in grouping.groups
        ],
        "differences": [
            {"arm": arm, **row}
            for name, group in others.items()
            for arm, own in group.arms.items()
            if top is not None and arm in top.arms
            for row in _against(judge.metrics, name, str(largest), own.minus(top.arms[arm]))
        ],
        "interactions": [
            row
            for name, group in others.items()
            if top is not None and group.gain is not None and top.gain is not None
            for row in _against(judge.metrics, name, str(largest), group.gain.minus(top.gain))
        ],
    }


@dataclass(frozen=True)
class _Group:
    """One reported group."""

    members: set[str]
    arms: Mapping[str, _Drawn]
    gain: _Drawn | None

    @classmethod
    def of(cls, name: str, members: set[str], judge: _Judge) -> _Group:
        """Every arm, and the gain, among these patients."""
        each = {arm: judge.drawn([table], name, members) for arm, table in judge.arms.items()}
        gain = None if judge.gain is None else judge.drawn(judge.gain, name, members)
        return cls(members, {arm: d for arm, d in each.items() if d is not None}, gain)

    def shown(self, name: str, judge: _Judge) -> dict[str, Any]:
        """The group as the evidence holds it."""
        arms: dict[str, Any] = {}
        for arm, own in self.arms.items():
            tested = [own.tested(k) for k in range(len(judge.metrics))]
            arms[arm] = {
                metric: {
                    "value": found["difference"], "ci_low": found["ci_low"],
                    "ci_high": found["ci_high"], "n_patients": own.n_patients, "method": _METHOD,
                }
                for metric, found in zip(judge.metrics, tested, strict=True)
            }  # fmt: skip
        gain = self.gain
        return {
            "group": name,
            "refused": False,
            "n_patients": len(self.members),
            "n_events": None if judge.events is None else len(self.members & judge.events),
            "arms": arms,
            "gain": {}
            if gain is None
            else {m: gain.tested(k) for k, m in enumerate(judge.metrics)},
            "n_gain": None if gain is None else gain.n_patients,
        }


def _against(
    metrics: Sequence[str], group: str, largest: str, apart: _Drawn
) -> list[dict[str, Any]]:
    return [
        {"metric": metric, "group": group, "against": largest, **apart.tested(k)}
        for k, metric in enumerate(metrics)
    ]
