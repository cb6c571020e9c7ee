"""BraTS: four sequences of MRI and a mask of the tumour for each case of the challenges."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tumorboard.cohorts import Source
from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.formats.brats_folders import SEQUENCES, Case, Found, find_cases
from tumorboard.formats.messages import counted, listed, shown
from tumorboard.formats.named_files import match_files
from tumorboard.formats.tables import Table, read_table
from tumorboard.records import Cohort, FileRecord

#: Tables of the challenges, joined where they are.
TABLES = ("survival_info.csv", "name_mapping.csv")
#: Columns that are facts of the follow-up.
LATER: tuple[str, ...] = ("Survival_days", "time_days", "event")
_ALIVE = re.compile(r"ALIVE\s*\(([0-9.]+) days later\)", re.IGNORECASE)

Columns = dict[str, tuple[str | None, ...]]


class Brats(Source):
    """BraTS 2017 to 2024 in its original folders: one row per case, four sequences and a mask.

    Columns: `case`, `timepoint`, and the files `t1`, `t1c`, `t2`, `flair` and `seg`, so that a
    study writes `files = ["{t1}", "{t1c}", "{t2}", "{flair}"]` and `mask = "{seg}"`; and those of
    survival_info.csv and name_mapping.csv where they are, with `time_days` and `event` made of
    `Survival_days`. Several time points of a patient (BraTS-GLI-00000-000, -001) are rows of one
    patient. Until 2021 masks are 1 core, 2 oedema, 4 enhancing; from 2023 on enhancing is 3.

    Args:
        images: Folder of the cases below the data folder, at any depth.
        table: A further table with one row per patient or case, joined by `patient_id`; "none" is
            without.
        patient_id: Column of `table` with the patient or the case.
        missing: Codes of the tables that mean not known.

    Source:
        Menze et al. 2015, IEEE Trans Med Imaging 34:1993; Baid et al. 2021, arXiv:2107.02314.
    """

    def __init__(
        self, *, images: str = ".", table: str = "none", patient_id: str = "patient_id",
        missing: tuple[str, ...] = ("", "NA"),
    ) -> None:  # fmt: skip
        self.images = images
        self.table = table
        self.patient_id = patient_id
        self.missing = missing

    def read(self, root: Path, *, name: str, files: Mapping[str, str]) -> Cohort:
        """Find every case and join the tables of the challenge; see `Source.read`."""
        found = find_cases(root / self.images)
        columns = _columns(found, root)
        records = list(found.records)
        notes = list(found.notes)
        for table, key in self._tables(root):
            own, note = self._joined(table, key, found.cases)
            strangers = {n: cells for n, cells in own.items() if n not in columns}
            columns |= strangers
            records.append(FileRecord(table.path, "used", "facts of patients"))
            notes.append(note)
        columns |= _follow_up(columns, found.cases)
        ids = tuple(case.patient_id for case in found.cases)
        lines = tuple(range(2, len(ids) + 2))
        place = root / self.images
        patterns = {modality: text for modality, text in files.items() if text != "none"}
        matched = match_files(
            columns, patterns, root=root, patient_ids=ids, lines=lines, table=place
        )
        known = {record.path for record in records}
        return Cohort(
            name=name, patient_id=ids, unit_id=tuple(case.name for case in found.cases),
            columns=columns, files=matched.files, line=lines, table=place, root=root,
            records=(*records, *(r for r in matched.records if r.path not in known)),
            rejections=(*found.rejections, *matched.rejections), notes=(*notes, *matched.notes),
            known_later=dict.fromkeys([n for n in LATER if n in columns], "during the follow-up"),
        )  # fmt: skip

    def _tables(self, root: Path) -> list[tuple[Table, str]]:
        """Tables that are there, with the column that names their rows; "" where it is sought."""
        places = dict.fromkeys((root, root / self.images))
        found: list[tuple[Table, str]] = []
        for name in TABLES:
            path = next((p / name for p in places if (p / name).is_file()), None)
            if path is not None:
                found.append((read_table(path, missing=self.missing), ""))
        if self.table != "none":
            own = read_table(root / self.table, missing=self.missing)
            if self.patient_id not in own.cells:
                raise StudyError(
                    f"cohort.patient_id: {own.path.name} has no column {self.patient_id!r}. "
                    f"{nearest(self.patient_id, own.columns)}"
                )
            found.append((own, self.patient_id))
        return found

    def _joined(self, table: Table, key: str, cases: Sequence[Case]) -> tuple[Columns, str]:
        """Cells of each case, and a sentence about how many have some."""
        names = {case.name for case in cases} | {case.patient_id for case in cases}
        key = key or max(table.columns, key=lambda c: len(names & {*table.cells[c]}))
        row_of: dict[str, int] = {}
        twice: list[str] = []
        for row, cell in enumerate(table.cells[key]):
            text = (cell or "").strip()
            if text in row_of:
                twice.append(f"row {table.lines[row]}: {shown(text)}")
            elif text in names:
                row_of[text] = row
        if twice:
            raise InputError(
                f"{table.path.name}, column {key}: one row for each is expected; again in "
                f"{listed(twice)}. Keep one."
            )
        rows = [row_of.get(case.name, row_of.get(case.patient_id, -1)) for case in cases]
        codes = {code.strip() for code in self.missing}
        columns: Columns = {}
        for name in table.columns:
            cells = [table.cells[name][row] if row >= 0 else None for row in rows]
            columns[name] = tuple(
                None if cell is None or cell.strip() in codes else cell for cell in cells
            )
        n_with = sum(row >= 0 for row in rows)
        note = f"{table.path.name}: facts of {n_with} of {counted(len(cases), 'case')}, by {key!r}"
        if n_strange := sum((cell or "").strip() not in names for cell in table.cells[key]):
            note += f"; {counted(n_strange, 'row')} of no case here"
        return columns, note


def _columns(found: Found, root: Path) -> Columns:
    """Case, time point, and the files of each sequence below the data folder."""
    columns: Columns = {
        "patient_id": tuple(case.patient_id for case in found.cases),
        "case": tuple(case.name for case in found.cases),
        "timepoint": tuple(case.timepoint or None for case in found.cases),
    }
    for name in SEQUENCES:
        paths = [case.files.get(name) for case in found.cases]
        columns[name] = tuple(
            None if path is None else path.relative_to(root).as_posix() for path in paths
        )
    return columns


def _follow_up(columns: Columns, cases: Sequence[Case]) -> Columns:
    """Days and death of `Survival_days`, whose cells are days, or "ALIVE (361 days later)"."""
    if "Survival_days" not in columns:
        return {}
    times: list[str | None] = []
    events: list[str | None] = []
    faults: list[str] = []
    for cell, case in zip(columns["Survival_days"], cases, strict=True):
        alive = _ALIVE.fullmatch(cell.strip()) if cell else None
        days = alive[1] if alive else (cell or "").strip()
        if cell and not re.fullmatch(r"[0-9]+(\.[0-9]+)?", days):
            faults.append(f"{case.name}: {shown(cell)}")
        times.append(days or None)
        events.append(None if cell is None else "0" if alive else "1")
    if faults:
        raise InputError(
            f"survival_info.csv, column Survival_days: expected days, or ALIVE (361 days later), "
            f"found {listed(faults)}. Mend the cells, or name the code in cohort.missing."
        )
    return {"time_days": tuple(times), "event": tuple(events)}
