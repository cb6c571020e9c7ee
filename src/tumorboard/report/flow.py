"""Who was found, who was left out and why, who was analysed; and which cells are missing."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tumorboard.records import FlowStep
from tumorboard.report.style import GREY, INK, new_figure, short, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Lines of a box: inches per line, and what its borders need.
LINE, PADDING, GAP = 0.19, 0.22, 0.34
#: From so many steps on each has a box of its own, with who is left after it.
MANY_STEPS = 3
#: Columns shown in the figure of missing cells; the rest are in cohort.json.
MAX_COLUMNS = 25
#: From so many on, columns that miss the same number of cells share a bar.
MANY_ALIKE = 3


@dataclass(frozen=True)
class CohortFlow:
    """Counts of the flow diagram.

    Args:
        n_patients: Everything found.
        n_rows: Rows of the cohort table, everything found.
        steps: Who left, and why, in order.
        n_analysed: Patients in the splits.
        outcome: Class -> units analysed.
        modalities: Modality -> analysed patients who have it.
        unit: What one prediction is about.
    """

    n_patients: int
    n_rows: int
    steps: Sequence[FlowStep]
    n_analysed: int
    outcome: Mapping[str, int]
    modalities: Mapping[str, int]
    unit: str = "patient"

    @property
    def is_explained(self) -> bool:
        """Whether the patients who left add up to the difference of found and analysed."""
        return self.n_patients - sum(s.n_patients for s in self.steps) == self.n_analysed


@styled
def flow_figure(flow: CohortFlow) -> Figure:
    """Boxes from top to bottom; reasons for leaving at the right of the arrow."""
    table = f"{_n(flow.n_rows, 'row')} of the cohort table"
    found = [f"Found: {_n(flow.n_patients, 'patient')}", table]
    steps = _steps(flow)
    left_out = _reasons(flow)
    analysed = [f"Analysed: {_n(flow.n_analysed, 'patient')}"]
    middle = sum(_height(box) + GAP / 2 for box, _ in steps) if steps else _height(left_out)
    heights = [_height(found), middle, _height(analysed)]
    ends = [[f"{short(k, 22)}", _n(n, flow.unit)] for k, n in flow.outcome.items()]
    parts = [
        [short(k, 22), f"{_n(n, 'patient')} ({_percent(n, flow.n_analysed)})"]
        for k, n in flow.modalities.items()
    ]
    titled = [
        (f"Outcome ({flow.unit}s)", _chunks(ends)),
        ("Modalities present (analysed patients)", _chunks(parts)),
    ]
    titled = [(title, rows) for title, rows in titled if rows]
    below = sum((_height([""] * 2) + GAP) * len(rows) + 0.25 for _, rows in titled)
    total = sum(heights) + 2 * GAP + below
    figure = new_figure(total + 0.2, width=8.0, fitted=False)
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, 8), ylim=(-(total + 0.1), 0.1))
    axis.axis("off")
    y = _box(axis, 3.0, 0.0, found, width=3.4, bold=True)
    bottom = y - 2 * GAP - heights[1]
    _arrow(axis, (3.0, y), (3.0, bottom))
    if steps:
        _draw_steps(axis, y - GAP, steps)
    else:
        at = y - GAP - heights[1] / 2
        _arrow(axis, (3.0, at), (3.5, at))
        _box(axis, 5.65, y - GAP, left_out, width=4.3, left=True)
    y = _box(axis, 3.0, bottom, analysed, width=3.4, bold=True)
    for title, rows in titled:
        y = _row_of_boxes(axis, y, title, rows)
    return figure


def _steps(flow: CohortFlow) -> list[tuple[list[str], str]]:
    """Lines of the box of every step, and who is left after it.

    Empty where there are few steps, or where the patients who left do not add up: one box then
    lists the reasons.
    """
    if len(flow.steps) < MANY_STEPS or not flow.is_explained:
        return []
    n_patients, n_rows = flow.n_patients, flow.n_rows
    found: list[tuple[list[str], str]] = []
    for step in flow.steps:
        n_patients, n_rows = n_patients - step.n_patients, n_rows - step.n_rows
        left = f"{_n(n_patients, 'patient')} left"
        rows = f", {_n(n_rows, 'row')}" if n_rows >= n_patients else ""
        found.append((textwrap.wrap(_who_left(step), 56, subsequent_indent="   "), left + rows))
    return found


def _who_left(step: FlowStep) -> str:
    patients = _n(step.n_patients, "patient") if step.n_patients else "no patient"
    return f"{patients}, {_n(step.n_rows, 'row')}: {step.reason}"


def _draw_steps(axis: Axes, y: float, steps: Sequence[tuple[list[str], str]]) -> None:
    """One box per step beside the arrow, and who is left at the arrow's other side."""
    for lines, left in steps:
        height = _height(lines)
        middle = y - height / 2
        _arrow(axis, (3.0, middle), (3.5, middle))
        _box(axis, 5.65, y, lines, width=4.3, left=True)
        y -= height + GAP / 2
        axis.text(2.88, y + GAP / 4, left, ha="right", va="center", fontsize=8.5, color=GREY)


def _reasons(flow: CohortFlow) -> list[str]:
    lines = ["Left out"] if flow.steps else ["Nobody was left out"]
    for step in flow.steps:
        text = f"{_n(step.n_patients, 'patient')}, {_n(step.n_rows, 'row')}: {step.reason}"
        lines += textwrap.wrap(text, 58, initial_indent="• ", subsequent_indent="   ")
    if not flow.is_explained:
        lines += textwrap.wrap("(reasons overlap, or took rows of patients who stayed)", 58)
    return lines


def _chunks(boxes: list[list[str]], size: int = 5) -> list[list[list[str]]]:
    return [boxes[i : i + size] for i in range(0, len(boxes), size)]


def _row_of_boxes(axis: Axes, y: float, title: str, rows: list[list[list[str]]]) -> float:
    axis.text(0.12, y - 0.24, title, color=GREY, fontsize=8.5, va="center")
    y -= 0.25
    for boxes in rows:
        step = 7.8 / len(boxes)
        top = y - GAP + 0.12
        ends: list[float] = []
        for i, lines in enumerate(boxes):
            x = 0.1 + step * (i + 0.5)
            ends.append(_box(axis, x, top, lines, width=min(step - 0.15, 2.4)))
        y = min(ends)
    return y


def _height(lines: Sequence[str]) -> float:
    return PADDING + LINE * len(lines)


def _box(
    axis: Axes, x: float, top: float, lines: Sequence[str], *, width: float, bold: bool = False,
    left: bool = False,
) -> float:  # fmt: skip
    """Draw a box whose top middle is (x, top); the y of its lower edge."""
    from matplotlib.patches import FancyBboxPatch

    height = _height(lines)
    axis.add_patch(
        FancyBboxPatch(
            (x - width / 2 + 0.05, top - height + 0.05), width - 0.1, height - 0.1,
            boxstyle="round,pad=0.05", fc="#f4f6f8" if bold else "white", ec=GREY, lw=1.0,
        )
    )  # fmt: skip
    for i, line in enumerate(lines):
        axis.text(
            x - width / 2 + 0.15 if left else x, top - PADDING / 2 - LINE * (i + 0.5), line,
            ha="left" if left else "center", va="center", fontsize=9,
            fontweight="bold" if bold and i == 0 else "normal",
        )  # fmt: skip
    return top - height


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axis.annotate(
        "", end, xytext=start,
        arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.0, "shrinkA": 0, "shrinkB": 0},
    )  # fmt: skip


def _n(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "0 %"


def empty_columns(missing: Mapping[str, int], *, n_rows: int) -> list[str]:
    """Columns without a single value, such as the width of annotations that are dots."""
    return [name for name, n in missing.items() if n_rows and n >= n_rows]


def _folded(names: Sequence[str]) -> list[str]:
    return [f"{short(names[0], 20)} and {len(names) - 1} more"]


@styled
def missing_figure(missing: Mapping[str, int], *, n_rows: int) -> Figure:
    """Share of empty cells, the emptiest first; columns that miss equally many share a bar.

    Complete columns are only counted; for those that are empty throughout see `empty_columns`.
    """
    empty = set(empty_columns(missing, n_rows=n_rows))
    named: dict[int, list[str]] = {}
    for name, n in missing.items():
        if n and name not in empty:
            named.setdefault(n, []).append(name)
    ordered = [
        (name, n)
        for n in sorted(named, reverse=True)
        for name in (_folded(named[n]) if len(named[n]) >= MANY_ALIKE else named[n])
    ]
    shown = ordered[:MAX_COLUMNS]
    figure = new_figure(0.9 + 0.27 * len(shown), width=8.0)
    axis = figure.subplots()
    share = [100 * n / max(n_rows, 1) for _, n in shown]
    axis.barh(range(len(shown)), [100] * len(shown), color="#eef1f4", height=0.62)
    axis.barh(range(len(shown)), share, color="#0072B2", height=0.62)
    for i, (_, n) in enumerate(shown):
        axis.annotate(
            f"{n:,} ({share[i]:.0f} %)", (1.0, i), va="center", fontsize=8.5,
            xycoords=("axes fraction", "data"), xytext=(8, 0), textcoords="offset points",
        )  # fmt: skip
    axis.set_yticks(range(len(shown)), [short(name, 34) for name, _ in shown])
    axis.set(xlim=(0, 100), ylim=(len(shown) - 0.5, -0.5), xlabel="missing cells, % of rows")
    axis.spines["left"].set_visible(False)
    axis.tick_params(axis="y", length=0)
    n_more = len(ordered) - len(shown)
    n_complete = sum(n == 0 for n in missing.values())
    title = f"Missing cells; {_n(n_complete, 'column')} complete" if n_complete else "Missing cells"
    axis.set_title(title + (f"; {n_more} more in cohort.json" if n_more else ""))
    return figure
