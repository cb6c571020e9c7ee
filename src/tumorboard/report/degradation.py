"""How performance falls as inputs get worse: curves of every probe, and where they cross."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.records import Bools, Floats
from tumorboard.report.number_format import interval, metric_name, number
from tumorboard.report.run_contents import RunContents
from tumorboard.report.section import Section, fill
from tumorboard.report.style import GREY, Mark, marks, panels, save, short, styled
from tumorboard.study_words import LOWER_IS_BETTER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Metrics that get a figure where the run has them; two classes, then several, then numbers.
_DRAWN = ("auroc", "balanced_accuracy", "accuracy", "c_index", "r2")


def section(contents: RunContents) -> Section | None:
    """Curves over strengths, one panel per probe; None where nothing was degraded."""
    document = read_evidence(contents.folder, "degradation")
    if document is None or not document["probes"]:
        return None
    from markupsafe import Markup

    figures: list[dict[str, Any]] = []
    for metric in _DRAWN:
        if metric not in document["metrics"]:
            continue
        figure = degradation_figure(document, arms=contents.arms, metric=metric)
        name = f"degradation_{metric}"
        svg = save(figure, contents.folder / "figures", name)
        figures.append(
            {"name": name, "svg": Markup(svg), "caption": _caption(document, metric, contents)}
        )
    html = fill(
        "degradation.html",
        figures=figures,
        fall=number(document["fall"], digits=2),
        metric=metric_name(_leading(document)),
        probes=[
            _probe_rows(name, probe, _leading(document))
            for name, probe in document["probes"].items()
        ],
        no_lead=" ".join(dict.fromkeys(filter(None, map(_no_lead, document["probes"].values())))),
        crossings=[s for n, p in document["probes"].items() if (s := _crossing(n, p))],
    )
    return Section("degradation", "Worse inputs", _lead(document, contents), html)


def _leading(document: Mapping[str, Any]) -> str:
    """The metric of the table and of the lead."""
    return str(document.get("leading", "auroc"))


@styled
def degradation_figure(document: Mapping[str, Any], *, arms: Sequence[str], metric: str) -> Figure:
    """One panel per probe: every arm that it applies to, with its 95 % band."""
    look = marks(arms)
    probes: Mapping[str, Any] = document["probes"]
    figure, axes = panels(len(probes), columns=3, height=2.75, header=0.45)
    low = _lowest(document, metric)
    for axis, (name, probe) in zip(axes, probes.items(), strict=True):
        for arm, curve in probe["arms"].items():
            _curve(axis, curve, metric, look[arm])
        axis.set_title(name.replace("_", " "))
        axis.set_xlabel(short(probe["unit"], 52), fontsize=8)
        axis.set_ylim(low, 1.01)
        axis.grid(visible=True)
        if metric in ("auroc", "balanced_accuracy", "c_index") and low < 0.5:
            axis.axhline(0.5, color=GREY, lw=0.9, ls=":", zorder=1)
    for axis in axes[::3]:
        axis.set_ylabel(metric_name(metric))
    drawn = [a for a in arms if any(a in probe["arms"] for probe in probes.values())]
    _legend(figure, drawn, look)
    return figure


def _curve(axis: Axes, curve: Mapping[str, Any], metric: str, mark: Mark) -> None:
    if metric not in curve["metrics"]:
        return
    values = curve["metrics"][metric]
    x = _floats(curve["strengths"])
    low, high = _floats(values["ci_low"]), _floats(values["ci_high"])
    axis.fill_between(x, low, high, color=mark.colour, alpha=0.13, lw=0)
    axis.plot(
        x, _floats(values["value"]), color=mark.colour, ls=mark.dash, lw=1.7, marker=mark.marker,
        ms=4.5, mec="white", mew=0.5,
    )  # fmt: skip


def _legend(figure: Figure, arms: Sequence[str], look: Mapping[str, Mark]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=look[a].colour, ls=look[a].dash, marker=look[a].marker, ms=5, lw=1.7)
        for a in arms
    ]
    figure.legend(
        handles, [short(a, 22) for a in arms], loc="outside upper left", ncols=min(6, len(arms)),
        handlelength=3.2,
    )  # fmt: skip


def _lowest(document: Mapping[str, Any], metric: str) -> float:
    """Lower end of the axis that all panels share: below every band, in steps of 0.1."""
    found = [
        value
        for probe in document["probes"].values()
        for curve in probe["arms"].values()
        if metric in curve["metrics"]
        for key in ("value", "ci_low")
        for value in curve["metrics"][metric][key]
        if value is not None
    ]
    least = -1.0 if metric == "r2" else 0.0  # worse than the mean of the patients is below 0
    return max(least, np.floor(10 * min(found, default=0.0)) / 10)


def _floats(values: Sequence[float | None]) -> Floats:
    return np.asarray([np.nan if value is None else value for value in values], dtype=np.float64)


def _num(value: float | None, *, signed: bool = False, digits: int = 3) -> str:
    return number(float("nan") if value is None else value, signed=signed, digits=digits)


def _probe_rows(name: str, probe: Mapping[str, Any], metric: str) -> dict[str, Any]:
    """One row per arm: the metric as it was, at the greatest strength, and where it has fallen."""
    rows: list[dict[str, str]] = []
    for arm, curve in probe["arms"].items():
        values = curve["metrics"][metric]
        low, high = _floats([values["drop_low"][-1], values["drop_high"][-1]])
        falls = values["falls_at"]
        rows.append(
            {
                "arm": arm,
                "clean": _num(values["value"][0]),
                "worst": _num(values["value"][-1]),
                "drop": _num(values["drop"][-1], signed=True),
                "interval": interval(float(low), float(high), signed=True),
                "falls_at": "not reached" if falls is None else f"{falls:.3g}",
                "n_patients": str(curve["n_patients"]),
            }
        )
    strengths = next(iter(probe["arms"].values()))["strengths"]
    return {
        "name": name.replace("_", " "), "unit": probe["unit"], "rows": rows,
        "greatest": f"{strengths[-1]:g}",
    }  # fmt: skip


def _crossing(name: str, probe: Mapping[str, Any]) -> str:
    """Where the primary arm stops being better than its reference; "" where nothing is followed."""
    against = probe["against"]
    if not against:
        return ""
    arm, reference, metric = against["arm"], against["reference"], metric_name(against["metric"])
    both = "" if against["is_reference_degraded"] else f" (which {name.replace('_', ' ')} spares)"
    first, last = against["difference"][0], against["difference"][-1]
    if first is None:
        return ""
    lead = -first if against["metric"] in LOWER_IS_BETTER else first
    where = against["crossover"]
    head = f"{name.replace('_', ' ')}: {metric} of {arm} minus {reference}{both} goes from "
    head += f"{_num(first, signed=True)} to {_num(last, signed=True)}"
    if where == 0 or lead <= 0:
        return f"{head}; {arm} is not ahead even with inputs as they were."
    if _no_lead(probe):
        return f"{head}."
    if where is None:
        return f"{head}; {arm} is ahead at every strength tried{_unsure(against, lead)}."
    return f"{head}; the lead is gone from strength {where:.3g} ({probe['unit']})."


def _no_lead(probe: Mapping[str, Any]) -> str:
    """What to say first where the difference with inputs as they were may be 0; "" elsewhere."""
    against = probe["against"]
    if not against or against["difference"][0] is None:
        return ""
    low, high = _floats([against["ci_low"][0], against["ci_high"][0]])
    if low > 0 or high < 0:
        return ""
    shown = interval(float(low), float(high), signed=True)
    return (
        f"There is no evidence that {against['arm']} is ahead of {against['reference']} with "
        f"inputs as they were ({metric_name(against['metric'])} "
        f"{_num(against['difference'][0], signed=True)}, "
        f"{f'95 % interval {shown}' if shown else 'no interval'}): there is no lead to lose."
    )


def _unsure(against: Mapping[str, Any], lead: float) -> str:
    """At how many strengths the interval of the difference includes 0; "" for none."""
    ends = against["ci_low"] if lead == against["difference"][0] else against["ci_high"]
    sign = 1.0 if lead == against["difference"][0] else -1.0
    n = int(np.sum(~(sign * _floats(ends) > 0)))
    return f", though at {n} of {len(ends)} the 95 % interval includes 0" if n else ""


def _lead(document: Mapping[str, Any], contents: RunContents) -> str:
    """Which probe costs the primary arm the most."""
    arm, metric = contents.arms[0], _leading(document)
    falls = {
        name: probe["arms"][arm]["metrics"][metric]
        for name, probe in document["probes"].items()
        if arm in probe["arms"] and probe["arms"][arm]["metrics"][metric]["drop"][-1] is not None
    }
    if not falls:
        n = len(document["probes"])
        were = "way to make inputs worse was" if n == 1 else "ways to make inputs worse were"
        return f"{n} {were} tried on the models."
    proven = {name: values for name, values in falls.items() if _proven(values).any()}
    if not proven:
        return _nothing_proven(document, arm, falls)
    falls = proven
    worst = max(falls, key=lambda name: max(_floats(falls[name]["drop"])[_proven(falls[name])]))
    values = falls[worst]
    i = int(np.argmax(np.where(_proven(values), _floats(values["drop"]), -np.inf)))
    strengths = document["probes"][worst]["arms"][arm]["strengths"]
    limits = interval(*_floats([values["drop_low"][i], values["drop_high"][i]]).tolist())
    within = f" (95 % interval {limits})" if limits else ""
    named, n = worst.replace("_", " "), len(document["probes"])
    fell = metric_name(metric)
    head = f"Of {n} ways to make inputs worse, {named} costs {arm} the most: {fell} falls"
    if n == 1:
        head = f"{fell} of {arm} falls with {named}"
    return (
        f"{head} by {_num(values['drop'][i])}{within}, from {_num(values['value'][0])} to "
        f"{_num(values['value'][i])}, at strength {strengths[i]:g} "
        f"({document['probes'][worst]['unit']})."
    )


def _proven(values: Mapping[str, Any]) -> Bools:
    """(strengths,) where the interval of the fall lies above 0."""
    return _floats(values["drop_low"]) > 0


def _nothing_proven(
    document: Mapping[str, Any], arm: str, falls: Mapping[str, Mapping[str, Any]]
) -> str:
    """No fall excludes 0: the largest is named with its interval, and nothing is claimed."""
    worst = max(falls, key=lambda name: float(np.nanmax(_floats(falls[name]["drop"]))))
    values = falls[worst]
    i = int(np.nanargmax(_floats(values["drop"])))
    limits = interval(*_floats([values["drop_low"][i], values["drop_high"][i]]).tolist())
    n = len(document["probes"])
    ways = (
        "The one way tried to make inputs worse" if n == 1 else "No way tried to make inputs worse"
    )
    return (
        f"{ways} is {'not ' if n == 1 else ''}shown to lower the "
        f"{metric_name(_leading(document))} of {arm}: the largest fall, "
        f"with {worst.replace('_', ' ')}, is {_num(values['drop'][i])} "
        f"({f'95 % interval {limits}' if limits else 'no interval'})."
    )


def _caption(document: Mapping[str, Any], metric: str, contents: RunContents) -> str:
    n = max(
        curve["n_patients"]
        for probe in document["probes"].values()
        for curve in probe["arms"].values()
    )
    is_called = "leading" not in document  # numbers are not called
    thresholds = ", at decision thresholds that were chosen on clean validation patients"
    thresholds = thresholds if is_called else ""
    return (
        f"{metric_name(metric)} of the test patients (up to {n} {contents.counted}) when their "
        "inputs are made worse; at 0 the inputs are as they were. Each panel is one kind of "
        "degradation; bands are 95 % intervals by patients. The same patients are degraded alike "
        f"for every arm{thresholds}. A curve that stays flat is robust; arms without a curve do "
        "not read what is degraded."
    )
