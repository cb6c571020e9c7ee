"""Masks of test patients: made, measured against the reference, written beside the predictions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tumorboard.evaluation.mask_columns import MaskColumns
from tumorboard.evaluation.mask_metrics import ML, MaskMeasures, measure_mask
from tumorboard.evaluation.outcome_table import OutcomeTable, join_tables
from tumorboard.modalities import Measured
from tumorboard.records import Bools, Floats, Ints, Split
from tumorboard.study import Study
from tumorboard.tasks.segmentation import Segmentation
from tumorboard.training.batches import derive_seed
from tumorboard.training.fitted import FittedArm
from tumorboard.training.mask_decision import MaskDecision, ValidationCases
from tumorboard.training.note_controls import reads_notes, with_other_notes
from tumorboard.training.prepare import Prepared
from tumorboard.training.references import References
from tumorboard.training.segmentation_rows import WithMasks, references_of
from tumorboard.training.segmenting import label_probabilities
from tumorboard.training.units import average_units
from tumorboard.transforms.cases import Cases, OwnGrid

#: Words of a table's columns that a mask's measures answer, in the order of the columns.
WORDS = (
    "dice", "iou", "nsd", "hd95", "sensitivity", "specificity", "precision", "pixel_accuracy",
    "volume_error", "volume", "lesion_sensitivity", "lesion_precision", "lesion_f1",
    "false_lesions",
)  # fmt: skip
#: Columns that need no reference: what the model itself expects.
OWN_WORDS = ("predicted_dice", "uncertainty")


@dataclass(frozen=True)
class SegmentedCase:
    """One case on its own grid.

    Args:
        row: Row number.
        masks: (L, *shape) True inside each label.
        numbers: (*shape) as a mask file holds them.
        expected: (L,) Dice that is expected of each mask.
        uncertainty: (L,) entropy; see `predicted_dice`.
    """

    row: int
    masks: Bools
    numbers: NDArray[np.uint8]
    expected: Floats
    uncertainty: Floats


def own_probabilities(
    fitted: FittedArm, measured: Mapping[str, Measured], cases: Cases, row: int
) -> NDArray[np.float32]:
    """(L, *shape) probability of each label on the image's own grid."""
    return cases.to_own(row, label_probabilities(fitted, measured, row))


def segment_cases(
    fitted: FittedArm, measured: Mapping[str, Measured], cases: Cases, rows: Ints
) -> Iterator[SegmentedCase]:
    """The masks of rows, one after the other."""
    if fitted.masks is None:
        raise TypeError("a segmenter that has not decided how probabilities become masks")
    for row in rows.tolist():
        found = own_probabilities(fitted, measured, cases, row)
        yield as_case(fitted, fitted.masks, found, cases.own_grid(row), row)


def as_case(
    fitted: FittedArm, decision: MaskDecision, probabilities: NDArray[Any], grid: OwnGrid, row: int
) -> SegmentedCase:
    """Masks of one case from its probabilities (L, *shape)."""
    task = cast("Segmentation", fitted.task)
    masks = decision.masks(probabilities, grid, task)
    expected, uncertainty = decision.expected(probabilities, masks)
    return SegmentedCase(row, masks, task.as_numbers(masks), expected, uncertainty)


def decided_parts(
    study: Study, fitted: FittedArm, prepared: Prepared, split: Split, *, folder: Path
) -> tuple[OutcomeTable, list[str]]:
    """Decide on validation patients how masks are made; make and measure those of both parts.

    Args:
        study: The study.
        fitted: A trained segmenter; takes up what is decided.
        prepared: Its patients.
        split: Which of them validate and test.
        folder: Where masks of the test patients are written; probabilities of validation patients
            lie there meanwhile.

    Returns:
        Measures of the masks, and remarks on what was decided.
    """
    references = references_of(prepared)
    validation = _usable(fitted, prepared, split.rows(prepared.cohort, "validation"))
    folder.mkdir(parents=True, exist_ok=True)
    kept: dict[int, Path] = {}
    for row in validation.tolist():
        kept[row] = folder / f".probabilities-{row}.npy"
        found = own_probabilities(fitted, prepared.measured, references.cases, row)
        np.save(kept[row], found.astype(np.float16), allow_pickle=False)
    task = cast("Segmentation", fitted.task)
    decision, remarks = ValidationCases(kept, references, task).decide(
        study.keys.evaluation.mask_rule
    )
    fitted.masks = decision
    cases = (
        as_case(fitted, decision, np.load(path), references.cases.own_grid(row), row)
        for row, path in kept.items()
    )
    tables = [measured_table(fitted, prepared, cases, split, "validation", fitted.arm.name)]
    for path in kept.values():
        path.unlink()
    rows = _usable(fitted, prepared, split.rows(prepared.cohort, "test"))
    if len(rows):
        tables += tested(study, fitted, prepared, split, rows, folder)
    return join_tables(tables), remarks


def tested(
    study: Study, fitted: FittedArm, prepared: Prepared, split: Split, rows: Ints, folder: Path
) -> list[OutcomeTable]:
    """Test patients with their own notes, whose masks are written, and with other notes."""
    references = references_of(prepared)
    cases = segment_cases(fitted, prepared.measured, references.cases, rows)
    written = _writing(cases, references, prepared.cohort.unit_id, folder)
    tables = [measured_table(fitted, prepared, written, split, "test", fitted.arm.name)]
    own = {name: prepared.measured[name] for name in fitted.arm.modalities}
    for control in study.keys.evaluation.controls if reads_notes(own) else ():
        rng = np.random.default_rng(
            derive_seed(study.seed, "other notes", control, split.repeat, split.fold)
        )
        other = with_other_notes(own, control, rows, rng=rng)
        cases = segment_cases(fitted, other, references.cases, rows)
        name = f"{fitted.arm.name}-{control}"
        shown = replace(prepared, measured={**prepared.measured, **other})
        tables.append(measured_table(fitted, shown, cases, split, "test", name))
    return tables


def _usable(fitted: FittedArm, prepared: Prepared, rows: Ints) -> Ints:
    """Rows with an image: without one there is nothing to segment."""
    return rows[prepared.measured[fitted.arm.segmented].present[rows]]


def _writing(
    cases: Iterator[SegmentedCase], references: References, unit_id: Sequence[str], folder: Path
) -> Iterator[SegmentedCase]:
    for case in cases:
        write_case(folder, references.cases, case, references.names[case.row])
        yield case


def write_case(folder: Path, cases: Cases, case: SegmentedCase, name: str) -> Path:
    """Write a case's mask as NIfTI, or as PNG where the image is a picture."""
    if cases.is_picture:
        from tumorboard.formats.mask_pictures import write_mask_picture

        path = folder / f"{name}.png"
        write_mask_picture(path, case.numbers)
        return path
    from tumorboard.formats.nifti_writing import write_nifti, write_nifti_like

    path = folder / f"{name}.nii.gz"
    grid, like = cases.own_grid(case.row), cases.like(case.row)
    if like is None:
        write_nifti(path, case.numbers, grid.affine)
    else:
        write_nifti_like(path, case.numbers, grid.affine, like)
    return path


def measured_table(
    fitted: FittedArm, patients: WithMasks, cases: Iterable[SegmentedCase], split: Split, part: str,
    arm: str,
) -> OutcomeTable:  # fmt: skip
    """Measures of cases, averaged over the rows of each unit; what does not apply is left out.

    Args:
        fitted: The segmenter that made the masks.
        patients: Whose masks, with their references.
        cases: The masks, one after the other.
        split: Repeat and fold of the table.
        part: Part of the table.
        arm: Name of the arm in the table; of a control it differs from the segmenter's.
    """
    references, task = references_of(patients), cast("Segmentation", fitted.task)
    is_known = references.is_known
    rows: list[int] = []
    volumes: list[list[float]] = []
    measures: list[list[float]] = []
    for case in cases:
        grid = references.cases.own_grid(case.row)
        truth = task.masks(references.own(case.row))
        each = [
            measure_mask(
                own, mask, spacing=grid.spacing, tolerance=task.keys.tolerance_mm,
                volume_scale=ML if is_known else 1.0,
            )
            for own, mask in zip(truth, case.masks, strict=True)
        ]  # fmt: skip
        rows.append(case.row)
        volumes.append([one.reference_volume for one in each])
        measures.append(_values(each, case))
    return _as_table(
        fitted, patients, np.asarray(rows, dtype=np.int64), np.asarray(volumes),
        np.asarray(measures), split, part, arm, is_known=is_known,
    )  # fmt: skip


def _values(each: Sequence[MaskMeasures], case: SegmentedCase) -> list[float]:
    values: list[float] = []
    for k, one in enumerate(each):
        values += [float(getattr(one, word)) for word in WORDS]
        values += [float(case.expected[k]), float(case.uncertainty[k])]
    return values


def _as_table(
    fitted: FittedArm, patients: WithMasks, rows: Ints, volumes: Floats, measures: Floats,
    split: Split, part: str, arm: str, *, is_known: bool,
) -> OutcomeTable:  # fmt: skip
    labels = cast("Segmentation", fitted.task).labels
    columns = MaskColumns((), labels, "mm" if is_known else "px", "ml" if is_known else "px")
    cohort = patients.cohort
    units = [cohort.unit_id[row] for row in rows.tolist()]
    present = fitted.present(patients.measured)[rows]
    both = np.concatenate([volumes, measures], axis=1)
    known = ~np.isnan(both)
    names, sums, first, subsets = average_units(
        units, np.where(known, both, 0.0), present, fitted.arm.modalities
    )
    _, shares, _, _ = average_units(units, known.astype(np.float64), present, fitted.arm.modalities)
    means = np.divide(sums, shares, out=np.full_like(sums, np.nan), where=shares > 0)
    n, n_labels = len(names), len(labels)
    picked = rows[first]
    return OutcomeTable(
        patient_id=np.asarray([cohort.patient_id[row] for row in picked.tolist()], np.str_),
        unit_id=np.asarray(names, np.str_), arm=np.asarray([arm] * n, np.str_),
        repeat=np.full(n, split.repeat, np.int64), fold=np.full(n, split.fold, np.int64),
        part=np.asarray([part] * n, np.str_), modalities=np.asarray(subsets, np.str_),
        outcome=means[:, :n_labels],
        outcome_names=tuple(f"reference_{label}_{columns.volume}" for label in labels),
        predictions=means[:, n_labels:],
        prediction_names=tuple(
            columns.column(word, label) for label in labels for word in (*WORDS, *OWN_WORDS)
        ),
    )  # fmt: skip
