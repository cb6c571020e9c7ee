"""LUNG1 (NSCLC-Radiomics): CT and the record of 422 patients treated with radiotherapy."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from tumorboard.cohorts import Source
from tumorboard.cohorts.folder import Folder
from tumorboard.errors import InputError
from tumorboard.formats.ajcc_staging import PARTS, Part, categories
from tumorboard.formats.messages import counted, listed, shown
from tumorboard.formats.patient_scans import Scans, center_cell
from tumorboard.formats.plausibility import check_values
from tumorboard.formats.scanned_cohort import (
    extended,
    require_columns,
    scan_columns,
    scans_of,
)
from tumorboard.formats.tables import parse_numbers
from tumorboard.records import Cohort

#: Columns that are facts of the follow-up.
LATER: tuple[str, ...] = ("Survival.time", "deadstatus.event", "survival", "time_days", "event")
_STAGES: Mapping[Part, str] = {
    "T": "clinical.T.Stage",
    "N": "Clinical.N.Stage",
    "M": "Clinical.M.Stage",
}
_RAS_TO_LPS = np.asarray([-1.0, -1.0, 1.0])
_COORDINATES = ("coordX", "coordY", "coordZ")
_TIME, _EVENT, _OVERALL = "Survival.time", "deadstatus.event", "Overall.Stage"
_GROUP = re.compile(r"(?:stage\s*)?(0|I{1,3}|IV)([AB]?)", re.IGNORECASE)


class Lung1(Source):
    """LUNG1: clinical table of NSCLC-Radiomics, tumour centres and TCIA's CT series.

    Columns of the table, and: `tumor_stage` (the table's overall stage; most of it follows the
    AJCC's 6th edition, where T4 is IIIB), `time_days` from the start of radiotherapy and `event`
    (death), `tumour_center_mm` ("x y z" in DICOM's axes, LPS); with `images` also `ct_series` and
    `segmentation`, so that a modality finds its files by `files = "<images>/{ct_series}"`.

    Args:
        table: The clinical table, relative to the data folder, with or without coordX, coordY and
            coordZ.
        images: Folder of the images below the data folder: `<PatientID>/<study>/<series>/*.dcm`,
            or one ZIP per patient; "none" is without.
        coordinates: Axes of coordX, coordY and coordZ: "lps", as SimpleITK and DICOM count, or
            "ras".
        patient_id: Column of the patient.
        missing: Codes that mean not known.

    Source:
        Aerts et al. 2014, Decoding tumour phenotype by noninvasive imaging, Nat Commun 5:4006.
        Tumour centres: Pai et al. 2024, Foundation model for cancer imaging biomarkers, Nat Mach
        Intell 6:354.
    """

    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "cohort": {"patient_id": "PatientID", "missing": ["", "NA"]},
    }

    def __init__(
        self, *, table: str = "annotations.csv", images: str = "none",
        coordinates: Literal["lps", "ras"] = "lps", patient_id: str = "PatientID",
        missing: tuple[str, ...] = ("", "NA"),
    ) -> None:  # fmt: skip
        self.table = table
        self.images = images
        self.coordinates = coordinates
        self.patient_id = patient_id
        self.missing = missing

    def read(self, root: Path, *, name: str, files: Mapping[str, str]) -> Cohort:
        """Read the table and look for the scans of its patients; see `Source.read`."""
        folder = Folder(table=self.table, patient_id=self.patient_id, missing=self.missing)
        cohort = folder.read(root, name=name, files={})
        needed = [*_STAGES.values(), _OVERALL, _TIME, _EVENT]
        require_columns(cohort, needed, expected="the clinical table of NSCLC-Radiomics (LUNG1)")
        scans = scans_of(cohort, images=self.images, annotations="none")
        columns: dict[str, tuple[str | None, ...]] = {"tumor_stage": _stages(cohort)}
        columns |= _follow_up(cohort)
        if self.images != "none":
            columns |= scan_columns(scans)
        centers = self._centers(cohort, scans)
        if any(centers):
            columns["tumour_center_mm"] = centers
        later = dict.fromkeys(LATER, "during the follow-up")
        notes = _strange_codes(cohort)
        return extended(cohort, columns, files=files, scans=scans, known_later=later, notes=notes)

    def _centers(self, cohort: Cohort, scans: Scans) -> tuple[str | None, ...]:
        """Centres of the table; those of segmentations where it has none."""
        found = [center_cell(center) for center in scans.center_mm]
        if any(name not in cohort.columns for name in _COORDINATES):
            return tuple(found)
        values = np.stack([_numbers(cohort, name) for name in _COORDINATES], axis=1)
        values = values * _RAS_TO_LPS if self.coordinates == "ras" else values
        for row in np.flatnonzero(np.isfinite(values).all(axis=1)).tolist():
            x, y, z = (float(v) for v in values[row])
            found[row] = center_cell((x, y, z))
        return tuple(found)


def _numbers(cohort: Cohort, column: str) -> np.ndarray:
    return parse_numbers(
        cohort.columns[column], column=column, lines=cohort.line, patient_ids=cohort.patient_id,
        table=cohort.table,
    )  # fmt: skip


def _follow_up(cohort: Cohort) -> dict[str, tuple[str | None, ...]]:
    times = _numbers(cohort, _TIME)
    check_values(
        {_EVENT: cohort.columns[_EVENT]}, {_EVENT: ("0", "1", "0.0", "1.0")}, lines=cohort.line,
        patient_ids=cohort.patient_id, table=cohort.table,
    )  # fmt: skip
    if rows := np.flatnonzero(times < 0).tolist():
        faults = [
            f"row {cohort.line[r]} patient {cohort.patient_id[r]}: {times[r]:g}" for r in rows
        ]
        raise InputError(
            f"{cohort.table.name}, column {_TIME}: negative days in {listed(faults)}. Mend them."
        )
    events = cohort.columns[_EVENT]
    return {
        "time_days": tuple(f"{t:g}" if np.isfinite(t) else None for t in times.tolist()),
        "event": tuple(cell[0] if cell else None for cell in events),
    }


def _stages(cohort: Cohort) -> tuple[str | None, ...]:
    """The table's own stage in the spelling of the manual: IIIb -> IIIB."""
    cells: Sequence[str | None] = cohort.columns[_OVERALL]
    matches = [_GROUP.fullmatch(cell.strip()) if cell else None for cell in cells]
    faults = [
        f"row {cohort.line[row]} patient {cohort.patient_id[row]}: {shown(cell)}"
        for row, cell in enumerate(cells)
        if cell is not None and matches[row] is None
    ]
    if faults:
        raise InputError(
            f"{cohort.table.name}, column {_OVERALL}: no stage: {listed(faults)}. Expected one "
            "such as IIIa; a code that means not known belongs into cohort.missing."
        )
    return tuple(match[0].strip().upper() if match else None for match in matches)


def _strange_codes(cohort: Cohort) -> list[str]:
    """A sentence about numbers of T, N and M that no manual has, such as an M of 3."""
    found = [
        f"{_STAGES[part]} {cell} ({counted(n, 'patient')})"
        for part in PARTS
        for cell, n in Counter(cohort.columns[_STAGES[part]]).items()
        if cell is not None and not categories(cell, part)
    ]
    if not found:
        return []
    return [f"codes that are no category of the AJCC's manual: {listed(found)}"]
