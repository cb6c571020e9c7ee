"""ROC and precision-recall curves: averaged over fitted models, with bands by resampling patients.

Scores of two fitted models do not share a scale, so a curve belongs to one repeat and fold. Curves
are averaged vertically: at each false-positive rate (or sensitivity) the mean over models (Fawcett,
Pattern Recognit Lett 2006). The area below the mean curve is then the mean of the models' areas,
the number that the tables show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.evaluation.auroc import Z_95
from tumorboard.evaluation.bootstrap import resample
from tumorboard.records import Floats, Ints
from tumorboard.report.style import GREY, MINUS, PALE, Mark, marks, panels, short, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Kind = Literal["roc", "precision_recall"]

N_POINTS = 200
#: Middles of equal steps: the mean of a curve's values there is its area, without end corrections.
GRID: Floats = (np.arange(N_POINTS) + 0.5) / N_POINTS
N_BOOTSTRAP = 500
#: Class lines in one panel before they cannot be told apart.
MAX_CLASSES = 7


@dataclass(frozen=True)
class Fit:
    """What one fitted model said about its test patients.

    Args:
        patient: (units,) index of each unit's patient.
        truth: (units,) class index.
        probability: (units, classes).
    """

    patient: Ints
    truth: Ints
    probability: Floats


@dataclass(frozen=True)
class Curve:
    """A mean curve on `GRID` and its 95 % band; NaN throughout where no model saw both classes."""

    mean: Floats
    low: Floats
    high: Floats

    @property
    def area(self) -> float:
        """Area below the mean curve."""
        return float(self.mean.mean())


def mean_curves(
    fits: Sequence[Fit], *, kind: Kind, n_bootstrap: int = N_BOOTSTRAP, seed: int = 0
) -> list[Curve]:
    """Mean curve and band of every class against the rest, and last their macro mean.

    With two classes there is one curve, of the positive class, which is the last.
    """
    n_classes = fits[0].probability.shape[1]
    classes = [n_classes - 1] if n_classes == 2 else list(range(n_classes))
    n_patients = 1 + max(int(fit.patient.max()) for fit in fits)
    weights = _weights(n_patients, n_bootstrap, seed)
    replicates = [_replicates(fits, index, weights, kind) for index in classes]
    curves = [_curve(values) for values in replicates]
    if n_classes > 2:
        curves.append(_curve(_mean_of_present(replicates)))
    return curves


def _weights(n_patients: int, n_bootstrap: int, seed: int) -> Floats:
    """How often each patient is drawn; the first row is the cohort itself."""
    drawn = resample(n_patients, n_bootstrap, np.random.default_rng(seed))
    return np.vstack([np.ones((1, n_patients)), drawn])


def _replicates(fits: Sequence[Fit], index: int, weights: Floats, kind: Kind) -> Floats:
    """(1 + draws, points): the curve averaged over models, for the cohort and each draw."""
    trace = _roc if kind == "roc" else _precision_recall
    return _mean_of_present(
        [
            trace(fit.truth == index, fit.probability[:, index], weights[:, fit.patient])
            for fit in fits
        ]
    )


def _mean_of_present(curves: Sequence[Floats]) -> Floats:
    """Mean over the curves that exist; a draw may hold no patient of a class in one fold."""
    total = np.zeros_like(curves[0])
    count = np.zeros((len(total), 1))
    for curve in curves:
        exists = ~np.isnan(curve[:, :1])
        total += np.where(exists, curve, 0.0)
        count += exists
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _curve(replicates: Floats) -> Curve:
    """The cohort's curve, and 1.96 standard errors over the draws around it.

    Percentiles of the draws would lie above the curve at its ends: a draw repeats patients, so each
    fold holds fewer distinct scores, and few scores are easier to separate.
    """
    mean, draws = replicates[0], replicates[1:][~np.isnan(replicates[1:, 0])]
    if len(draws) < 20:  # too few draws for a standard error
        empty = np.full(N_POINTS, np.nan)
        return Curve(mean, empty, empty)
    reach = Z_95 * draws.std(axis=0, ddof=1)
    return Curve(mean, np.clip(mean - reach, 0.0, 1.0), np.clip(mean + reach, 0.0, 1.0))


def _cumulative(positive: np.ndarray, score: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """(draws, thresholds) weight of true and false positives at each distinct score, descending."""
    order = np.argsort(-score, kind="stable")
    ordered, is_positive, weight = score[order], positive[order], weight[:, order]
    # Tied scores move together: only the last unit of each tie is a threshold.
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    true = np.cumsum(weight * is_positive, axis=1)[:, last]
    false = np.cumsum(weight * ~is_positive, axis=1)[:, last]
    return true, false


def _rows_apart(values: NDArray[Any]) -> tuple[Floats, Floats]:
    """Rows of values in 0..1 laid end to end as one rising sequence, and each row's offset."""
    offset = 2.0 * np.arange(len(values), dtype=np.float64)[:, None]
    return np.asarray(values + offset, dtype=np.float64).ravel(), offset


def _roc(positive: np.ndarray, score: Floats, weight: Floats) -> Floats:
    true, false = _cumulative(positive, score, weight)
    exists = (true[:, -1] > 0) & (false[:, -1] > 0)
    sensitivity = np.pad(true / np.maximum(true[:, -1:], 1), ((0, 0), (1, 0)))
    false_positive_rate = np.pad(false / np.maximum(false[:, -1:], 1), ((0, 0), (1, 0)))
    known, offset = _rows_apart(false_positive_rate)
    values = np.interp((GRID + offset).ravel(), known, sensitivity.ravel())
    values = values.reshape(len(weight), N_POINTS)
    return np.where(exists[:, None], values, np.nan)


def _precision_recall(positive: np.ndarray, score: Floats, weight: Floats) -> Floats:
    """Precision at the first threshold of each sensitivity; its mean is the average precision."""
    true, false = _cumulative(positive, score, weight)
    exists = (true[:, -1] > 0) & (false[:, -1] > 0)
    sensitivity = true / np.maximum(true[:, -1:], 1)
    known, offset = _rows_apart(sensitivity)
    first = np.searchsorted(known, (GRID + offset).ravel(), side="left")
    first = np.minimum(first, known.size - 1)
    called = true + false
    precision = np.divide(true, called, out=np.zeros_like(true), where=called > 0)
    values = precision.ravel()[first].reshape(len(weight), N_POINTS)
    return np.where(exists[:, None], values, np.nan)


@styled
def curve_figure(
    arms: Mapping[str, Sequence[Fit]], *, kind: Kind, classes: Sequence[str],
    labels: Mapping[str, str] | None = None, n_bootstrap: int = N_BOOTSTRAP,
) -> Figure:  # fmt: skip
    """All arms together, then one panel per arm with its 95 % band.

    Args:
        labels: Text behind an arm's name, such as its area with interval.
    """
    look = marks(list(arms))
    curves = {arm: mean_curves(f, kind=kind, n_bootstrap=n_bootstrap) for arm, f in arms.items()}
    figure, axes = panels(1 + len(arms), columns=3, height=3.55)
    _overview(axes[0], curves, look, labels or {}, kind)
    for axis, arm in zip(axes[1:], arms, strict=True):
        others = [curve[-1] for name, curve in curves.items() if name != arm]
        _one_arm(axis, arm, curves[arm], look[arm], others=others, classes=classes, kind=kind)
    for axis in axes:
        _furnish(axis, kind, chance=_chance(arms, classes))
    return figure


def _chance(arms: Mapping[str, Sequence[Fit]], classes: Sequence[str]) -> float:
    """Precision of a coin: the prevalence of the positive class, or the mean over classes."""
    truth = np.concatenate([fit.truth for fits in arms.values() for fit in fits])
    return float(np.mean(truth == 1)) if len(classes) == 2 else 1 / len(classes)


def _to_corners(values: Floats, kind: Kind) -> tuple[Floats, Floats]:
    """A curve as it is drawn: `GRID` lies within 0 and 1, and an ROC curve joins both corners."""
    if kind != "roc" or np.isnan(values).any():
        return GRID, values
    return np.r_[0.0, GRID, 1.0], np.r_[0.0, values, 1.0]


def _overview(
    axis: Axes,
    curves: Mapping[str, list[Curve]],
    look: Mapping[str, Mark],
    labels: Mapping[str, str],
    kind: Kind,
) -> None:
    for arm, curve in curves.items():
        mark = look[arm]
        text = short(arm, 18) + (f"  {labels[arm]}" if labels.get(arm) else "")
        axis.plot(
            *_to_corners(curve[-1].mean, kind), color=mark.colour, ls=mark.dash, lw=1.8, label=text
        )
    axis.set_title("All arms")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), handlelength=2.8)


def _one_arm(
    axis: Axes, arm: str, curves: list[Curve], mark: Mark, *, others: Sequence[Curve],
    classes: Sequence[str], kind: Kind,
) -> None:  # fmt: skip
    main = curves[-1]
    for other in others:
        axis.plot(*_to_corners(other.mean, kind), color=PALE, lw=1.0, zorder=1)
    axis.fill_between(GRID, main.low, main.high, color=mark.colour, alpha=0.18, lw=0, zorder=2)
    # apart from the arm's own colour, which its mean has
    looks = marks([str(i) for i in range(2 * MAX_CLASSES)]).values()
    lines = [look for look in looks if look.colour != mark.colour]
    for index, curve in enumerate(curves[:-1][:MAX_CLASSES]):
        own = lines[index]
        label = f"{short(classes[index], 14)}  {curve.area:.2f}"
        axis.plot(
            *_to_corners(curve.mean, kind), color=own.colour, lw=1.1, ls=own.dash, label=label
        )
    name = f"macro mean  {main.area:.2f}" if len(curves) > 1 else None
    x, y = _to_corners(main.mean, kind)
    axis.plot(x, y, color=mark.colour, ls=mark.dash, lw=2.0, label=name, zorder=4)
    axis.set_title(short(arm))
    if len(curves) > 1:
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, handlelength=2.6)


def _furnish(axis: Axes, kind: Kind, *, chance: float) -> None:
    axis.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axis.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    axis.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    axis.grid(visible=True)
    if kind == "roc":
        axis.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls=":", zorder=1)
        axis.set(xlabel=f"1 {MINUS} specificity", ylabel="sensitivity")
    else:
        axis.axhline(chance, color=GREY, lw=0.9, ls=":", zorder=1)
        axis.annotate(
            f"chance {chance:.2f}", (0.02, chance), xytext=(0, 3), textcoords="offset points",
            color=GREY, fontsize=7.5, zorder=5,
            bbox={"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.8},
        )  # fmt: skip
        axis.set(xlabel="sensitivity (recall)", ylabel="PPV (precision)")
