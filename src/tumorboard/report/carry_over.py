"""Whether a fold's model does on other patients what it did at home: one mark per model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorboard.records import Floats
from tumorboard.report.number_format import metric_name, number
from tumorboard.report.shown import reals
from tumorboard.report.style import GREY, marks, panels, short, styled
from tumorboard.study_words import LOWER_IS_BETTER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Models = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class CarryOver:
    """The models of one arm, at home and outside.

    Args:
        arm: Its name.
        cohort: Where the models were taken.
        metric: What is compared.
        inside: (models,) score on the fold's own test patients.
        outside: (models,) score of the same models on the patients of the cohort.
    """

    arm: str
    cohort: str
    metric: str
    inside: Floats
    outside: Floats

    @property
    def n_worse(self) -> int:
        """Models that score worse outside."""
        loss = self.inside - self.outside
        return int(((-loss if self.metric in LOWER_IS_BETTER else loss) > 0).sum())

    def row(self) -> dict[str, str]:
        """The row of the table below the figure."""
        inside, outside = float(self.inside.mean()), float(self.outside.mean())
        return {
            "arm": self.arm,
            "cohort": self.cohort,
            "metric": metric_name(self.metric),
            "inside": f"{number(inside)} ± {number(spread(self.inside))}",
            "outside": f"{number(outside)} ± {number(spread(self.outside))}",
            "difference": number(outside - inside, signed=True),
            "worse": f"{self.n_worse} of {len(self.inside)}",
        }


def spread(values: Floats) -> float:
    """Standard deviation over models; NaN for a single one."""
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def carried(
    inside: Models, outside: Mapping[str, Models], *, arms: Sequence[str], metrics: Sequence[str]
) -> list[CarryOver]:
    """Pairs of every cohort, metric and arm, of the models that have both scores.

    Args:
        inside: Arm -> entries of the evidence `fold_models` of the run.
        outside: Cohort -> the same of its patients.
        arms: In the order of the page.
        metrics: Names.
    """
    found: list[CarryOver] = []
    for cohort, models in outside.items():
        for metric in metrics:
            for arm in arms:
                home = {(m["repeat"], m["fold"]): m["scores"] for m in inside.get(arm, ())}
                pairs = [
                    (home[key].get(metric), model["scores"].get(metric))
                    for model in models.get(arm, ())
                    if (key := (model["repeat"], model["fold"])) in home
                ]
                at_home, away = reals([a for a, _ in pairs]), reals([b for _, b in pairs])
                known = np.isfinite(at_home) & np.isfinite(away)
                if known.any():
                    found.append(CarryOver(arm, cohort, metric, at_home[known], away[known]))
    return found


@styled
def carry_over_figure(pairs: Sequence[CarryOver], *, arms: Sequence[str]) -> Figure:
    """One panel per cohort and metric; small marks are models, large ones the mean of an arm."""
    wanted = list(dict.fromkeys((pair.cohort, pair.metric) for pair in pairs))
    figure, axes = panels(len(wanted), columns=min(2, len(wanted)), height=4.3)
    look = marks(arms)
    for axis, (cohort, metric) in zip(axes, wanted, strict=True):
        own = [pair for pair in pairs if (pair.cohort, pair.metric) == (cohort, metric)]
        for pair in own:
            mark = look[pair.arm]
            axis.plot(
                pair.inside, pair.outside, ls="none", marker=mark.marker, ms=5, mfc="none",
                mec=mark.colour, mew=1.1,
            )  # fmt: skip
            axis.plot(
                [pair.inside.mean()], [pair.outside.mean()], ls="none", marker=mark.marker, ms=9,
                color=mark.colour, mec="white", label=short(pair.arm, 20), zorder=4,
            )  # fmt: skip
        _furnish(axis, own, cohort, metric)
    axes[0].legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, handletextpad=0.2)
    return figure


def _furnish(axis: Axes, pairs: Sequence[CarryOver], cohort: str, metric: str) -> None:
    """Equal axes around the marks, the diagonal, and which side of it is the wrong one."""
    every = np.concatenate([np.r_[pair.inside, pair.outside] for pair in pairs])
    margin = max(0.08 * float(np.ptp(every)), 0.02)
    low, high = float(every.min()) - margin, float(every.max()) + margin
    axis.plot([low, high], [low, high], color=GREY, lw=1.0, ls="--", zorder=1)
    above = metric in LOWER_IS_BETTER
    axis.text(
        *((0.03, 0.97) if above else (0.97, 0.03)), "worse outside", color=GREY, fontsize=8.5,
        ha="left" if above else "right", va="top" if above else "bottom",
        transform=axis.transAxes,
    )  # fmt: skip
    axis.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axis.grid(visible=True)
    axis.set_title(metric_name(metric))
    axis.set(xlabel="cross-validation, the fold's test patients", ylabel=short(cohort, 24))
