"""Cohorts side by side: who the patients of another cohort are, and how far they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.evaluation.standardised_differences import FEWEST, NOTEWORTHY
from tumorboard.report.number_format import interval, number, p_value
from tumorboard.report.run_contents import RunContents
from tumorboard.report.section import Section, fill
from tumorboard.report.style import COLOURS, GREY, MARKERS, new_figure, save, short, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Levels of a category that are shown for each cohort.
MAX_SHOWN = 4


def section(contents: RunContents) -> Section | None:
    """The section of the report; None without evidence `cohorts`."""
    from markupsafe import Markup

    document = read_evidence(contents.folder, "cohorts")
    if document is None or not document["pairs"]:
        return None
    drawing = ""
    if any(pair["columns"] for pair in document["pairs"]):
        figure = differences_figure(document)
        drawing = save(figure, contents.folder / "figures", "cohorts")
        figure.clear()
    return Section(
        anchor="cohorts",
        title="Cohorts side by side",
        lead=_lead(document),
        html=fill(
            "cohorts.html",
            drawing=Markup(drawing),
            pairs=[_shown_pair(pair, document["cohorts"]) for pair in document["pairs"]],
            noteworthy=NOTEWORTHY,
        ),
    )


def _lead(document: Mapping[str, Any]) -> str:
    sentences: list[str] = []
    for pair in document["pairs"]:
        known = [c for c in pair["columns"] if c["difference"] is not None]
        if not pair["columns"]:
            sentences.append(
                f"{pair['b']} or {pair['a']} has fewer than {FEWEST} patients: not compared."
            )
            continue
        differ = [c for c in known if abs(c["difference"]) > NOTEWORTHY]
        largest = max(known, key=lambda c: abs(c["difference"]), default=None)
        text = (
            f"{pair['b']} differs from {pair['a']} in {len(differ)} of {len(pair['columns'])} "
            f"columns by more than {NOTEWORTHY:g} standard deviations"
        )
        if largest is not None:
            text += f", most in {largest['column']} ({abs(largest['difference']):.2f})"
        sentences.append(f"{text}{_classified(pair)}.")
    return " ".join(sentences)


def _classified(pair: Mapping[str, Any]) -> str:
    found = pair["classifier"]
    if found is None or found["auroc"] is None:
        return ""
    limits = _interval(found)
    tail = f" ({limits})" if limits else ""
    return f"; a classifier tells them apart with an AUROC of {found['auroc']:.3f}{tail}"


def _interval(found: Mapping[str, Any]) -> str:
    return interval(_float(found["ci_low"]), _float(found["ci_high"]))


def _float(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _shown_pair(pair: Mapping[str, Any], sizes: Mapping[str, int]) -> dict[str, Any]:
    return {
        "a": pair["a"],
        "b": pair["b"],
        "n_a": sizes[pair["a"]],
        "n_b": sizes[pair["b"]],
        "rows": [_shown_column(c, sizes[pair["a"]], sizes[pair["b"]]) for c in pair["columns"]],
    }


def _shown_column(column: Mapping[str, Any], n_a: int, n_b: int) -> dict[str, Any]:
    difference = _float(column["difference"])
    return {
        "column": column["column"],
        "a": _described(column, "a"),
        "b": _described(column, "b"),
        "difference": number(difference, digits=2, signed=column["kind"] == "numeric"),
        "is_noteworthy": abs(difference) > NOTEWORTHY,
        "missing_a": f"{100 * column['missing_a'] / n_a:.0f} %",
        "missing_b": f"{100 * column['missing_b'] / n_b:.0f} %",
        "ks": number(_float(column["ks"]), digits=2),
        "ks_p": p_value(_float(column["ks_p"])),
    }


def _described(column: Mapping[str, Any], side: str) -> str:
    values = column[side]
    if column["kind"] == "numeric":
        return f"{_float(values['mean']):.3g} ± {_float(values['sd']):.3g}"
    total = sum(values.values())
    ordered = sorted(values, key=lambda level: -(column["a"][level] + column["b"][level]))
    parts = [f"{level} {100 * values[level] / total:.0f} %" for level in ordered] if total else []
    more = [f"{len(parts) - MAX_SHOWN} more"] if len(parts) > MAX_SHOWN else []
    return ", ".join([*parts[:MAX_SHOWN], *more]) or "none"


@styled
def differences_figure(document: Mapping[str, Any]) -> Figure:
    """Size of the standardised difference of every column, largest first."""
    pairs = [pair for pair in document["pairs"] if pair["columns"]]
    sizes: dict[str, float] = {}
    for pair in pairs:
        for column in pair["columns"]:
            if column["difference"] is not None:
                name, size = column["column"], abs(column["difference"])
                sizes[name] = max(sizes.get(name, 0.0), size)
    names = sorted(sizes, key=lambda name: sizes[name])
    figure = new_figure(1.1 + 0.26 * max(len(names), 3), width=7.0)
    axis = figure.subplots()
    for number_, pair in enumerate(pairs):
        own = {c["column"]: abs(c["difference"]) for c in pair["columns"]
               if c["difference"] is not None}  # fmt: skip
        axis.plot(
            [own[n] for n in names if n in own], [i for i, n in enumerate(names) if n in own],
            ls="none", marker=MARKERS[number_ % len(MARKERS)], ms=6,
            color=COLOURS[number_ % len(COLOURS)], label=f"{pair['b']} against {pair['a']}",
        )  # fmt: skip
    axis.axvline(NOTEWORTHY, color=GREY, ls=":", lw=1.0)
    axis.set_yticks(range(len(names)), [short(name, 34) for name in names])
    axis.set_ylim(-0.7, len(names) - 0.3)
    axis.set_xlim(left=0)
    axis.set_xlabel("standardised difference (absolute)")
    axis.grid(visible=True, axis="x")
    axis.legend(loc="lower right")
    return figure
