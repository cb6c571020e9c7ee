"""`tumorboard score`: masks of any program against their references."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorboard.errors import InputError
from tumorboard.evaluation.mask_metrics import ML, diagonal, measure_mask
from tumorboard.evaluation.mask_scores import (
    HEADER,
    MaskRow,
    RowStatus,
    absent_row,
    measured_row,
    summary,
    without_prediction,
)
from tumorboard.formats.csv_writing import write_csv
from tumorboard.formats.label_maps import LabelMap, check_same_grid, mask_files, read_label_map
from tumorboard.formats.messages import counted, listed


@dataclass(frozen=True)
class ScoreReport:
    """What was scored.

    Args:
        rows: One for each case and label.
        lines: What the user should read, one line each.
        faults: Cases that could not be scored, or lack a file, one line each.
        exit_code: 0, or 3 where there are faults.
    """

    rows: tuple[MaskRow, ...]
    lines: tuple[str, ...]
    faults: tuple[str, ...]
    exit_code: int


@dataclass(frozen=True)
class _Settings:
    tolerance_mm: float
    labels: tuple[int, ...]
    spacing_mm: tuple[float, ...]


@dataclass(frozen=True)
class _Case:
    """One case.

    Args:
        file: Name of the reference's file.
        rows: By label.
        fault: Why it was not compared; "" where it was.
        lacking: What becomes of a label that is not in `rows`.
        is_volume: Whether it has three axes.
    """

    file: str
    rows: dict[int, MaskRow]
    fault: str = ""
    lacking: RowStatus = "rejected"
    is_volume: bool = True


def score(
    reference: Path | str,
    prediction: Path | str,
    *,
    tolerance_mm: float = 1.0,
    out: Path | str | None = None,
    labels: Sequence[int] = (),
    spacing_mm: Sequence[float] = (),
    seed: int = 0,
) -> ScoreReport:
    """Compare folders of masks, one file for each case, matched by name.

    A case without a prediction is scored as the worst and never left out; one whose files cannot be
    compared has rows without numbers, and a fault that says why.

    Args:
        reference: Folder of true masks: NIfTI, or PNG for planes; 0 is background.
        prediction: Folder of predicted masks of the same names; `.nii` and `.nii.gz` are alike.
        tolerance_mm: Of the normalised surface distance.
        out: CSV file to write, in full precision; None for none.
        labels: Labels to score; all that occur in any file where left out.
        spacing_mm: Height and width of a PNG's pixel.
        seed: Of the bootstrap.

    Raises:
        InputError: No masks, no name in common, or an option that cannot be.
    """
    sides = Path(reference), Path(prediction)
    settings = _settings(tolerance_mm, labels, spacing_mm)
    (references, other), (predictions, further) = (mask_files(folder) for folder in sides)
    _check_names(sides, references, predictions)
    _check_pixels([*references.values(), *predictions.values()], settings)
    if out is not None:
        _check_out(Path(out), [*references.values(), *predictions.values()])
    cases = [_case(path, predictions.get(name), settings) for name, path in references.items()]
    rows = _rows(cases, settings.labels)
    faults = [case.fault for case in cases if case.fault]
    faults += [
        f"{path}: no reference of this name in {sides[0]}; not scored."
        for name, path in predictions.items()
        if name not in references
    ]
    notes = [f"ignored, no mask: {listed([p.name for p in files])}" for files in (other, further)
             if files]  # fmt: skip
    lines = [*notes, *_other_names(rows), *summary(rows, seed=seed)]
    if out is not None:
        write_csv(Path(out), HEADER, [row.cells() for row in rows])
        lines.append(f"{counted(len(rows), 'row')} written to {out}")
    return ScoreReport(tuple(rows), tuple(lines), tuple(faults), 3 if faults else 0)


def _settings(tolerance: float, labels: Sequence[int], spacing: Sequence[float]) -> _Settings:
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise InputError(f"--tolerance-mm {tolerance}: expected 0 or more.")
    if any(label < 1 for label in labels):
        raise InputError(
            f"--labels {list(labels)}: expected whole numbers from 1; 0 is background."
        )
    if spacing and not (len(spacing) == 2 and all(0 < s < math.inf for s in spacing)):
        raise InputError(f"--spacing-mm {list(spacing)}: expected two sizes above 0.")
    return _Settings(tolerance, tuple(sorted(set(labels))), tuple(float(s) for s in spacing))


def _check_out(out: Path, inputs: Sequence[Path]) -> None:
    if out.is_dir() or out.resolve() in {path.resolve() for path in inputs}:
        raise InputError(f"--out {out}: a folder or an input; expected a new CSV file.")


def _check_names(
    folders: tuple[Path, Path], references: dict[str, Path], predictions: dict[str, Path]
) -> None:
    for folder, files in zip(folders, (references, predictions), strict=True):
        if not files:
            raise InputError(f"{folder}: no masks; expected files .nii.gz, .nii or .png.")
    if not set(references) & set(predictions):
        examples = [next(iter(files.values())).name for files in (references, predictions)]
        raise InputError(
            f"{folders[1]}: no file has the name of a reference in {folders[0]} (such as "
            f"{examples[1]} and {examples[0]}). Name masks of one case alike."
        )


def _check_pixels(files: Sequence[Path], settings: _Settings) -> None:
    if not settings.spacing_mm and all(path.suffix.lower() == ".png" for path in files):
        raise InputError(
            f"{counted(len(files), 'mask')} as PNG, which does not say how large its pixels are, "
            f"such as {files[0]}. Give --spacing-mm HEIGHT WIDTH, or 1 1 for distances in pixels."
        )


def _case(reference: Path, prediction: Path | None, settings: _Settings) -> _Case:
    """One case; its faults stay its own."""
    try:
        true = read_label_map(reference, spacing_mm=settings.spacing_mm)
        if prediction is None:
            return _without_prediction(true, settings)
        found = read_label_map(prediction, spacing_mm=settings.spacing_mm)
        check_same_grid(true, found)
    except InputError as error:
        return _Case(reference.name, {}, str(error))
    rows: dict[int, MaskRow] = {}
    is_volume = true.values.ndim == 3
    for label in settings.labels or sorted({*true.labels(), *found.labels()}):
        measures = measure_mask(
            true.mask(label), found.mask(label), spacing=true.spacing_mm,
            tolerance=settings.tolerance_mm,
        )  # fmt: skip
        rows[label] = measured_row(reference.name, label, measures, is_volume=is_volume)
    return _Case(reference.name, rows, lacking="both_empty", is_volume=is_volume)


def _without_prediction(true: LabelMap, settings: _Settings) -> _Case:
    voxel = math.prod(true.spacing_mm) * ML if true.values.ndim == 3 else math.nan
    counts = np.bincount(true.values.ravel())
    rows = {
        label: without_prediction(
            true.path.name, label, reference_volume=float(counts[label]) * voxel,
            diagonal_mm=diagonal(true.values.shape, true.spacing_mm),
        )
        for label in true.labels()
        if not settings.labels or label in settings.labels
    }  # fmt: skip
    fault = f"{true.path}: no prediction; scored as the worst."
    return _Case(true.path.name, rows, fault, lacking="no_prediction")


def _rows(cases: Sequence[_Case], asked: Sequence[int]) -> list[MaskRow]:
    """Every case with every label; what a case lacks is both empty, or without numbers."""
    labels = asked or sorted({label for case in cases for label in case.rows})
    rows: list[MaskRow] = []
    for case in cases:
        for label in labels:
            if label in case.rows:
                rows.append(case.rows[label])
            elif case.lacking == "both_empty":
                rows.append(absent_row(case.file, label, is_volume=case.is_volume))
            else:
                rows.append(MaskRow(case.file, label, {}, case.lacking))
    return rows


def _other_names(rows: Sequence[MaskRow]) -> list[str]:
    """A warning where one program says 1 and the other 255 for the same structure."""
    lines: list[str] = []
    for status, where in (("missed", "no prediction"), ("false_positive", "no reference")):
        for label in sorted({row.label for row in rows}):
            kinds = {row.status for row in rows if row.label == label} & {
                "ok", "missed", "false_positive",
            }  # fmt: skip
            if kinds == {status}:
                lines.append(
                    f"note: {where} has label {label}. Do both sides use the same numbers?"
                )
    return lines
