"""Cases with the outlines of the reference and of the prediction over the image, as pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tumorboard.cache import write_atomic, write_text
from tumorboard.errors import InputError
from tumorboard.records import Bools, Floats
from tumorboard.report.style import new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Outlines, apart with any colour blindness (Okabe & Ito 2008) and by their dashes in print.
REFERENCE, PREDICTION = ("#56B4E9", "solid"), ("#E69F00", (0, (3, 1.5)))
#: The list of a gallery.
INDEX = "gallery.json"
_SIDE = 2.6  # inches of a panel
_DPI = 110


class DrawnCase(NamedTuple):
    """One plane of one case; a volume's planes follow each other under one case.

    Args:
        case_id: The case.
        image: (H, W) in 0..1, rows from the top.
        reference: (H, W) True inside the reference mask.
        prediction: (H, W) True inside the predicted mask.
        dice: Of the whole case; NaN where both masks are empty.
    """

    case_id: str
    image: Floats
    reference: Bools
    prediction: Bools
    dice: float


@dataclass(frozen=True)
class GalleryCase:
    """One picture of a gallery.

    Args:
        case_id: The case.
        kind: `worst`, `median` or `best`; "" where it was not said.
        dice: Of the case.
        path: The picture.
    """

    case_id: str
    kind: str
    dice: float
    path: Path


def write_gallery(
    folder: Path, cases: Sequence[DrawnCase | tuple[str, Floats, Bools, Bools, float]],
    kinds: Mapping[str, str] | None = None,
) -> list[GalleryCase]:  # fmt: skip
    """Write one picture per case and the list of them, which the report reads.

    Args:
        folder: figures/cases/<arm> of a run.
        cases: The planes, in the order of the page.
        kinds: Case -> `worst`, `median` or `best`.

    Raises:
        InputError: Masks of another shape than their image.
    """
    drawn = [DrawnCase(*case) for case in cases]
    for case in drawn:
        if not case.image.shape == case.reference.shape == case.prediction.shape:
            raise InputError(
                f"case {case.case_id!r}: image {case.image.shape}, reference "
                f"{case.reference.shape} and prediction {case.prediction.shape} of a plane differ. "
                "Give all three of one plane."
            )
    folder.mkdir(parents=True, exist_ok=True)
    found: list[GalleryCase] = []
    for i, (case_id, planes) in enumerate(groupby(drawn, key=lambda case: case.case_id)):
        own = list(planes)
        path = folder / f"case_{i:02d}.png"
        figure = case_figure(own)
        write_atomic(path, lambda temporary, f=figure: _save(f, temporary))
        figure.clear()
        found.append(GalleryCase(case_id, (kinds or {}).get(case_id, ""), own[0].dice, path))
    entries = [
        {
            "case": c.case_id,
            "kind": c.kind,
            "dice": None if np.isnan(c.dice) else c.dice,
            "file": c.path.name,
        }
        for c in found
    ]
    write_text(folder / INDEX, json.dumps(entries, indent=1, ensure_ascii=False) + "\n")
    return found


def read_gallery(folder: Path) -> list[GalleryCase]:
    """What `write_gallery` wrote; empty where it wrote nothing.

    Raises:
        InputError: The list is damaged.
    """
    path = folder / INDEX
    if not path.is_file():
        return []
    try:
        entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return [
            GalleryCase(
                str(entry["case"]), str(entry["kind"]),
                np.nan if entry["dice"] is None else float(entry["dice"]),
                folder / str(entry["file"]),
            )
            for entry in entries
        ]  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged ({error}). Run the evaluation again.") from error


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="png", dpi=_DPI, metadata={"Software": None})


@styled
def case_figure(planes: Sequence[DrawnCase]) -> Figure:
    """The planes of one case side by side."""
    figure = new_figure(_SIDE, width=_SIDE * len(planes), fitted=False)
    for k, plane in enumerate(planes):
        axis: Axes = figure.add_axes((k / len(planes), 0.0, 1 / len(planes), 1.0))
        axis.imshow(plane.image, cmap="gray", vmin=0, vmax=1, interpolation="bilinear")
        for mask, (colour, dash) in (
            (plane.reference, REFERENCE),
            (plane.prediction, PREDICTION),
        ):
            if mask.any() and not mask.all():
                axis.contour(
                    mask.astype(np.float64), levels=[0.5], colors=[colour], linestyles=[dash],
                    linewidths=1.6,
                )  # fmt: skip
        axis.set_axis_off()
    figure.set_facecolor("black")
    return figure
