"""Volumes and diameters of one patient over time, and axial planes of every visit."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.evaluation.lesion_course import MeasuredLesion
from tumorboard.evaluation.response import PARTIAL, PROGRESSION, VisitResponse
from tumorboard.records import Bools, Floats
from tumorboard.report.style import COLOURS, GREY, INK, MARKERS, new_figure, short, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Sides of a panel in inches, and the least part of a plane that it shows, in mm.
_SIDE, _LEAST_MM, _DPI = 2.5, 110.0, 110
#: More lesions than this are drawn as their sum alone.
_MOST_LINES = 6


@dataclass(frozen=True)
class Plane:
    """One axial plane of a visit.

    Args:
        title: Above it.
        image: (X, Y) in 0..1, axes in RAS+ order.
        mask: (X, Y) True inside a lesion.
        spacing_mm: Of both axes.
        centre: Voxel in the middle of the part that is shown.
        ends: Both ends of the longest diameter in voxels; None without a lesion.
    """

    title: str
    image: Floats
    mask: Bools
    spacing_mm: tuple[float, float]
    centre: tuple[float, float]
    ends: tuple[tuple[float, float], tuple[float, float]] | None


@styled
def course_figure(
    visits: Sequence[VisitResponse], times: Sequence[float], lesions: Sequence[MeasuredLesion],
    *, unit: str,
) -> Figure:  # fmt: skip
    """Volume and sum of diameters over time with their errors and categories.

    Args:
        visits: In order.
        times: Of the visits.
        lesions: All lesions of all visits.
        unit: What times are: "days", or "visit".
    """
    figure = new_figure(3.3)
    axes: Any = figure.subplots(1, 2)
    when = {v.visit: t for v, t in zip(visits, times, strict=True)}
    _volumes(axes[0], visits, times, lesions, when)
    _diameters(axes[1], visits, times)
    for axis in axes:
        axis.set_xlabel("days since the first visit" if unit == "days" else "visit")
        axis.set_xticks(times)
        axis.grid(visible=True, axis="y")
        axis.margins(x=0.09)
    return figure


def _volumes(
    axis: Axes, visits: Sequence[VisitResponse], times: Sequence[float],
    lesions: Sequence[MeasuredLesion], when: dict[int, float],
) -> None:  # fmt: skip
    total = [v.volume_ml for v in visits]
    _with_errors(axis, times, total, [v.volume_error_ml for v in visits], "all lesions")
    names = list(dict.fromkeys(one.row.lesion for one in lesions))
    if 1 < len(names) <= _MOST_LINES:
        for k, name in enumerate(names):
            own = [one.row for one in lesions if one.row.lesion == name and one.row.visit in when]
            axis.plot(
                [when[row.visit] for row in own], [row.volume_ml for row in own],
                color=COLOURS[(k + 1) % len(COLOURS)], marker=MARKERS[(k + 1) % len(MARKERS)],
                markersize=4, linewidth=1, label=name,
            )  # fmt: skip
        axis.legend(loc="best")
    _categories(axis, times, total, [v.volumetric for v in visits])
    axis.set_title("Volume, category by volume")
    axis.set_ylabel("ml")


def _diameters(axis: Axes, visits: Sequence[VisitResponse], times: Sequence[float]) -> None:
    axis.set_title("Sum of diameters, category by RECIST 1.1")
    axis.set_ylabel("mm")
    sums = [v.sum_mm for v in visits]
    if np.isnan(sums).all():
        axis.text(0.5, 0.5, "no lesion of 10 mm or more at the first visit", ha="center",
                  color=GREY, transform=axis.transAxes)  # fmt: skip
        return
    _with_errors(axis, times, sums, [v.sum_error_mm for v in visits], "targets")
    axis.axhline(sums[0] * (1 + PARTIAL), color="#009E73", linestyle=(0, (4, 2)), linewidth=1)
    nadirs = [float(np.nanmin(sums[:k])) for k in range(1, len(sums))]
    limits = [max(n * (1 + PROGRESSION), n + 5) for n in nadirs]
    if limits:
        axis.plot(times[1:], limits, color="#D55E00", linestyle=(0, (4, 2)), linewidth=1,
                  marker="_", markersize=12)  # fmt: skip
    axis.annotate(
        "\N{MINUS SIGN}30 % of the first", (0.01, sums[0] * (1 + PARTIAL)), color="#00664d",
        xycoords=("axes fraction", "data"), fontsize=7.5, va="bottom",
    )  # fmt: skip
    if limits:
        axis.annotate("progression from here", (times[1], limits[0]), color="#a04000", fontsize=7.5,
                      xytext=(0, 4), textcoords="offset points", ha="center")  # fmt: skip
    _categories(axis, times, sums, [v.recist for v in visits])


def _with_errors(
    axis: Axes, times: Sequence[float], values: Sequence[float], errors: Sequence[float],
    label: str,
) -> None:  # fmt: skip
    axis.errorbar(
        times, values, yerr=errors, color=COLOURS[0], marker="o", markersize=5, linewidth=1.8,
        capsize=3, elinewidth=1, label=label,
    )  # fmt: skip
    tops = [v + e for v, e in zip(values, errors, strict=True) if not np.isnan(v)]
    axis.set_ylim(0, 1.25 * max(max(tops, default=1.0), 1e-6))


def _categories(
    axis: Axes, times: Sequence[float], values: Sequence[float], words: Sequence[str]
) -> None:
    for time, value, word in zip(times, values, words, strict=True):
        if word != "baseline" and not np.isnan(value):
            axis.annotate(
                word, (time, value), xytext=(7, 7), textcoords="offset points", color=INK,
                fontsize=9, fontweight="bold",
            )  # fmt: skip


@styled
def planes_figure(planes: Sequence[Plane]) -> Figure:
    """Planes beside each other, all in one scale, seen from the feet."""
    reach = max(_LEAST_MM, *(2.2 * _length_mm(plane) for plane in planes)) / 2
    figure = new_figure(_SIDE + 0.25, width=_SIDE * len(planes), fitted=False)
    share = _SIDE / (_SIDE + 0.25)
    for k, plane in enumerate(planes):
        axis: Axes = figure.add_axes((k / len(planes), 0.0, 0.985 / len(planes), share))
        _draw(axis, plane, reach)
        axis.set_title(
            short(plane.title, 34), color="white", fontsize=9, fontweight="normal", pad=4
        )
    figure.set_facecolor("black")
    return figure


def _draw(axis: Axes, plane: Plane, reach_mm: float) -> None:
    sx, sy = plane.spacing_mm
    nx, ny = plane.image.shape
    extent = (-sx / 2, (nx - 0.5) * sx, -sy / 2, (ny - 0.5) * sy)
    axis.imshow(plane.image.T, cmap="gray", vmin=0, vmax=1, origin="lower", extent=extent,
                interpolation="bilinear")  # fmt: skip
    if plane.mask.any() and not plane.mask.all():
        axis.contour(np.arange(nx) * sx, np.arange(ny) * sy, plane.mask.T.astype(np.float64),
                     levels=[0.5], colors=["#E69F00"], linewidths=1.5)  # fmt: skip
    if plane.ends is not None:
        (ax, ay), (bx, by) = plane.ends
        axis.plot([ax * sx, bx * sx], [ay * sy, by * sy], color="#56B4E9", linewidth=1.2)
    x, y = plane.centre[0] * sx, plane.centre[1] * sy
    axis.set_xlim(x + reach_mm, x - reach_mm)  # the patient's right on the left
    axis.set_ylim(y - reach_mm, y + reach_mm)
    axis.set_axis_off()
    for letter, place, ha in (("R", 0.02, "left"), ("L", 0.98, "right")):
        axis.text(place, 0.5, letter, transform=axis.transAxes, color="white", fontsize=8, ha=ha)
    axis.plot([0.05, 0.05 + 20 / (2 * reach_mm)], [0.05, 0.05], color="white", linewidth=2,
              transform=axis.transAxes)  # fmt: skip
    axis.text(0.05, 0.07, "20 mm", transform=axis.transAxes, color="white", fontsize=7.5)


def _length_mm(plane: Plane) -> float:
    if plane.ends is None:
        return 0.0
    (ax, ay), (bx, by) = plane.ends
    return float(np.hypot((ax - bx) * plane.spacing_mm[0], (ay - by) * plane.spacing_mm[1]))


def as_png(figure: Figure) -> bytes:
    """A figure of planes as PNG, equal bytes for equal planes."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=_DPI, metadata={"Software": None})
    return out.getvalue()


def shown_grey(values: NDArray[Any], *, window: tuple[float, float] | None = None) -> Floats:
    """Intensities as 0..1: between a window, or their 0.5 and 99.5 %."""
    low, high = window or np.percentile(values, (0.5, 99.5)).tolist()
    return np.clip((values - low) / (high - low if high > low else 1.0), 0, 1).astype(np.float64)
