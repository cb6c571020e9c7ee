"""NSCLC-Radiogenomics: chest CT, RNA and the record of 211 patients with lung cancer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

from tumorboard.cohorts import Source
from tumorboard.cohorts.folder import Folder
from tumorboard.errors import InputError
from tumorboard.formats.ajcc_staging import PARTS, Part, stage_groups
from tumorboard.formats.dates import parse_date
from tumorboard.formats.messages import counted, listed, shown
from tumorboard.formats.scanned_cohort import (
    extended,
    require_columns,
    scan_columns,
    scans_of,
)
from tumorboard.formats.tables import parse_numbers
from tumorboard.records import Cohort

#: Codes of the published table that mean not known.
MISSING = (
    "", "Not Collected", "Not collected", "Not Recorded In Database", "Not Assessed", "N/A",
    "Unknown",
)  # fmt: skip
#: Columns that are facts of the follow-up.
LATER: tuple[str, ...] = (
    "Adjuvant Treatment", "Chemotherapy", "Radiation", "Recurrence", "Recurrence Location",
    "Date of Recurrence", "Date of Last Known Alive", "Survival Status", "Date of Death",
    "Time to Death (days)", "time_days", "event",
)  # fmt: skip
_STAGES: Mapping[Part, str] = {part: f"Pathological {part} stage" for part in PARTS}
_DATES = ("CT Date", "Date of Death", "Date of Last Known Alive")
_DAYS = "Days between CT and surgery"
_STATUS = {"Dead": "1", "Alive": "0"}
_FORM = "%m/%d/%Y"
_LOCATION = re.compile(r"Tumor Location \(choice=(.+)\)")
_TABLE = "the clinical table of NSCLC-Radiogenomics as TCIA has it"


class NsclcRadiogenomics(Source):
    """NSCLC-Radiogenomics as TCIA has it: clinical table, CT series, DICOM SEG and AIM files.

    Columns of the clinical table, and: `tumor_stage` (AJCC 7, from pathological T, N and M),
    `tumor_location` (lobes, joined by "&"), `time_days` from surgery and `event` (death); with
    `images` also `ct_series`, `segmentation` and `tumour_center_mm` ("x y z" in DICOM's axes,
    LPS), so that a modality finds its files by `files = "<images>/{ct_series}"`.

    Args:
        table: The clinical table, relative to the data folder.
        images: Folder of the images below the data folder: `<Case ID>/<study>/<series>/*.dcm`, or
            one ZIP per patient whose name begins with the case; "none" is without.
        annotations: Folder of AIM files `<Case ID>.xml`; "none" is without.
        patient_id: Column of the case.
        missing: Codes that mean not known.

    Source:
        Bakr et al. 2018, A radiogenomic dataset of non-small cell lung cancer, Sci Data 5:180202.
    """

    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "cohort": {
            "patient_id": "Case ID",
            "missing": list(MISSING),
            "institution": "Patient affiliation",
        },
    }

    def __init__(
        self, *, table: str = "clinical.csv", images: str = "none", annotations: str = "none",
        patient_id: str = "Case ID", missing: tuple[str, ...] = MISSING,
    ) -> None:  # fmt: skip
        self.table = table
        self.images = images
        self.annotations = annotations
        self.patient_id = patient_id
        self.missing = missing

    def read(self, root: Path, *, name: str, files: Mapping[str, str]) -> Cohort:
        """Read the clinical table and look for the scans of its patients; see `Source.read`."""
        folder = Folder(table=self.table, patient_id=self.patient_id, missing=self.missing)
        cohort = folder.read(root, name=name, files={})
        needed = [*_STAGES.values(), *_DATES, _DAYS, "Survival Status"]
        require_columns(cohort, needed, expected=_TABLE)
        scans = scans_of(cohort, images=self.images, annotations=self.annotations)
        stages = stage_groups(
            {part: cohort.columns[column] for part, column in _STAGES.items()}, _STAGES,
            lines=cohort.line, patient_ids=cohort.patient_id, table=cohort.table,
        )  # fmt: skip
        columns: dict[str, tuple[str | None, ...]] = {"tumor_stage": tuple(stages)}
        if locations := _locations(cohort):
            columns["tumor_location"] = locations
        follow_up, notes = _follow_up(cohort)
        columns |= follow_up
        if self.images != "none":
            columns |= scan_columns(scans)
        later = dict.fromkeys(LATER, "during the follow-up, after surgery")
        return extended(cohort, columns, files=files, scans=scans, known_later=later, notes=notes)


def _locations(cohort: Cohort) -> tuple[str | None, ...]:
    """Boxes that were ticked for the place of the tumour, as one column."""
    boxes = {
        match[1]: cells
        for column, cells in cohort.columns.items()
        if (match := _LOCATION.fullmatch(column)) and match[1] != "Unknown"
    }
    ticked = [
        [place for place, cells in boxes.items() if cells[row] == "Checked"]
        for row in range(cohort.n_rows)
    ]
    return tuple("&".join(own) or None for own in ticked) if boxes else ()


def _follow_up(cohort: Cohort) -> tuple[dict[str, tuple[str | None, ...]], list[str]]:
    """Days from surgery to death or the last day known alive, death, and sentences about them."""
    where = [
        f"row {line} patient {patient}"
        for line, patient in zip(cohort.line, cohort.patient_id, strict=True)
    ]
    days = {name: _dates(cohort, name, where) for name in _DATES}
    gaps = parse_numbers(
        cohort.columns[_DAYS], column=_DAYS, lines=cohort.line, patient_ids=cohort.patient_id,
        table=cohort.table,
    )  # fmt: skip
    events = _events(cohort, where)
    times: list[str | None] = []
    turned: list[str] = []
    faults: list[str] = []
    for row, event in enumerate(events):
        end = days["Date of Death" if event == "1" else "Date of Last Known Alive"][row]
        scan, gap = days["CT Date"][row], gaps[row]
        if event is None or end is None or scan is None or gap != gap:
            times.append(None)
            continue
        surgery = scan + timedelta(days=float(gap))
        if end < surgery:  # the days carry no sign: these patients were scanned after surgery
            surgery = scan - timedelta(days=float(gap))
            turned.append(cohort.patient_id[row])
        time = (end - surgery).days
        if time < 0:
            faults.append(f"{where[row]}: surgery {surgery}, end of follow-up {end}")
        times.append(str(time))
    if faults:
        raise InputError(
            f"{cohort.table.name}: follow-up that ends before surgery in "
            f"{counted(len(faults), 'row')}: {listed(faults)}. Mend the dates."
        )
    notes = [*_turned(turned), *_disagreeing(cohort, times, events)]
    is_known = [time is not None for time in times]
    kept = tuple(e if known else None for e, known in zip(events, is_known, strict=True))
    return {"time_days": tuple(times), "event": kept}, notes


def _events(cohort: Cohort, where: list[str]) -> list[str | None]:
    cells = cohort.columns["Survival Status"]
    faults = [
        f"{where[row]}: {shown(cell)}"
        for row, cell in enumerate(cells)
        if cell is not None and cell.strip() not in _STATUS
    ]
    if faults:
        raise InputError(
            f"{cohort.table.name}, column Survival Status: expected 'Alive' or 'Dead', found "
            f"{listed(faults)}. Mend the cells, or name the code in cohort.missing."
        )
    return [None if cell is None else _STATUS[cell.strip()] for cell in cells]


def _dates(cohort: Cohort, column: str, where: list[str]) -> list[date | None]:
    cells = cohort.columns[column]
    found = [parse_date(cell, _FORM) for cell in cells]
    faults = [
        f"{where[row]}: {shown(cell)}"
        for row, cell in enumerate(cells)
        if cell is not None and found[row] is None
    ]
    if faults:
        raise InputError(
            f"{cohort.table.name}, column {column}: expected month/day/year, found "
            f"{listed(faults)}. Mend the cells, or name the code in cohort.missing."
        )
    return found


def _turned(patients: list[str]) -> list[str]:
    if not patients:
        return []
    return [
        f"{_DAYS!r} has no sign: in {counted(len(patients), 'patient')} ({listed(patients)}) the "
        "follow-up would end before surgery, so that the CT is taken to be after it"
    ]


def _disagreeing(cohort: Cohort, times: list[str | None], events: list[str | None]) -> list[str]:
    """A sentence about deaths whose own column says another time than the dates."""
    stated = cohort.columns.get("Time to Death (days)")
    if stated is None:
        return []
    odd = [
        f"{patient} ({own} and {cell})"
        for patient, own, cell, event in zip(cohort.patient_id, times, stated, events, strict=True)
        if event == "1" and own is not None and cell is not None and cell.strip() != own
    ]
    if not odd:
        return []
    return [
        "time_days counts from surgery to the date of death; 'Time to Death (days)' says another "
        f"time for {counted(len(odd), 'patient')}, mostly that of the last day known alive: "
        f"{listed(odd)}"
    ]
