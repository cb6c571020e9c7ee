"""`tumorboard score`: masks of any program against their references."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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

#: What a mask is where no file has any label.
_MASK = 1


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
        other: The row of a label that is not in `rows`.
        fault: Why it was not compared; "" where it was.
    """

    file: str
    rows: dict[int, MaskRow]
    other: Callable[[int], MaskRow]
    fault: str = ""


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

    A case without a prediction, or with one that cannot be compared, is scored as the worst and
    never left out; one whose reference cannot be read has rows without numbers. Each has a fault
    that says why.

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
    notes = _spacing_note([*references.values(), *predictions.values()], settings)
    notes += [f"ignored, no mask: {listed([p.name for p in files])}" for files in (other, further)
             if files]  # fmt: skip
    if not settings.labels and not any(case.rows for case in cases):
        notes.append(f"note: no mask has a label; every case is a row of label {_MASK}.")
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
    planes = [path for path in files if path.suffix.lower() == ".png"]
    if planes and not settings.spacing_mm:
        raise InputError(
            f"{counted(len(planes), 'mask')} as PNG, which does not say how large its pixels are, "
            f"such as {planes[0]}. Give --spacing-mm HEIGHT WIDTH, or 1 1 for distances in pixels."
        )


def _spacing_note(files: Sequence[Path], settings: _Settings) -> list[str]:
    volumes = [path for path in files if path.suffix.lower() != ".png"]
    if not (volumes and settings.spacing_mm):
        return []
    return [
        f"note: --spacing-mm is of PNG masks alone; {counted(len(volumes), 'NIfTI file')} "
        f"{'says its' if len(volumes) == 1 else 'say their'} own size of a voxel."
    ]


def _case(reference: Path, prediction: Path | None, settings: _Settings) -> _Case:
    """One case; its faults stay its own."""
    name = reference.name
    try:
        true = read_label_map(reference, spacing_mm=settings.spacing_mm)
    except InputError as error:
        return _Case(name, {}, lambda label: MaskRow(name, label, {}, "rejected"), str(error))
    if prediction is None:
        fault = f"{true.path}: no prediction; scored as the worst."
        return _worst(true, settings, "no_prediction", fault)
    try:
        found = read_label_map(prediction, spacing_mm=settings.spacing_mm)
        check_same_grid(true, found)
    except InputError as error:
        return _worst(true, settings, "rejected", f"{error} Scored as the worst.")
    rows: dict[int, MaskRow] = {}
    is_volume = true.values.ndim == 3
    for label in settings.labels or sorted({*true.labels(), *found.labels()}):
        measures = measure_mask(
            true.mask(label), found.mask(label), spacing=true.spacing_mm,
            tolerance=settings.tolerance_mm,
        )  # fmt: skip
        rows[label] = measured_row(name, label, measures, is_volume=is_volume)
    return _Case(name, rows, lambda label: absent_row(name, label, is_volume=is_volume))


def _worst(true: LabelMap, settings: _Settings, status: RowStatus, fault: str) -> _Case:
    """A case whose prediction is absent or cannot be scored: no label of it may look better."""
    voxel = math.prod(true.spacing_mm) * ML if true.values.ndim == 3 else math.nan
    counts = np.bincount(true.values.ravel())

    def row(label: int) -> MaskRow:
        n = int(counts[label]) if label < len(counts) else 0
        return without_prediction(
            true.path.name, label, reference_volume=n * voxel, in_reference=n > 0, status=status,
            diagonal_mm=diagonal(true.values.shape, true.spacing_mm),
        )  # fmt: skip

    rows = {label: row(label) for label in settings.labels or true.labels()}
    return _Case(true.path.name, rows, row, fault)


def _rows(cases: Sequence[_Case], asked: Sequence[int]) -> list[MaskRow]:
    """Every case with every label that any case has."""
    labels = asked or sorted({label for case in cases for label in case.rows}) or [_MASK]
    return [
        case.rows[label] if label in case.rows else case.other(label)
        for case in cases
        for label in labels
    ]


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
