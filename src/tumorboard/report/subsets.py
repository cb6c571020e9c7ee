"""Every subset of modalities: performance and calibration of each, and what to measure next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.report.contents import Contents
from tumorboard.report.number_format import interval, metric_name, number
from tumorboard.report.section import Section, fill
from tumorboard.report.style import GREY, INK, PALE, Mark, marks, new_figure, save, short, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Columns of the table, with two classes and with more.
_BINARY = ("auroc", "sensitivity", "specificity", "brier")
_SEVERAL = ("auroc", "accuracy", "brier")
#: Patients of the list of next tests.
MAX_PATIENTS = 20

Estimated = Mapping[str, float | None]


def section(contents: Contents) -> Section | None:
    """Subsets of modalities; None where no arm has more than one."""
    document = read_evidence(contents.folder, "subsets")
    if document is None:
        return None
    arms: dict[str, Any] = document["arms"]
    several = [a for a in contents.arms if a in arms and len(_subsets(arms[a])) > 1]
    if not several:
        return None
    from markupsafe import Markup

    names = _modalities(arms)
    rows = _rows(arms, several, contents.arms)
    figure = subset_figure(rows, names=names, arms=contents.arms)
    svg = save(figure, contents.folder / "figures", "subsets")
    next_test = read_evidence(contents.folder, "next_test") or {"arms": {}}
    html = fill(
        "subsets.html",
        svg=Markup(svg),
        caption=_caption(contents),
        columns=[metric_name(m) for m in _columns(contents)],
        tables=[_table(arm, arms[arm], contents) for arm in several],
        tests=_tests(next_test, contents),
        patients=_patients(next_test, contents),
        neighbours=next_test.get("neighbours", 0),
        positive=contents.classes[-1],
    )
    return Section("subsets", "Every subset of modalities", _lead(arms, several), html)


def _subsets(arm: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Subsets shown to the models, or those at hand where nothing was hidden."""
    return arm["shown"] or arm["present"]


def _modalities(arms: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(name for arm in arms.values() for name in arm["modalities"] if name))


def _columns(contents: Contents) -> tuple[str, ...]:
    return _BINARY if len(contents.classes) == 2 else _SEVERAL


def _rows(
    arms: Mapping[str, Any], several: Sequence[str], order: Sequence[str]
) -> list[tuple[str, Mapping[str, Any]]]:
    """(arm, subset) for the figure: arms with several modalities, then those trained on one."""
    single = [a for a in order if a in arms and a not in several]
    return [
        (arm, subset)
        for arm in (*several, *single)
        for subset in _subsets(arms[arm])
        if not subset["is_refused"]
    ]


@styled
def subset_figure(
    rows: Sequence[tuple[str, Mapping[str, Any]]], *, names: Sequence[str], arms: Sequence[str]
) -> Figure:
    """Which modalities each row was shown, beside its AUROC and its calibration slope.

    Args:
        rows: (arm, subset of the evidence) from top to bottom.
        names: Modalities, from left to right.
        arms: All arms of the run, for their colours.
    """
    look = marks(arms)
    has_slope = any(subset["calibration"] for _, subset in rows)
    widths = [0.30 * max(3, len(names)) + 0.4, 4.6, *([3.0] if has_slope else [])]
    figure = new_figure(0.36 * len(rows) + 1.1)
    axes = list(figure.subplots(1, len(widths), width_ratios=widths, sharey=True))
    _dots(axes[0], rows, names)
    for i, (arm, subset) in enumerate(rows):
        _point(axes[1], i, subset["metrics"]["auroc"], look[arm])
        if has_slope and subset["calibration"]:
            _point(axes[2], i, subset["calibration"]["slope"], look[arm])
    axes[1].set_title("AUROC")
    axes[1].set_xlabel("AUROC with 95 % interval")
    if has_slope:
        axes[2].axvline(1, color=GREY, lw=0.9, ls=":")
        axes[2].set_title("Calibration slope")
        axes[2].set_xlabel("← too extreme    1    too moderate →")
    for axis in axes[1:]:
        axis.grid(visible=True, axis="x")
        axis.spines["left"].set_visible(False)
        axis.tick_params(axis="y", length=0)
    first = [i for i, (arm, _) in enumerate(rows) if i and rows[i - 1][0] != arm]
    for axis in axes:
        for i in first:
            axis.axhline(i - 0.5, color=PALE, lw=0.9)
    return figure


def _dots(axis: Axes, rows: Sequence[tuple[str, Mapping[str, Any]]], names: Sequence[str]) -> None:
    for i, (_, subset) in enumerate(rows):
        shown = subset["modalities"].split("+")
        for k, name in enumerate(names):
            is_shown = name in shown
            axis.plot([k], [i], "o", ms=8, color=INK if is_shown else PALE, mec="none")
    axis.set_xticks(range(len(names)), [short(n, 16) for n in names], rotation=35, ha="right")
    axis.set_yticks(range(len(rows)), [short(arm, 20) for arm, _ in rows])
    axis.set(xlim=(-0.6, len(names) - 0.4), ylim=(len(rows) - 0.4, -0.6))
    axis.set_title("shown")
    axis.spines[["left", "bottom"]].set_visible(False)
    axis.tick_params(length=0)


def _point(axis: Axes, i: int, estimate: Estimated, mark: Mark) -> None:
    value, low, high = estimate["value"], estimate["ci_low"], estimate["ci_high"]
    if low is not None and high is not None:
        axis.plot([low, high], [i, i], color=mark.colour, lw=1.8, solid_capstyle="butt")
    if value is not None:
        axis.plot([value], [i], marker=mark.marker, color=mark.colour, ms=6.5, mec="white", mew=0.6)


def _cell(estimate: Estimated | None, *, signed: bool = False) -> dict[str, str]:
    nan = float("nan")
    if estimate is None:
        return {"value": number(nan), "interval": ""}
    value, low, high = (
        nan if estimate[k] is None else float(estimate[k] or 0.0)
        for k in ("value", "ci_low", "ci_high")
    )
    return {"value": number(value, signed=signed), "interval": interval(low, high, signed=signed)}


def _table(arm: str, entry: Mapping[str, Any], contents: Contents) -> dict[str, Any]:
    columns = _columns(contents)
    at_hand = {subset["modalities"]: subset["n_patients"] for subset in entry["present"]}
    rows: list[dict[str, Any]] = []
    for subset in _subsets(entry):
        calibration = subset["calibration"] or {}
        rows.append(
            {
                "subset": subset["modalities"].replace("+", " + "),
                "n_patients": subset["n_patients"],
                "at_hand": at_hand.get(subset["modalities"], 0),
                "is_refused": subset["is_refused"],
                "cells": [_cell(subset["metrics"].get(name)) for name in columns],
                "drop": _cell(subset.get("drop", {}).get("auroc"), signed=True),
                "slope": _cell(calibration.get("slope")),
                "intercept": _cell(calibration.get("intercept"), signed=True),
            }
        )
    return {"arm": arm, "rows": rows, "has_calibration": len(contents.classes) == 2}


def _tests(document: Mapping[str, Any], contents: Contents) -> list[dict[str, Any]]:
    """The value of each next test, per arm, the primary arm's first."""
    rows: list[dict[str, Any]] = []
    for arm in contents.arms:
        tests = document["arms"].get(arm, {}).get("tests", [])
        for i, test in enumerate(tests):
            bins = test["by_probability"]
            rows.append(
                {
                    "arm": arm if i == 0 else "", "n_of_arm": len(tests) if i == 0 else 0,
                    "shown": test["shown"].replace("+", " + "), "added": test["added"],
                    "n_patients": test["n_patients"],
                    "reduction": _cell(test["reduction"], signed=True),
                    "log_loss": _cell(test["log_loss"], signed=True),
                    "changed": _percent(test["changed"]["value"]),
                    "to_right": _percent(test["to_right"]["value"]),
                    "to_wrong": _percent(test["to_wrong"]["value"]),
                    "most": _most(bins),
                }
            )  # fmt: skip
    return rows


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"  # noqa: RUF001 - an empty cell


def _most(bins: Sequence[Mapping[str, Any]]) -> str:
    """The range of current probabilities where the test reduces uncertainty most."""
    known = [b for b in bins if b["reduction"]["value"] is not None]
    if not known:
        return ""
    best = max(known, key=lambda b: b["reduction"]["value"])
    low, high = number(best["low"], digits=2), number(best["high"], digits=2)
    return f"{low} to {high} ({number(best['reduction']['value'], signed=True)})"


def _patients(document: Mapping[str, Any], contents: Contents) -> dict[str, Any]:
    """Patients of the first arm that has a list: what to measure next."""
    for arm in contents.arms:
        patients = document["arms"].get(arm, {}).get("patients", [])
        if not patients:
            continue
        rows = [
            {
                "unit": entry["unit_id"],
                "has": entry["modalities"].replace("+", " + "),
                "probability": number(entry["probability"]),
                "entropy": number(entry["entropy"]),
                "best": _best(entry),
                "expected": ", ".join(
                    f"{name} {number(float('nan') if v is None else v, signed=True)}"
                    for name, v in entry["expected"].items()
                ),
            }
            for entry in patients[:MAX_PATIENTS]
        ]
        return {"arm": arm, "rows": rows, "n_more": max(0, len(patients) - MAX_PATIENTS)}
    return {}


def _best(entry: Mapping[str, Any]) -> str:
    """The test that is expected to help most; nothing where none is expected to help."""
    name = entry["best"]
    if name is None:
        return "not known"
    return str(name) if (entry["expected"][name] or 0) > 0 else "nothing: none is expected to help"


def _lead(arms: Mapping[str, Any], several: Sequence[str]) -> str:
    """The first arm with everything, and with the subset that costs it least and most."""
    arm = several[0]
    subsets = [s for s in _subsets(arms[arm]) if not s["is_refused"]]
    values = {s["modalities"]: s["metrics"]["auroc"]["value"] for s in subsets}
    known = {name: value for name, value in values.items() if value is not None}
    whole = "+".join(arms[arm]["modalities"])
    parts = {name: value for name, value in known.items() if name != whole}
    if whole not in known or not parts:
        return f"{arm} was tried on {len(subsets)} subsets of its modalities."
    best, worst = max(parts, key=lambda n: parts[n]), min(parts, key=lambda n: parts[n])
    ends = [f"{number(parts[best])} with {best.replace('+', ' + ')} alone"]
    if worst != best:
        ends.append(f"{number(parts[worst])} with {worst.replace('+', ' + ')} alone")
    n_known = {s["modalities"]: s["n_patients"] for s in subsets}
    only = f" in the {n_known[whole]} who have them"
    who = only if n_known[whole] < max(n_known.values()) else ""
    return f"{arm} reaches an AUROC of {number(known[whole])} with all its modalities{who}, " + (
        " and ".join(ends) + "."
    )


def _caption(contents: Contents) -> str:
    return (
        "What each arm was shown (filled dots), its AUROC and, with two classes, its calibration "
        f"slope, with 95 % intervals by {contents.counted}. Modalities were hidden from models "
        f"that were trained with them: {contents.counted} count in every subset that they have. "
        "Arms trained on one modality stand below for comparison: a fused model shown only that "
        "modality should not be much worse. A slope under 1 says that probabilities are too "
        "extreme."
    )
