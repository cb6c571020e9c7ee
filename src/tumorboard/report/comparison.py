"""Section on comparisons: p-values of every metric by every test, and arms head to head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.report.contents import Contents
from tumorboard.report.number_format import both, interval, metric_name, number, p_value
from tumorboard.report.section import Section, fill
from tumorboard.report.style import (
    GREY,
    HALF_WIDTH,
    INK,
    MINUS,
    Mark,
    marks,
    new_figure,
    save,
    short,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Columns of the table of p-values: key of the document -> heading.
_COLUMNS: Mapping[str, str] = {
    "corrected_t": "corrected t",
    "bootstrap": "bootstrap",
    "delong": "DeLong",
    "mcnemar_mid_p": "McNemar, mid-p",
    "mcnemar_exact": "McNemar, exact",
    "mcnemar_chi_square": "McNemar, χ²",
    "wilcoxon": "Wilcoxon",
    "naive_t": "naive t",
}


def section(contents: Contents) -> Section | None:
    """Every arm against the reference on every metric; None where the run has no such evidence."""
    document = read_evidence(contents.folder, "tests")
    if document is None or not document["comparisons"]:
        return None
    from markupsafe import Markup

    rows: list[dict[str, Any]] = document["comparisons"]
    reference = rows[0]["reference"]
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    lower = set(document["lower_is_better"])
    leading = [row for row in rows if row["arm"] == arms[0]]
    figure = head_to_head(leading, lower_is_better=lower, arms=contents.arms)
    drawing = Markup(save(figure, contents.folder / "figures", "head_to_head"))
    used = [key for key in _COLUMNS if any(_f(row["p"][key]) == _f(row["p"][key]) for row in rows)]
    html = fill(
        "comparison.html",
        figure=drawing,
        primary=rows[0],
        reference=reference,
        averaged=contents.averaged,
        has_intervals=contents.has_intervals,
        columns=[_COLUMNS[key] for key in used],
        meanings=[(_COLUMNS[key], document["tests"][key]) for key in used],
        leading_test=rows[0]["test"],
        tables=[
            {"arm": arm, "rows": [_row(row, used) for row in rows if row["arm"] == arm]}
            for arm in arms
        ],
        non_inferiority=_margin(document),
        wilcoxon=_smallest(document),
        uninformative=[
            f"{row['arm']} on {metric_name(row['metric'])}"
            for row in rows
            if not row["is_informative"]
        ],
    )
    return Section("tests", "Every metric, every test", _lead(rows, lower), html)


def _f(value: float | None) -> float:
    return nan if value is None else value


def _lead(rows: Sequence[Mapping[str, Any]], lower: set[str]) -> str:
    """How many of all differences stand after Holm; the primary one is named apart."""
    tested = [row for row in rows if row["p_value_holm"] is not None]
    found = [row for row in tested if row["p_value_holm"] < 0.05]
    better = [r for r in found if (r["difference"] < 0) == (r["metric"] in lower)]
    first = rows[0]
    if not tested:
        values = both(_f(first["arm_value"]), _f(first["reference_value"]))
        return (
            f"The first line follows {first['arm']} against {first['reference']} on "
            f"{metric_name(first['metric'])} alone: {number(_f(first['difference']), signed=True)}"
            f"{f' ({values})' if values else ''}. No difference is tested ({first['test']})."
        )
    shown = p_value(_f(first["p_value"]))
    p_text = f"p {shown}" if shown.startswith("<") else f"p = {shown}"
    return (
        f"The first line follows {first['arm']} against {first['reference']} on "
        f"{metric_name(first['metric'])} alone ({p_text}); of all "
        f"{len(tested)} differences tested here {len(found)} have p < 0.05 after Holm's correction "
        f"over the arms: {len(better)} better and {len(found) - len(better)} worse than "
        f"{first['reference']}."
    )


def _row(row: Mapping[str, Any], used: Sequence[str]) -> dict[str, Any]:
    return {
        "metric": metric_name(row["metric"]),
        "is_primary": row["is_primary"],
        "both": both(_f(row["arm_value"]), _f(row["reference_value"])),
        "difference": number(_f(row["difference"]), signed=True),
        "interval": interval(_f(row["ci_low"]), _f(row["ci_high"]), signed=True),
        "p_value": p_value(_f(row["p_value"])),
        "p_holm": p_value(_f(row["p_value_holm"])),
        "p": [(p_value(_f(row["p"][key])), key == "naive_t") for key in used],
        "test": row["test"],
        "n_patients": row["n_patients"],
    }


def _margin(document: Mapping[str, Any]) -> str:
    judged = document["non_inferiority"]
    if judged is None:
        return ""
    limit = _f(judged["limit"])
    at = (
        f" The limit of the interval on the side of harm is {number(limit, signed=True)} (as a "
        f"gain), the declared margin {MINUS}{judged['margin']:g}."
        if isfinite(limit)
        else " There is no interval to judge by."
    )
    return f"{judged['sentence']}{at}"


def _smallest(document: Mapping[str, Any]) -> str:
    smallest = document["smallest_p"]["wilcoxon"]
    if smallest is None or smallest < 0.05:
        return ""
    return (
        f"With {document['n_folds']} folds the signed-rank test cannot give less than "
        f"{smallest:.3g}, whatever the arms do."
    )


@styled
def head_to_head(
    rows: Sequence[Mapping[str, Any]], *, lower_is_better: set[str], arms: Sequence[str]
) -> Figure:
    """Both arms' values of every metric, and the differences with their intervals.

    Args:
        rows: Comparisons of one arm with one reference, the primary first.
        lower_is_better: Metrics whose difference is drawn with its sign turned.
        arms: All arms of the report, for their colours.
    """
    look = marks(arms)
    figure = new_figure(0.95 + 0.36 * len(rows))
    left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.15))
    _values(left, rows, look)
    right.axvline(0, color=INK, lw=1.0, zorder=1)
    for i, row in enumerate(rows):
        _difference(right, i, row, turned=row["metric"] in lower_is_better, look=look)
    reach = max(HALF_WIDTH, *(abs(x) for x in right.get_xlim()))
    right.set_xlim(-reach, reach)
    right.set_xlabel(f"← {short(rows[0]['arm'], 14)} worse        better →")
    has_intervals = any(isfinite(_f(row["ci_low"])) for row in rows)
    right.set_title("Difference with 95 % interval" if has_intervals else "Difference")
    right.set_yticks([])
    for axis in (left, right):
        axis.set_ylim(len(rows) - 0.4, -0.6)
        axis.grid(visible=True, axis="x")
        axis.spines["left"].set_visible(False)
        axis.tick_params(axis="y", length=0)
    left.set_yticks(range(len(rows)), [_label(row, lower_is_better) for row in rows])
    left.get_yticklabels()[0].set_fontweight("bold" if rows[0]["is_primary"] else "normal")
    return figure


def _label(row: Mapping[str, Any], lower_is_better: set[str]) -> str:
    return metric_name(row["metric"]) + (" ↓" if row["metric"] in lower_is_better else "")


def _values(axis: Axes, rows: Sequence[Mapping[str, Any]], look: Mapping[str, Mark]) -> None:
    for i, row in enumerate(rows):
        ends = [_f(row["reference_value"]), _f(row["arm_value"])]
        axis.plot(ends, [i, i], color=GREY, lw=1.4, zorder=1)
        for arm, value in zip((row["reference"], row["arm"]), ends, strict=True):
            mark = look.get(arm)
            axis.plot(
                [value], [i], marker=mark.marker if mark else "o", ls="none", ms=7, mew=0.6,
                mec="white", color=mark.colour if mark else GREY,
                label=None if i else short(arm, 18),
            )  # fmt: skip
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, handletextpad=0.2, borderpad=0)
    axis.margins(x=0.06)
    axis.set_xlabel("mean over the folds" if "folds" in str(rows[0]["test"]) else "value")


def _difference(
    axis: Axes, i: int, row: Mapping[str, Any], *, turned: bool, look: Mapping[str, Mark]
) -> None:
    sign = -1.0 if turned else 1.0
    value, low, high = (sign * _f(row[name]) for name in ("difference", "ci_low", "ci_high"))
    mark = look.get(row["arm"])
    colour, marker = (mark.colour, mark.marker) if mark else (GREY, "o")
    bold = bool(row["is_primary"])
    if isfinite(low) and isfinite(high):
        axis.plot([low, high], [i, i], color=colour, lw=3.0 if bold else 1.8, solid_capstyle="butt")
    if isfinite(value):
        axis.plot([value], [i], marker=marker, color=colour, ms=9 if bold else 6.5, mec="white")
    text = number(_f(row["difference"]), signed=True)
    reach = interval(_f(row["ci_low"]), _f(row["ci_high"]), signed=True)
    axis.annotate(
        f"{text}  ({reach})" if reach else text, (1.0, i), xycoords=("axes fraction", "data"),
        xytext=(8, 0), va="center", textcoords="offset points", fontsize=8.5,
        fontweight="bold" if bold else "normal",
    )  # fmt: skip
