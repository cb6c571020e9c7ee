"""Intensive-care stays of the eICU Collaborative Research Database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from tumorboard.cohorts import Source, Tabulated
from tumorboard.errors import InputError, StudyError
from tumorboard.formats.eicu_stays import (
    AT_ADMISSION,
    before_first,
    earlier_stays,
    first_stays,
    read_stays,
)
from tumorboard.formats.hospital_tables import find_tables, required
from tumorboard.formats.icd_codes import begins_with
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.patient_ids import check_patient_ids
from tumorboard.records import Cohort
from tumorboard.transforms.admission_table import AdmissionTable, key_faults, known_at
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
            stay; empty for everybody. Where the tables hold both versions, a prefix that fits both
            needs "9:" or "10:".
        rows: "patient": the first stay (with `icd`, the first with such a code); between hospital
            stays of one year the first in the file, since nobody knows their order; "admission":
            every unit stay of these patients, with `icd` without those that certainly came before
            the first with such a code.
        before_first_code: Keep the stays before it too: nobody can die in them.
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
        rows: Literal["patient", "admission"] = "patient", before_first_code: bool = False,
        same_admission_codes: bool = False,
        labs: tuple[str, ...] | Literal["none"] = (), lab_window_hours: tuple[float, ...] = (),
        lab_units: Mapping[str, str] = _NO_UNITS, predict_at_hours: float = 0.0,
        patient_id: str = "patient_id", missing: tuple[str, ...] = ("",),
    ) -> None:  # fmt: skip
        self.tables = tables
        self.icd = icd
        self.rows = rows
        self.before_first_code = before_first_code
        self.same_admission_codes = same_admission_codes
        self.labs = labs
        self.lab_window_hours = lab_window_hours
        self.lab_units = lab_units
        self.predict_at_hours = predict_at_hours
        self.patient_id = patient_id
        self.missing = missing
        self._check()

    def _check(self) -> None:
        faults = key_faults(
            icd=self.icd, rows=self.rows, before_first_code=self.before_first_code,
            window_hours=self.lab_window_hours, origin="unit admission",
        )  # fmt: skip
        if faults:
            raise StudyError(faults)

    def tabulate(self, root: Path) -> Tabulated:
        """Every row with its columns in their own types; see `Source.tabulate`."""
        work = self._build(root)
        frame = self._finished(work).drop("line")
        return Tabulated(frame, work.used, flow=tuple(work.flow), notes=tuple(work.notes))

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
        work.notes += more
        return work.cohort(
            columns, name=name, root=root, files=files, patient_ids=ids, lines=lines, table=path
        )

    def _build(self, root: Path) -> AdmissionTable:
        folder = root / self.tables
        tables = find_tables(folder, _TABLES, missing=self.missing)
        everybody, notes = read_stays(required(tables, "patient", folder))
        work = AdmissionTable(everybody, tables, notes, person="patient_id", later=dict(_OUTCOMES))
        codes = None
        if self.icd or "diagnosis" in tables:
            codes = read_diagnoses(required(tables, "diagnosis", folder))
            odd = implausible_codes(codes)
            if odd:
                notes.append(f"diagnosis: codes of no known shape are ignored: {listed(odd)}")
        self._select(work, codes)
        if not work.stays.height:
            raise InputError(f"{folder}: no stay is left ({work.steps}). Widen the cohort.")
        if codes is None:
            notes.append("no table diagnosis: no comorbidities")
        else:
            self._add_comorbidities(work, codes, everybody)
        self._add_events(work, folder)
        return work

    def _select(self, work: AdmissionTable, codes: polars.DataFrame | None) -> None:
        import polars as pl

        indexed, early = work.stays, ()
        stay = pl.col("admission_id")
        if self.icd and codes is not None:
            indexed = self._coded(work.stays, codes)
            work.keep(
                pl.col("patient_id").is_in(indexed["patient_id"].unique().to_list()),
                f"no diagnosis code that begins with {listed(list(self.icd))}",
            )
            early = self._before_first_code(work, indexed)
        if self.rows == "patient":
            first, n_unsure = first_stays(indexed)
            work.keep(stay.is_in(first["admission_id"].to_list()), "not the index stay")
            if n_unsure:
                work.notes.append(
                    f"{counted(n_unsure, 'patient')} with several hospital stays in one year: "
                    "their order is not known; the first in the file was taken"
                )
        if (hours := self.predict_at_hours) > 0:
            gone = pl.col("unitdischargeoffset") <= 60 * hours
            work.keep(~gone.fill_null(value=False), f"discharged or dead within {hours:g} hours")
        work.note_before_first_code(stay.is_in(early))

    def _coded(self, stays: polars.DataFrame, codes: polars.DataFrame) -> polars.DataFrame:
        """Stays with a code that is asked for."""
        import polars as pl

        held = codes["version"].unique().drop_nulls()
        test = begins_with(pl.col("code"), pl.col("version"), self.icd, held=held)
        coded = codes.filter(test)["key"].unique()
        return stays.filter(pl.col("admission_id").is_in(coded.implode()))

    def _before_first_code(self, work: AdmissionTable, coded: polars.DataFrame) -> tuple[str, ...]:
        """Stays that certainly came before the first coded one; left out unless asked for."""
        import polars as pl

        if self.rows == "patient":
            return ()
        early, n_unsure = before_first(work.stays, coded)
        if not self.before_first_code:
            is_early = pl.col("admission_id").is_in(early)
            work.keep(~is_early, "before the first stay with such a code")
        if n_unsure:
            work.notes.append(
                f"{counted(n_unsure, 'stay')} of a hospital stay in the same year as the first "
                "with a code of cohort.icd: nobody knows which came first; kept"
            )
        return early

    def _add_comorbidities(
        self, work: AdmissionTable, codes: polars.DataFrame, everybody: polars.DataFrame
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
        work.join(flags, "admission_id", when=when)
        n = work.stays.filter(pl.col(flags.columns[1]).is_null()).height
        work.notes.append(
            f"comorbidities come from diagnoses of {'the stay' if when else 'earlier stays'}: "
            f"{counted(n, 'row')} without any have none (not known, rather than absent)"
        )

    def _add_events(self, work: AdmissionTable, folder: Path) -> None:
        window, tables = self.lab_window_hours, work.tables
        when = known_at(
            window, self.predict_at_hours, whole="during the stay", origin="unit admission"
        )
        if self.labs and not isinstance(self.labs, str):
            required(tables, "lab", folder)
        if "lab" in tables and not isinstance(self.labs, str):
            values, notes = lab_columns(
                tables["lab"], work.stays, labs=self.labs, window_hours=window, units=self.lab_units
            )
            work.join(values, "admission_id", when=when)
            work.notes += notes
        for name, columns in (("treatment", treatment_columns), ("medication", medication_columns)):
            if name in tables:
                found = columns(tables[name], work.stays, window_hours=window)
                work.join(found, "admission_id", when=when)

    def _finished(self, work: AdmissionTable) -> polars.DataFrame:
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
