"""Intensive-care stays of the eICU Collaborative Research Database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from tumorboard.cohorts import Source, Tabulated
from tumorboard.errors import InputError, StudyError
from tumorboard.formats.eicu_stays import AT_ADMISSION, earlier_stays, first_stays, read_stays
from tumorboard.formats.hospital_tables import find_tables, required
from tumorboard.formats.icd_codes import begins_with, version_of
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.named_files import match_files
from tumorboard.formats.patient_ids import check_patient_ids
from tumorboard.formats.table_scan import HospitalTable
from tumorboard.records import Cohort, FileRecord, FlowStep
from tumorboard.transforms.comorbidity import comorbidity_flags, implausible_codes
from tumorboard.transforms.eicu_events import (
    medication_columns,
    read_diagnoses,
    treatment_columns,
)
from tumorboard.transforms.eicu_labs import lab_columns
from tumorboard.transforms.text_columns import text_columns

if TYPE_CHECKING:
    import polars

_NO_UNITS: Mapping[str, str] = {}
_TABLES = ("patient", "diagnosis", "lab", "treatment", "medication")
_OUTCOMES = {"unitdischargestatus": "at unit discharge", "hospitaldischargestatus": "at discharge"}


@dataclass
class _Work:
    """The stays while they are selected and their columns are added."""

    stays: polars.DataFrame
    tables: Mapping[str, HospitalTable]
    notes: list[str]
    flow: list[FlowStep] = field(default_factory=list[FlowStep])
    later: dict[str, str] = field(default_factory=lambda: dict(_OUTCOMES))

    def keep(self, kept: polars.DataFrame, reason: str) -> None:
        """Go on with these stays; who left is in the flow."""
        still = set(kept["patient_id"].to_list())
        gone = [p for p in dict.fromkeys(self.stays["patient_id"].to_list()) if p not in still]
        n_rows = self.stays.height - kept.height
        self.flow.append(FlowStep(reason, len(gone), n_rows, tuple(gone)))
        self.stays = kept

    def add(self, columns: polars.DataFrame, when: str) -> None:
        """Columns by `admission_id`; `when` says that they are known later than the prediction."""
        self.stays = self.stays.join(columns, on="admission_id", how="left", maintain_order="left")
        if when:
            self.later |= dict.fromkeys([c for c in columns.columns if c != "admission_id"], when)


class Eicu(Source):
    """eICU tables (CSV, CSV.gz, Parquet): one row per unit stay, or the first of each patient.

    Columns: facts at unit admission (`age`, `sex`, ...), comorbidities (`elixhauser_<name>`,
    `elixhauser_ahrq_<name>`, `charlson_<name>`), labs (`lab_<name>_mean`, `_min`, `_max`, `_last`,
    `_count`), `treatment_<class>`, `drug_<class>`, and both discharge states. The database has no
    dates. Comorbidities come from stays that certainly came before: a smaller visit number in the
    same hospital stay, or a discharge in an earlier year. They are empty, not 0, where no such stay
    has diagnoses. Age "> 89" is 90, with 1 in `age_over_89`.

    Args:
        tables: Folder of the tables, relative to the data folder.
        icd: ICD-9 and ICD-10 prefixes, such as ["174", "C50"]: patients with such a code in any
            stay; empty for everybody. A prefix that fits codes of both needs "9:" or "10:".
        rows: "patient": the first stay (with `icd`, the first with such a code); between hospital
            stays of one year the first in the file, since nobody knows their order; "admission":
            every unit stay of these patients.
        same_admission_codes: Comorbidities from the diagnoses of the stay itself, which are written
            down in its course; else from earlier stays.
        labs: Names of labs; empty for all, "none" for no lab columns.
        lab_window_hours: [from, to] in hours from unit admission, for labs, treatments and drugs;
            empty for the whole stay.
        lab_units: Lab -> the unit whose values are kept, as the hospital or the database wrote it.
        predict_at_hours: When the prediction is made, in hours from unit admission: facts of a
            later time are refused as predictors, and who is gone by then is left out.
        patient_id: Name of the column of the patient's id in the table.
        missing: Cells that mean "not known".
    """

    row_id: ClassVar[str] = "admission_id"
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "task": {"target": "hospitaldischargestatus", "positive": "Expired"}
    }

    def __init__(
        self, *, tables: str = ".", icd: tuple[str, ...] = (),
        rows: Literal["patient", "admission"] = "patient", same_admission_codes: bool = False,
        labs: tuple[str, ...] | Literal["none"] = (), lab_window_hours: tuple[float, ...] = (),
        lab_units: Mapping[str, str] = _NO_UNITS, predict_at_hours: float = 0.0,
        patient_id: str = "patient_id", missing: tuple[str, ...] = ("",),
    ) -> None:  # fmt: skip
        self.tables = tables
        self.icd = icd
        self.rows = rows
        self.same_admission_codes = same_admission_codes
        self.labs = labs
        self.lab_window_hours = lab_window_hours
        self.lab_units = lab_units
        self.predict_at_hours = predict_at_hours
        self.patient_id = patient_id
        self.missing = missing
        self._check()

    def _check(self) -> None:
        faults: list[str] = []
        window = self.lab_window_hours
        if window and (len(window) != 2 or window[0] >= window[1]):
            faults.append(
                f"cohort.lab_window_hours: found {list(window)}, expected [from, to] in hours from "
                "unit admission, such as [-6, 24]."
            )
        for prefix in self.icd:
            try:
                version_of(prefix)
            except InputError as error:
                faults.append(f"cohort.icd: {error}")
        if faults:
            raise StudyError(faults)

    def tabulate(self, root: Path) -> Tabulated:
        """Every row with its columns in their own types; see `Source.tabulate`."""
        work = self._build(root)
        frame = self._finished(work).drop("line")
        used = tuple(FileRecord(t.path, "used", "hospital table") for t in work.tables.values())
        return Tabulated(frame, used, flow=tuple(work.flow), notes=tuple(work.notes))

    def read(self, root: Path, *, name: str, files: Mapping[str, str]) -> Cohort:
        """Read the stays; see `Source.read`. Each row is a unit stay, its id the unit."""
        work = self._build(root)
        frame = self._finished(work)
        path, lines = work.tables["patient"].path, frame["line"].to_list()
        columns = text_columns(frame.drop("line"))
        ids, more = check_patient_ids(
            columns[self.patient_id], column="uniquepid", lines=lines, table=path
        )
        columns[self.patient_id] = tuple(ids)
        patterns = {modality: text for modality, text in files.items() if text != "none"}
        found = match_files(columns, patterns, root=root, patient_ids=ids, lines=lines, table=path)
        tables = [FileRecord(t.path, "used", "hospital table") for t in work.tables.values()]
        return Cohort(
            name=name,
            patient_id=tuple(ids),
            unit_id=tuple(str(cell) for cell in columns["admission_id"]),
            columns=columns,
            files=found.files,
            line=tuple(lines),
            table=path,
            root=root,
            records=(*tables, *found.records),
            rejections=found.rejections,
            flow=tuple(work.flow),
            notes=(*work.notes, *more, *found.notes),
            known_later={c: when for c, when in work.later.items() if c in columns},
        )

    def _build(self, root: Path) -> _Work:
        folder = root / self.tables
        tables = find_tables(folder, _TABLES, missing=self.missing)
        everybody, notes = read_stays(required(tables, "patient", folder))
        work = _Work(everybody, tables, notes)
        codes = None
        if self.icd or "diagnosis" in tables:
            codes = read_diagnoses(required(tables, "diagnosis", folder))
            odd = implausible_codes(codes)
            if odd:
                notes.append(f"diagnosis: codes of no known shape are ignored: {listed(odd)}")
        self._select(work, codes)
        if not work.stays.height:
            steps = "; ".join(f"{step.reason}: {step.n_rows}" for step in work.flow)
            raise InputError(f"{folder}: no stay is left ({steps}). Widen the cohort.")
        if codes is None:
            notes.append("no table diagnosis: no comorbidities")
        else:
            self._add_comorbidities(work, codes, everybody)
        self._add_events(work, folder)
        return work

    def _select(self, work: _Work, codes: polars.DataFrame | None) -> None:
        import polars as pl

        indexed = work.stays
        if self.icd and codes is not None:
            test = begins_with(pl.col("code"), pl.col("version"), self.icd)
            coded = codes.filter(test)["key"].unique()
            indexed = work.stays.filter(pl.col("admission_id").is_in(coded.implode()))
            people = indexed["patient_id"].unique()
            of_people = work.stays.filter(pl.col("patient_id").is_in(people.implode()))
            work.keep(of_people, f"no diagnosis code that begins with {listed(list(self.icd))}")
        if self.rows == "patient":
            first, n_unsure = first_stays(indexed)
            work.keep(first, "not the index stay")
            if n_unsure:
                work.notes.append(
                    f"{counted(n_unsure, 'patient')} with several hospital stays in one year: "
                    "their order is not known; the first in the file was taken"
                )
        if (hours := self.predict_at_hours) > 0:
            gone = pl.col("unitdischargeoffset") <= 60 * hours
            still = work.stays.filter(~gone.fill_null(value=False))
            work.keep(still, f"discharged or dead within {hours:g} hours")

    def _add_comorbidities(
        self, work: _Work, codes: polars.DataFrame, everybody: polars.DataFrame
    ) -> None:
        """Empty, not 0, for stays whose history nobody knows."""
        import polars as pl

        if self.same_admission_codes:
            history, when = codes, "in the course of the stay, when diagnoses are written down"
        else:
            history = earlier_stays(everybody).join(codes, left_on="earlier", right_on="key")
            history = history.select(pl.col("admission_id").alias("key"), "code", "version")
            when = ""
        flags = comorbidity_flags(history).rename({"key": "admission_id"})
        work.add(flags, when)
        n = work.stays.filter(pl.col(flags.columns[1]).is_null()).height
        work.notes.append(
            f"comorbidities come from diagnoses of {'the stay' if when else 'earlier stays'}: "
            f"{counted(n, 'row')} without any have none (not known, rather than absent)"
        )

    def _add_events(self, work: _Work, folder: Path) -> None:
        window, tables = self.lab_window_hours, work.tables
        when = "during the stay"
        if window:
            when = f"up to {window[1]:g} hours after unit admission"
            when = when if window[1] > self.predict_at_hours else ""
        if self.labs and not isinstance(self.labs, str):
            required(tables, "lab", folder)
        if "lab" in tables and not isinstance(self.labs, str):
            values, notes = lab_columns(
                tables["lab"], work.stays, labs=self.labs, window_hours=window, units=self.lab_units
            )
            work.add(values, when)
            work.notes += notes
        if "treatment" in tables:
            work.add(treatment_columns(tables["treatment"], work.stays, window_hours=window), when)
        if "medication" in tables:
            work.add(
                medication_columns(tables["medication"], work.stays, window_hours=window), when
            )

    def _finished(self, work: _Work) -> polars.DataFrame:
        """Columns in a fixed order; what only served the order of stays is dropped."""
        first = [
            "line", "patient_id", "admission_id", "age", "age_over_89", "sex", "ethnicity",
            *AT_ADMISSION, "unitvisitnumber", "admissionheight", "admissionweight",
            "admission_diagnosis", *_OUTCOMES,
        ]  # fmt: skip
        known = [name for name in first if name in work.stays.columns]
        begin = ("elixhauser_", "charlson_", "lab_", "treatment_", "drug_")
        rest = [name for name in work.stays.columns if name.startswith(begin)]
        return work.stays.select(*known, *rest).rename({"patient_id": self.patient_id})
