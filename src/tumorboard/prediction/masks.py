"""New patients segmented: a mask file for each, and a table of volumes and of what to expect."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from tumorboard.cache import write_text
from tumorboard.errors import InputError
from tumorboard.evaluation.mask_metrics import ML
from tumorboard.prediction.dicom_masks import (
    MaskFormat,
    refuse_other_sources,
    write_dicom_masks,
)
from tumorboard.prediction.model import Model, ReadPatients
from tumorboard.prediction.predictions import plain_cell
from tumorboard.prediction.probability_maps import write_maps
from tumorboard.records import Bools, Rejection
from tumorboard.tasks.segmentation import Segmentation
from tumorboard.training.mask_table import SegmentedCase, as_case, own_probabilities, write_case
from tumorboard.transforms.cases import Cases, OwnGrid


@dataclass(frozen=True)
class PredictedMasks:
    """Masks of new patients.

    Args:
        rows: One list of cells per case, in the order of `header`.
        header: Columns of the table.
        rejections: Patients and files that could not be used.
        notes: Sentences about the input.
    """

    rows: tuple[tuple[str, ...], ...]
    header: tuple[str, ...]
    rejections: tuple[Rejection, ...]
    notes: tuple[str, ...]

    @property
    def patient_id(self) -> tuple[str, ...]:
        """One per case, as the table writes it."""
        return self._column("patient_id")

    @property
    def unit_id(self) -> tuple[str, ...]:
        """One per case, as the table writes it."""
        return self._column("unit_id")

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities that were present, joined by "+"."""
        return self._column("modalities")

    def _column(self, name: str) -> tuple[str, ...]:
        place = self.header.index(name)
        return tuple(row[place] for row in self.rows)

    def to_csv(self) -> str:
        """The table as CSV text."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(self.header)
        writer.writerows(self.rows)
        return text.getvalue()


def predict_masks(
    model: Model, patients: ReadPatients, *, folder: Path, kind: MaskFormat = "nifti",
    maps: bool = False,
) -> PredictedMasks:  # fmt: skip
    """Segment patients that were read, and write their masks on the grid of their own image.

    Args:
        model: A model of a segmentation.
        patients: What `Model.read` gave.
        folder: Where the masks go: `<unit>.nii.gz`, or `.png` of a picture.
        kind: What is written beside them: `<unit>.seg.dcm` or `<unit>.rtstruct.dcm`.
        maps: Whether probabilities and uncertainty are written as well, see `write_maps`.

    Raises:
        InputError: The model has no rule that makes masks, or images that are no DICOM were to be
            given DICOM masks.
    """
    fitted, cohort = model.fitted, patients.cohort
    name = fitted.arm.segmented
    cases = fitted.modalities[name].cases(cohort, patients.measured[name], name=name)
    has_image = patients.measured[name].present
    names = _names(patients)
    lost = [
        Rejection(cohort.patient_id[row], None, f"no mask: {name} is absent")
        for row in range(cohort.n_rows)
        if not has_image[row]
    ]
    labels = cast("Segmentation", fitted.task).labels
    rows: list[tuple[str, ...]] = []
    known: set[bool] = set()
    refuse_other_sources(cases, np.flatnonzero(has_image).tolist(), kind)
    for row in np.flatnonzero(has_image).tolist():
        case, grid, found = _segmented(model, patients, cases, row)
        known.add(grid.is_known)
        path = write_case(folder, cases, case, names[row])
        if maps:
            write_maps(folder, cases, row, found, name=names[row], labels=labels)
        rows.append(_cells(model, patients, case, grid, path, folder))
        own = dict(zip(labels, case.masks, strict=True))
        lost += _as_dicom(path, kind, cases.files(row), own, grid, cohort.patient_id[row])
    unit = "ml" if known != {False} else "px"
    header = ["patient_id", "unit_id", "arm", "modalities", "mask"]
    for label in labels:
        header += [f"volume_{label}_{unit}", f"predicted_dice_{label}", f"uncertainty_{label}"]
    measured = [r for m in patients.measured.values() for r in m.rejections]
    return PredictedMasks(
        tuple(rows), tuple(header),
        (*patients.rejections, *cohort.rejections, *measured, *_once(lost, measured)),
        (f"file names start from {cohort.root}", *cohort.notes, *model.input_notes(patients)),
    )  # fmt: skip


def _as_dicom(
    path: Path, kind: MaskFormat, files: Sequence[Path], masks: Mapping[str, Bools], grid: OwnGrid,
    patient_id: str,
) -> list[Rejection]:  # fmt: skip
    """Write the DICOM mask of one case; why there is none, where its series cannot carry it."""
    try:
        why_not = write_dicom_masks(path, kind, files, masks, grid.affine)
    except InputError as error:
        why_not = str(error)
    return [Rejection(patient_id, None, why_not)] if why_not else []


def _segmented(
    model: Model, patients: ReadPatients, cases: Cases, row: int
) -> tuple[SegmentedCase, OwnGrid, NDArray[np.float32]]:
    fitted = model.fitted
    if fitted.masks is None:
        raise InputError(f"{model.folder}: the model has no rule that makes masks. Fit it again.")
    found = own_probabilities(fitted, patients.measured, cases, row)
    grid = cases.own_grid(row)
    return as_case(fitted, fitted.masks, found, grid, row), grid, found


def _cells(
    model: Model, patients: ReadPatients, case: SegmentedCase, grid: OwnGrid, path: Path,
    folder: Path,
) -> tuple[str, ...]:  # fmt: skip
    fitted, cohort = model.fitted, patients.cohort
    present = fitted.present(patients.measured)[case.row]
    names = [n for n, has in zip(fitted.arm.modalities, present, strict=True) if has]
    voxel = float(np.prod(grid.spacing)) * (ML if grid.is_known else 1.0)
    cells = [
        plain_cell(cohort.patient_id[case.row]), plain_cell(cohort.unit_id[case.row]),
        fitted.arm.name, "+".join(names), str(path.relative_to(folder.parent)),
    ]  # fmt: skip
    for k, mask in enumerate(case.masks):
        values = (int(mask.sum()) * voxel, case.expected[k], case.uncertainty[k])
        cells += ["" if v != v else repr(float(v)) for v in values]
    return tuple(cells)


def _names(patients: ReadPatients) -> dict[int, str]:
    """File name of each row's mask: its unit, or its patient and row where units have several."""
    cohort = patients.cohort
    units = [unit.replace("/", "_").replace("\\", "_") for unit in cohort.unit_id]
    twice = {unit for unit in units if units.count(unit) > 1}
    return {
        row: f"{unit}-{cohort.line[row]}" if unit in twice else unit
        for row, unit in enumerate(units)
    }


def _once(lost: list[Rejection], named: list[Rejection]) -> list[Rejection]:
    """Patients without an image whose file was not already said to be unusable."""
    known = {rejection.patient_id for rejection in named}
    return [rejection for rejection in lost if rejection.patient_id not in known]


def write_masks_csv(predicted: PredictedMasks, path: Path) -> None:
    """Write the table atomically."""
    write_text(path, predicted.to_csv())
