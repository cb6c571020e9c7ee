"""The table of admissions while it grows: who is left out and why, what is known only later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tumorboard.errors import InputError
from tumorboard.formats.icd_codes import versions_of
from tumorboard.formats.messages import counted
from tumorboard.formats.named_files import match_files
from tumorboard.formats.table_scan import HospitalTable
from tumorboard.records import Cohort, FileRecord, FlowStep

if TYPE_CHECKING:
    import polars


@dataclass
class AdmissionTable:
    """Admissions, or stays on a unit, with their columns so far.

    Args:
        stays: One row per admission, in the order of the table that comes out.
        tables: The tables of the source that were found.
        notes: Sentences for the report.
        person: Column of `stays` with the patient.
        later: Column -> when its facts are known, where that is after the prediction.
        flow: Who was left out so far.
        everybody: Nobody has been left out, so that no table needs to be filtered.
    """

    stays: polars.DataFrame
    tables: Mapping[str, HospitalTable]
    notes: list[str]
    person: str
    later: dict[str, str]
    flow: list[FlowStep] = field(default_factory=list[FlowStep])
    everybody: bool = True

    def keep(self, test: polars.Expr, reason: str) -> None:
        """Leave out the rows that fail the test, and count who leaves with them."""
        gone = self.stays.filter(~test.fill_null(value=False))
        if not gone.height:
            return
        self.stays = self.stays.filter(test.fill_null(value=False))
        left = gone.join(self.stays, on=self.person, how="anti")[self.person].unique().sort()
        people = tuple(str(person) for person in left.to_list())
        self.flow.append(FlowStep(reason, len(people), gone.height, people))
        self.everybody = False

    def join(self, further: polars.DataFrame, on: str, *, when: str = "") -> None:
        """Add columns by their key; `when` says that they are known later than the prediction."""
        self.stays = self.stays.join(further, on=on, how="left", maintain_order="left")
        self.mark(further.columns, when, but=on)

    def add(self, further: polars.DataFrame, *, when: str = "") -> None:
        """Add the columns of a table with the same rows in the same order; nothing is copied."""
        self.stays = self.stays.with_columns(further.drop("stay").get_columns())
        self.mark(further.columns, when, but="stay")

    def mark(self, columns: Sequence[str], when: str, *, but: str) -> None:
        """Columns known later than the prediction; nothing where `when` is empty."""
        if when:
            self.later |= dict.fromkeys([name for name in columns if name != but], when)

    def note_before_first_code(self, test: polars.Expr) -> None:
        """Say what admissions before the first with a code do, where some are kept."""
        if n := self.stays.filter(test).height:
            rows = counted(n, "row is of an admission", "rows are of admissions")
            self.notes.append(
                f"{rows} before the patient's first with a code of cohort.icd "
                "(cohort.before_first_code): nobody dies in them, since the code came later, so "
                "death looks rarer than it is, and a short history seems to protect from it"
            )

    def cohort(
        self, columns: Mapping[str, tuple[str | None, ...]], *, name: str, root: Path,
        files: Mapping[str, str], patient_ids: Sequence[str], lines: Sequence[int], table: Path,
    ) -> Cohort:  # fmt: skip
        """The rows as a cohort, each an admission, its id the unit; files are matched to rows.

        Args:
            columns: The columns as text.
            name: Name of the cohort in messages.
            root: Folder that file names start from.
            files: Modality -> pattern of its files.
            patient_ids: Patient of each row.
            lines: Line of each row in `table`.
            table: The table that has a row per admission.
        """
        patterns = {modality: text for modality, text in files.items() if text != "none"}
        found = match_files(
            {column: list(cells) for column, cells in columns.items()}, patterns, root=root,
            patient_ids=patient_ids, lines=lines, table=table,
        )  # fmt: skip
        return Cohort(
            name=name,
            patient_id=tuple(patient_ids),
            unit_id=tuple(str(cell) for cell in columns["admission_id"]),
            columns=columns,
            files=found.files,
            line=tuple(lines),
            table=table,
            root=root,
            records=(*self.used, *found.records),
            rejections=found.rejections,
            flow=tuple(self.flow),
            notes=(*self.notes, *found.notes),
            known_later={c: when for c, when in self.later.items() if c in columns},
        )

    @property
    def used(self) -> tuple[FileRecord, ...]:
        """The files of the tables."""
        return tuple(FileRecord(t.path, "used", "hospital table") for t in self.tables.values())

    @property
    def steps(self) -> str:
        """What was left out, for a message."""
        return "; ".join(f"{step.reason}: {step.n_rows}" for step in self.flow)


def known_at(
    window_hours: Sequence[float], predict_at_hours: float, *, whole: str, origin: str
) -> str:
    """When the facts of a window are known; empty where that is not after the prediction.

    Args:
        window_hours: (from, to) in hours from the origin; empty for the whole stay.
        predict_at_hours: When the prediction is made.
        whole: When the facts of the whole stay are known.
        origin: What the hours count from.
    """
    if not window_hours:
        return whole
    if window_hours[1] > predict_at_hours:
        return f"up to {window_hours[1]:g} hours after {origin}"
    return ""


def key_faults(
    *, icd: Sequence[str], rows: str, before_first_code: bool, window_hours: Sequence[float],
    origin: str,
) -> list[str]:  # fmt: skip
    """What is wrong with the keys that sources of hospital tables share."""
    faults: list[str] = []
    if window_hours and (len(window_hours) != 2 or window_hours[0] >= window_hours[1]):
        faults.append(
            f"cohort.lab_window_hours: found {list(window_hours)}, expected [from, to] in hours "
            f"from {origin}, such as [-6, 24]."
        )
    if before_first_code and not (icd and rows == "admission"):
        faults.append(
            'cohort.before_first_code = true needs cohort.icd and cohort.rows = "admission".'
        )
    for prefix in icd:
        try:
            versions_of(prefix)
        except InputError as error:
            faults.append(f"cohort.icd: {error}")
    return faults
