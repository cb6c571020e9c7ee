"""One tumour with its margin and the structures around it, in three planes, and its measures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import tumorboard
from tumorboard.cache import write_text
from tumorboard.records import Bools, Floats
from tumorboard.report.follow_figure import as_png
from tumorboard.report.heat_maps import data_uri
from tumorboard.report.section import fill
from tumorboard.report.style import new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HERE = Path(__file__).parent
_SIDE, _TITLE = 3.3, 0.3
TUMOUR, MARGIN = "#E69F00", "#F0E442"
#: Of structures in their order; on black.
_STRUCTURES = ("#56B4E9", "#009E73", "#CC79A7", "#FFFFFF", "#D55E00", "#9AD0F5", "#7FD6B9")
#: name, axis across, axis to the right of the picture and whether it is turned, axis upwards
_PLANES = (("axial", 2, 0, 1, "R", "L"), ("coronal", 1, 0, 2, "R", "L"),
           ("sagittal", 0, 1, 2, "A", "P"))  # fmt: skip


@dataclass(frozen=True)
class MeasuredRow:
    """One number; `error` is NaN where none is given."""

    of: str
    to: str
    measure: str
    value: float
    error: float
    unit: str


@dataclass(frozen=True)
class Outlined:
    """What is drawn.

    Args:
        image: (X, Y, Z) in 0..1, axes in RAS+ order.
        tumour: Its mask.
        margin: With the tumour; None for none.
        structures: Name -> mask.
        spacing_mm: Size of a voxel.
    """

    image: Floats
    tumour: Bools
    margin: Bools | None
    structures: Mapping[str, Bools]
    spacing_mm: tuple[float, float, float]


def write_measure_page(
    path: Path, *, name: str, rows: Sequence[MeasuredRow], remarks: Sequence[str],
    outlined: Outlined,
) -> Path:  # fmt: skip
    """Write the page, which opens without a network.

    Args:
        path: The HTML file.
        name: Of the mask.
        rows: Numbers in their order.
        remarks: Sentences about how they were measured.
        outlined: What is drawn.
    """
    from markupsafe import Markup

    figure = planes_figure(outlined)
    legend = {"tumour": TUMOUR} | ({"margin": MARGIN} if outlined.margin is not None else {})
    legend |= {n: _STRUCTURES[k % 7] for k, n in enumerate(outlined.structures)}
    words: dict[str, Any] = {
        "css": Markup((_HERE / "page.css").read_text(encoding="utf-8")),
        "version": tumorboard.__version__, "name": name, "remarks": remarks, "legend": legend,
        "planes": data_uri(as_png(figure)), "rows": [_row(row) for row in rows],
    }  # fmt: skip
    figure.clear()
    write_text(path, fill("measure.html", **words))
    return path


def _row(row: MeasuredRow) -> dict[str, str]:
    digits = 2 if row.unit == "ml" else 1 if row.unit else 0
    value = "not measured" if math.isnan(row.value) else f"{row.value:.{digits}f} {row.unit}"
    error = "" if math.isnan(row.error) else f"\N{PLUS-MINUS SIGN} {row.error:.{digits}f}"
    what = f"{row.measure} to {row.to}" if row.to and "dist" in row.measure else row.measure
    if row.to and "dist" not in row.measure:
        what = f"{row.measure} with {row.to}"
    return {"of": row.of, "what": what, "value": value, "error": error}


@styled
def planes_figure(outlined: Outlined) -> Figure:
    """Axial, coronal and sagittal plane through the middle of the tumour, in one scale."""
    centre = np.rint(np.argwhere(outlined.tumour).mean(axis=0)).astype(np.int64).tolist()
    inside = np.argwhere(outlined.tumour if outlined.margin is None else outlined.margin)
    size = (np.ptp(inside, axis=0) + 1) * np.asarray(outlined.spacing_mm)
    reach = max(70.0, 0.75 * float(size.max()))
    figure = new_figure(_SIDE + _TITLE, width=3 * _SIDE, fitted=False)
    height = _SIDE / (_SIDE + _TITLE)
    for k, plane in enumerate(_PLANES):
        axis: Axes = figure.add_axes((k / 3, 0.0, 0.985 / 3, height))
        _draw(axis, outlined, plane, centre, reach)
        axis.set_title(plane[0], color="white", fontsize=9, fontweight="normal", pad=4, x=0.02)
    figure.set_facecolor("black")
    return figure


def _draw(
    axis: Axes, outlined: Outlined, plane: tuple[str, int, int, int, str, str],
    centre: Sequence[int], reach_mm: float,
) -> None:  # fmt: skip
    _, across, right, up, first, last = plane
    sx, sy = outlined.spacing_mm[right], outlined.spacing_mm[up]

    def cut(volume: Any) -> Floats:
        return np.take(volume, centre[across], axis=across).astype(np.float64).T

    image = cut(outlined.image)
    ny, nx = image.shape
    extent = (-sx / 2, (nx - 0.5) * sx, -sy / 2, (ny - 0.5) * sy)
    axis.imshow(image, cmap="gray", vmin=0, vmax=1, origin="lower", extent=extent,
                interpolation="bilinear")  # fmt: skip
    masks = [(mask, _STRUCTURES[k % 7], 1.2) for k, mask in enumerate(outlined.structures.values())]
    masks += [(outlined.margin, MARGIN, 1.2)] if outlined.margin is not None else []
    for mask, colour, width in [*masks, (outlined.tumour, TUMOUR, 1.8)]:
        values = cut(mask)
        if values.any() and not values.all():
            axis.contour(np.arange(nx) * sx, np.arange(ny) * sy, values, levels=[0.5],
                         colors=[colour], linewidths=width)  # fmt: skip
    x, y = centre[right] * sx, centre[up] * sy
    # both the right and the front are towards smaller x of the picture
    axis.set_xlim(x + reach_mm, x - reach_mm)
    axis.set_ylim(y - reach_mm, y + reach_mm)
    axis.set_axis_off()
    for letter, place, ha in ((first, 0.02, "left"), (last, 0.98, "right")):
        axis.text(place, 0.5, letter, transform=axis.transAxes, color="white", fontsize=8, ha=ha)
    bar = 20 / (2 * reach_mm)
    axis.plot([0.05, 0.05 + bar], [0.05, 0.05], color="white", linewidth=2,
              transform=axis.transAxes)  # fmt: skip
    axis.text(0.05, 0.07, "20 mm", transform=axis.transAxes, color="white", fontsize=7.5)
