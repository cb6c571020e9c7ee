"""Explanations as tables: what was found per patient, feature and image, and what was refused.

A folder of explanations holds explanations.json (what was asked, sanity checks, remarks) and for
each arm heat_maps.csv, attributions.csv, importance.csv and maps/*.npz (maps, inputs, masks; of
slides the place and weight of every window, and pictures of some).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from tumorboard.cache import write_text
from tumorboard.errors import InputError
from tumorboard.formats.csv_writing import csv_text

#: Folder of a run that holds them.
FOLDER = "explanations"
#: The file that is written last: where it is, the folder is complete.
SUMMARY = "explanations.json"


@dataclass(frozen=True)
class HeatMapRow:
    """One map of one image; repeat and fold are 0 for a model that belongs to no fold.

    Args:
        arm: Which arm.
        explainer: Who made it.
        modality: Which image.
        repeat: Of the fitted model.
        fold: Of the fitted model.
        patient_id: Whose image.
        unit_id: What the prediction is about.
        target: Class that is explained.
        share_inside: Share of the map's mass inside the lesion's mask; NaN without one.
        mask_share: Share of the image that the mask covers: what a map without aim would reach.
        peak: Place of the largest value, in px or voxels of what the encoder saw, joined by " ".
        peak_inside: 1 where that place is inside the mask, 0 where not, NaN without a mask.
        entropy: How spread out the map is: 1 alike everywhere, 0 in one place.
        file: Arrays of the map, below the arm's folder.
        index: Number of the map in that file.
    """

    arm: str
    explainer: str
    modality: str
    repeat: int
    fold: int
    patient_id: str
    unit_id: str
    target: str
    share_inside: float
    mask_share: float
    peak: str
    peak_inside: float
    entropy: float
    file: str
    index: int


@dataclass(frozen=True)
class AttributionRow:
    """How far one feature moved the output of one row; base plus the sum of them is the output."""

    arm: str
    explainer: str
    repeat: int
    fold: int
    patient_id: str
    unit_id: str
    target: str
    modality: str
    feature: str
    shown: str
    value: float
    base: float
    output: float
    scale: str


@dataclass(frozen=True)
class ImportanceRow:
    """How far a metric falls when a feature is made useless, in one fold."""

    arm: str
    explainer: str
    repeat: int
    fold: int
    modality: str
    feature: str
    drop: float
    ci_low: float
    ci_high: float
    metric: str


@dataclass(frozen=True)
class Answer:
    """One explainer asked about one arm.

    Args:
        arm: Which arm.
        explainer: Which explainer.
        question: Its question in a reader's words.
        refused: Why it does not apply; "" where it does.
        n_rows: Rows that it was asked about.
        checks: Sanity check -> what each fitted model gave.
        remarks: Sentences for the reader.
        caption: What its pictures show, where it is not what raises the answer.
    """

    arm: str
    explainer: str
    question: str
    refused: str
    n_rows: int = 0
    checks: Mapping[str, Sequence[float | None]] = field(
        default_factory=dict[str, "Sequence[float | None]"]
    )
    remarks: tuple[str, ...] = ()
    caption: str = ""


@dataclass(frozen=True)
class Explanations:
    """A folder of explanations, read: every arm together."""

    answers: tuple[Answer, ...]
    heat_maps: tuple[HeatMapRow, ...]
    attributions: tuple[AttributionRow, ...]
    importance: tuple[ImportanceRow, ...]


Row = TypeVar("Row", HeatMapRow, AttributionRow, ImportanceRow)
_FILES: Mapping[str, type[Any]] = {
    "heat_maps": HeatMapRow,
    "attributions": AttributionRow,
    "importance": ImportanceRow,
}


def join_explanations(found: Sequence[Explanations]) -> Explanations:
    """Several folds as one: answers of an explainer about an arm are joined, checks lined up."""
    joined: dict[tuple[str, str], Answer] = {}
    for answer in (answer for one in found for answer in one.answers):
        key = (answer.arm, answer.explainer)
        known = joined.get(key)
        joined[key] = answer if known is None else _joined(known, answer)
    return Explanations(
        tuple(joined.values()),
        tuple(row for one in found for row in one.heat_maps),
        tuple(row for one in found for row in one.attributions),
        tuple(row for one in found for row in one.importance),
    )


def _joined(first: Answer, second: Answer) -> Answer:
    checks = {
        key: [*first.checks.get(key, ()), *second.checks.get(key, ())]
        for key in (*first.checks, *(key for key in second.checks if key not in first.checks))
    }
    remarks = tuple(dict.fromkeys((*first.remarks, *second.remarks)))
    refused = first.refused if second.refused else ""
    n_rows = first.n_rows + second.n_rows
    return replace(first, refused=refused, n_rows=n_rows, checks=checks, remarks=remarks)


def write_explanations(folder: Path, found: Explanations) -> None:
    """Write the tables of every arm, and last the summary."""
    arms = dict.fromkeys(answer.arm for answer in found.answers)
    for name, kind in _FILES.items():
        for arm in arms:
            rows = [row for row in getattr(found, name) if row.arm == arm]
            if rows:
                write_text(folder / arm / f"{name}.csv", _csv(rows, kind))
    document = [asdict(answer) for answer in found.answers]
    write_text(folder / SUMMARY, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def read_explanations(folder: Path) -> Explanations | None:
    """Read a folder; None where there is none or it is not complete.

    Raises:
        InputError: A file is damaged.
    """
    path = folder / SUMMARY
    if not path.is_file():
        return None
    try:
        entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        answers = tuple(replace(Answer(**e), remarks=tuple(e["remarks"])) for e in entries)
        arms = dict.fromkeys(answer.arm for answer in answers)
        return Explanations(
            answers,
            _rows(folder, arms, "heat_maps", HeatMapRow),
            _rows(folder, arms, "attributions", AttributionRow),
            _rows(folder, arms, "importance", ImportanceRow),
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{folder}: damaged explanations ({error}). Remove the folder and run the same "
            "command again."
        ) from error


def _csv(rows: Sequence[Any], kind: type[Any]) -> str:
    header = [column.name for column in fields(kind)]
    return csv_text(header, ([_cell(value) for value in astuple(row)] for row in rows))


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if value != value else repr(value)
    # A quote keeps a spreadsheet from taking a cell for a formula.
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r", "'"):
        return f"'{value}"
    return value


def _rows(folder: Path, arms: Mapping[str, None], name: str, kind: type[Row]) -> tuple[Row, ...]:
    rows: list[Row] = []
    for arm in arms:
        path = folder / arm / f"{name}.csv"
        if not path.is_file():
            continue
        with path.open(encoding="utf-8", newline="") as handle:
            rows += [kind(**_parsed(cells, kind)) for cells in csv.DictReader(handle, restval="")]
    return tuple(rows)


def _parsed(cells: Mapping[str, str], kind: type[Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for column in fields(kind):
        cell = cells[column.name]
        if column.type == "float":
            values[column.name] = float(cell) if cell else float("nan")
        elif column.type == "int":
            values[column.name] = int(cell)
        else:
            values[column.name] = cell.removeprefix("'")
    return values
