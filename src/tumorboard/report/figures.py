"""The figures of a run: which there are, drawn, and written as SVG and PNG."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tumorboard.records import Floats
from tumorboard.report.confusion import confusion_figure
from tumorboard.report.contents import Contents
from tumorboard.report.curves import N_BOOTSTRAP, Kind, curve_figure
from tumorboard.report.flow import empty_columns, flow_figure, missing_figure
from tumorboard.report.forest import forest_figure
from tumorboard.report.head_to_head import bars_figure, compared_metrics
from tumorboard.report.history import history_figure
from tumorboard.report.number_format import metric_name
from tumorboard.report.overlaid_curves import overlaid_arms, overlay_figure
from tumorboard.report.performance import confusion_matrices
from tumorboard.report.style import save
from tumorboard.study_keys import LOWER_IS_BETTER

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The area that belongs to a curve.
AREAS: Mapping[Kind, str] = {"roc": "auroc", "precision_recall": "auprc"}


def write_figures(contents: Contents, folder: Path) -> dict[str, str]:
    """Write every figure that the run has numbers for as NAME.svg and NAME.png below `folder`.

    Returns:
        Name -> SVG for inlining, in the order of the page.
    """
    inline: dict[str, str] = {}
    for name, draw in _drawings(contents).items():
        figure = draw(contents)
        inline[name] = save(figure, folder, name)
        figure.clear()
    return inline


def _drawings(contents: Contents) -> dict[str, Callable[[Contents], Figure]]:
    drawings: dict[str, Callable[[Contents], Figure]] = {"answer": _forest, "flow": _flow}
    missing, n_rows = contents.cohort.get("missing", {}), int(contents.cohort["rows"])
    if len([n for n in missing.values() if n]) > len(empty_columns(missing, n_rows=n_rows)):
        drawings["missing"] = _missing
    if len(contents.arms) > 1 and compared_metrics(contents.metrics, len(contents.classes)):
        drawings["bars"] = lambda c: bars_figure(c.metrics, n_classes=len(c.classes))
    drawings["roc"] = lambda c: _curves(c, "roc")
    drawings["precision_recall"] = lambda c: _curves(c, "precision_recall")
    if _matrices(contents):
        drawings["confusion"] = lambda c: confusion_figure(_matrices(c), c.classes)
    if any(history.arm in contents.metrics for history in contents.histories):
        if len(overlaid_arms(contents.histories, contents.arms)) > 1:
            drawings["training_overlay"] = lambda c: overlay_figure(c.histories, arms=c.arms)
        drawings["training"] = lambda c: history_figure(c.histories, arms=c.arms)
    return drawings


def _forest(contents: Contents) -> Figure:
    metric = contents.primary_metric
    return forest_figure(
        {arm: values[metric] for arm, values in contents.metrics.items() if metric in values},
        [row for row in contents.differences if row.metric == metric],
        metric=metric_name(metric),
        smaller_is_better=metric in LOWER_IS_BETTER,
        means=contents.fold_means,
    )


def _flow(contents: Contents) -> Figure:
    return flow_figure(contents.flow())


def _missing(contents: Contents) -> Figure:
    return missing_figure(contents.cohort["missing"], n_rows=int(contents.cohort["rows"]))


def _curves(contents: Contents, kind: Kind) -> Figure:
    metrics = contents.metrics
    labels = {
        arm: f"{metrics[arm][AREAS[kind]].value:.3f}"
        for arm in contents.arms
        if AREAS[kind] in metrics[arm]
    }
    return curve_figure(
        contents.fits(),
        kind=kind,
        classes=contents.classes,
        labels=labels,
        n_bootstrap=N_BOOTSTRAP if contents.has_intervals else 0,
    )


def _matrices(contents: Contents) -> dict[str, Floats]:
    return confusion_matrices(contents.metrics, arms=contents.arms, classes=contents.classes)
