"""One patient's page: the answer, how sure it is, and what it came from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import tumorboard
from tumorboard.cache import write_text
from tumorboard.evaluation.explanation_table import (
    AttributionRow,
    Explanations,
    HeatMapRow,
)
from tumorboard.prediction.predictions import Predictions
from tumorboard.report.explained import SHARES, check_rows, waterfall
from tumorboard.report.heat_maps import data_uri, write_picture
from tumorboard.report.section import fill

_HERE = Path(__file__).parent

#: Explainers that explain the calibrated probability; all others what goes into the calibration.
_CALIBRATED = ("modality_contribution",)
#: Arm, explainer, unit.
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Explained:
    """A model's patients with their explanations.

    Args:
        name: Name of the study.
        arm: Name of the arm.
        modalities: Modalities that the arm can read.
        predictions: What the model says of every unit.
        units: Units that have a page.
        explanations: What the explainers found.
        folder: Folder that holds the arrays of the maps.
        warnings: Unit -> sentences about its input, such as an image that is too poor.
        remarks: Sentences that concern every patient.
        pairing: The label of a model whose modalities came from different people, or "".
    """

    name: str
    arm: str
    modalities: tuple[str, ...]
    predictions: Predictions
    units: tuple[str, ...]
    explanations: Explanations
    folder: Path
    warnings: dict[str, tuple[str, ...]]
    remarks: tuple[str, ...]
    pairing: str = ""

    @cached_property
    def maps_of(self) -> dict[Key, list[HeatMapRow]]:
        """Rows of maps by arm, explainer and unit."""
        groups: dict[Key, list[HeatMapRow]] = {}
        for row in self.explanations.heat_maps:
            groups.setdefault((row.arm, row.explainer, row.unit_id), []).append(row)
        return groups

    @cached_property
    def attributions_of(self) -> dict[Key, list[AttributionRow]]:
        """Attributions by arm, explainer and unit."""
        groups: dict[Key, list[AttributionRow]] = {}
        for row in self.explanations.attributions:
            groups.setdefault((row.arm, row.explainer, row.unit_id), []).append(row)
        return groups


def write_patient_pages(folder: Path, explained: Explained) -> Path:
    """Write patients/NUMBER-UNIT.html for every unit that is explained, and index.html.

    Returns:
        The index.
    """
    index = {unit: i for i, unit in enumerate(explained.predictions.unit_id)}
    entries: list[dict[str, Any]] = []
    for number, unit in enumerate(explained.units, start=1):
        file = f"patients/{number:04d}-{_file_word(unit)}.html"
        words = _patient(explained, unit, index[unit], number)
        write_text(folder / file, fill("patient_page.html", **words))
        entries.append({**words, "file": file})
    words = {
        **_common(explained),
        "entries": entries,
        "answers": [answer for answer in explained.explanations.answers if answer.refused],
    }
    path = folder / "index.html"
    write_text(path, fill("patient_index.html", **words))
    return path


def _common(explained: Explained) -> dict[str, Any]:
    from markupsafe import Markup

    return {
        "css": Markup((_HERE / "page.css").read_text(encoding="utf-8")),
        "name": explained.name,
        "arm": explained.arm,
        "remarks": explained.remarks,
        "pairing": explained.pairing,
        "positive": explained.predictions.classes[-1],
        "is_binary": len(explained.predictions.classes) == 2,
        "version": tumorboard.__version__,
    }


def _patient(explained: Explained, unit: str, i: int, number: int) -> dict[str, Any]:
    """Everything that one page shows."""
    predictions = explained.predictions
    probabilities = predictions.probabilities[i]
    present = predictions.modalities[i].split("+")
    threshold = predictions.threshold
    return {
        **_common(explained),
        "unit": unit,
        "patient_id": predictions.patient_id[i],
        "probability": float(probabilities.max() if len(probabilities) > 2 else probabilities[1]),
        "classes": list(zip(predictions.classes, probabilities.tolist(), strict=True)),
        "threshold": None if np.isnan(threshold) else threshold,
        "decision": predictions.label[i],
        "set": predictions.sets[i] if predictions.sets else None,
        "refer": bool(predictions.refer[i]) if predictions.refer else False,
        "present": present,
        "absent": [name for name in explained.modalities if name not in present],
        "outcome": predictions.outcome[i],
        "warnings": explained.warnings.get(unit, ()),
        "findings": _findings(explained, unit, number),
    }


def _findings(explained: Explained, unit: str, number: int) -> list[dict[str, Any]]:
    """One entry per explainer with something to say of this unit; pictures and columns first."""
    found: list[dict[str, Any]] = []
    for answer in explained.explanations.answers:
        key = (answer.arm, answer.explainer, unit)
        maps, rows = explained.maps_of.get(key, []), explained.attributions_of.get(key, [])
        if maps or rows:
            found.append(
                {
                    "explainer": answer.explainer.replace("_", " "),
                    "question": answer.question,
                    "explains": _explains(answer.explainer, rows),
                    "caption": answer.caption,
                    "pictures": [_picture(explained.folder, row) for row in maps],
                    "drawing": _drawing(explained, rows, number),
                    "rows": sorted(rows, key=lambda row: -abs(row.value)),
                    "checks": check_rows(answer.checks),
                    "remarks": answer.remarks,
                }
            )
    return _beside(sorted(found, key=lambda f: (not f["pictures"], -len(f["rows"]))))


def _beside(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first picture and the first waterfall lead, so that they stand side by side."""
    picture = next((f for f in findings if f["pictures"]), None)
    fall = next((f for f in findings if f["drawing"] and f is not picture), None)
    leading = [f for f in (picture, fall) if f is not None]
    return [*leading, *(f for f in findings if f not in leading)]


def _explains(explainer: str, rows: Sequence[AttributionRow]) -> str:
    """Which answer an explanation is of: that at the top, or the model's before calibration."""
    if rows and rows[0].scale in SHARES:
        return ""  # weights explain no answer
    if explainer in _CALIBRATED:
        return "Of the answer at the top of this page, after the model's calibration if it has one."
    return (
        "Of the model's answer before calibration: in a calibrated model it may differ from the "
        "probability at the top of this page."
    )


def _drawing(explained: Explained, rows: Sequence[AttributionRow], number: int) -> Any:
    from markupsafe import Markup

    if not rows:
        return ""
    name = f"{rows[0].explainer}-{number}"
    # Drawn by us from numbers; its text is paths.
    return Markup(waterfall(rows, name=name, n_classes=len(explained.predictions.classes)))


def _picture(folder: Path, row: HeatMapRow) -> dict[str, Any]:
    _, png = write_picture(folder, row)
    return {
        "address": data_uri(png),
        "modality": row.modality,
        "target": row.target,
        "has_mask": not np.isnan(row.share_inside),
        "share_inside": row.share_inside,
        "mask_share": row.mask_share,
        "is_empty": np.isnan(row.entropy),
    }


def _file_word(text: str) -> str:
    """A unit's name as part of a file name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._")[:60] or "patient"
