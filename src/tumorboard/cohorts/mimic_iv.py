"""Hospital admissions of MIMIC-IV (also in the layout of MIMIC-III) as one analysis-ready table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from tumorboard.cohorts import Source, Tabulated
from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.formats.hospital_tables import find_tables, required
from tumorboard.formats.messages import counted, listed
from tumorboard.records import Cohort, FlowStep
from tumorboard.transforms.admission_table import AdmissionTable, key_faults, known_at
from tumorboard.transforms.admissions import (
    AT_ADMISSION,
    KNOWN_LATER,
    earlier_admissions,
    impossible_dates,
    read_admissions,
    still_there,
)
from tumorboard.transforms.comorbidity import comorbidity_flags
from tumorboard.transforms.diagnoses import code_query, coded_admissions, reading_codes
from tumorboard.transforms.lab_features import lab_features
from tumorboard.transforms.prescriptions import DRUG_CLASSES, drug_columns
from tumorboard.transforms.text_columns import text_columns

if TYPE_CHECKING:
    import polars

#: Tables that are read where the folder has them; the first two it must have.
TABLES = ("patients", "admissions", "diagnoses_icd", "labevents", "d_labitems", "prescriptions")
#: What tables that may be absent give, for the note that they are.
_GIVES: Mapping[str, str] = {"labevents": "lab values", "prescriptions": "drugs"}
_NO_UNITS: Mapping[str, str] = {}


class MimicIv(Source):
    """MIMIC-IV or MIMIC-III tables (CSV, CSV.gz, Parquet): one row per admission or per patient.

    Columns: facts at admission (age, sex, ...), what earlier admissions say, comorbidities
    (`elixhauser_<name>`, `elixhauser_ahrq_<name>`, `charlson_<name>`), labs
    (`lab_<itemid>_mean`, `_min`, `_max`, `_last`, `_count`), drugs (`drug_<class>`), outcomes.

    Args:
        tables: Folder of the tables, relative to the data folder; they may lie in `hosp` below it.
        icd: ICD-9 and ICD-10 prefixes, such as ["174", "C50"]: patients with such a code at any
            admission; empty for everybody. Where the tables hold both versions, a prefix that
            fits both needs "9:" or "10:".
        rows: "patient": one row, the index admission, which is the first with such a code;
            "admission": every admission of these patients, with `icd` from that first one on.
        before_first_code: Keep the admissions before it too: nobody can die in them.
        same_admission_codes: Comorbidities from the codes of the admission itself, which are
            assigned at discharge; else from the patient's earlier admissions.
        labs: Item ids of the lab values; empty for all, "none" for no lab columns.
        lab_window_hours: [from, to] in hours from admission, up to discharge; empty for all
            events that name the admission. Prescriptions count in the same time.
        lab_units: Item id -> the unit to keep, where the values of an item have several.
        prescriptions: Classes of drugs; empty for all, "none" for no drug columns.
        predict_at_hours: When the prediction is made, in hours from admission: facts of a later
            time are refused as predictors, and who is gone by then is left out.
        min_age: Youngest age at admission, in years.
        require_demographics: Leave out admissions without age or sex.
        impossible_dates: "stop": dates that cannot be are errors; "exclude": leave these out.
        patient_id: Name of the column of the patient's id in the table.
        missing: Cells that mean "not known".
    """

    row_id: ClassVar[str] = "admission_id"
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "task": {"target": "hospital_expire_flag", "positive": "1"},
    }

    def __init__(
        self, *, tables: str = ".", icd: tuple[str, ...] = (),
        rows: Literal["patient", "admission"] = "patient", before_first_code: bool = False,
        same_admission_codes: bool = False,
        labs: tuple[int, ...] | Literal["none"] = (), lab_window_hours: tuple[float, ...] = (),
        lab_units: Mapping[str, str] = _NO_UNITS,
        prescriptions: tuple[str, ...] | Literal["none"] = (), predict_at_hours: float = 0.0,
        min_age: float = 0.0, require_demographics: bool = True,
        impossible_dates: Literal["stop", "exclude"] = "stop", patient_id: str = "patient_id",
        missing: tuple[str, ...] = ("",),
    ) -> None:  # fmt: skip
        self.tables = tables
        self.icd = icd
        self.rows = rows
        self.before_first_code = before_first_code
        self.same_admission_codes = same_admission_codes
        self.labs = labs
        self.lab_window_hours = lab_window_hours
        self.lab_units = lab_units
        self.prescriptions = prescriptions
        self.predict_at_hours = predict_at_hours
        self.min_age = min_age
        self.require_demographics = require_demographics
        self.impossible_dates = impossible_dates
        self.patient_id = patient_id
        self.missing = missing
        self._check()

    def read(self, root: Path, *, name: str, files: Mapping[str, str]) -> Cohort:
        """Read the tables; see `Source.read`. Each row is an admission, its id the unit."""
        work = self._build(root)
        columns = text_columns(self._finished(work))
        return work.cohort(
            columns, name=name, root=root, files=files,
            patient_ids=[str(cell) for cell in columns[self.patient_id]],
            lines=work.stays["line_admissions"].to_list(), table=work.tables["admissions"].path,
        )  # fmt: skip

    def tabulate(self, root: Path) -> Tabulated:
        """The table in its own types: numbers as numbers, times as times."""
        work = self._build(root)
        frame = self._finished(work)
        return Tabulated(frame, work.used, flow=tuple(work.flow), notes=tuple(work.notes))

    def _build(self, root: Path) -> AdmissionTable:
        folder = root / self.tables
        tables = find_tables(folder, TABLES, missing=self.missing)
        patients = required(tables, "patients", folder)
        admissions = required(tables, "admissions", folder)
        stays, notes, without = read_admissions(patients, admissions)
        work = AdmissionTable(stays, tables, notes, person="subject_id", later=dict(KNOWN_LATER))
        if without:
            work.flow.append(FlowStep("without an admission", len(without), 0, without))
        history = stays.select("subject_id", "hadm_id", "admittime", "dischtime")
        self._select(work, folder)
        if not work.stays.height:
            raise InputError(f"{folder}: no admission is left ({work.steps}). Widen the cohort.")
        self._add_comorbidities(work, history)
        self._add_drugs(work, folder)
        # last: joining a table after it would copy all of it
        self._add_labs(work, folder, history["hadm_id"])
        return work

    def _select(self, work: AdmissionTable, folder: Path) -> None:
        import polars as pl

        if self.icd:
            diagnoses = required(work.tables, "diagnoses_icd", folder)
            coded = coded_admissions(diagnoses, self.icd)
            people = work.stays.filter(pl.col("hadm_id").is_in(coded))["subject_id"].unique()
            work.keep(
                pl.col("subject_id").is_in(people.to_list()),
                f"no diagnosis code that begins with {listed(list(self.icd))}",
            )
            is_index = pl.col("hadm_id").is_in(coded)
        else:
            is_index = pl.lit(value=True)
        wrong = self._impossible(work)
        first = pl.col("stay").filter(is_index).first().over("subject_id")
        before = pl.col("admittime") < pl.col("admittime").filter(is_index).min().over("subject_id")
        early = work.stays.filter(before)["stay"].to_list()
        if self.rows == "patient":
            work.keep(pl.col("stay") == first, "not the index admission")
        elif not self.before_first_code:
            work.keep(~pl.col("stay").is_in(early), "before the first admission with such a code")
        if (hours := self.predict_at_hours) > 0:
            work.keep(still_there(hours), f"discharged or dead within {hours:g} hours")
        if self.require_demographics:
            known = pl.col("age").is_not_null() & pl.col("gender").is_not_null()
            work.keep(known, "age or sex not known")
        if self.min_age > 0:
            young = pl.col("age").is_null() | (pl.col("age") >= self.min_age)
            work.keep(young, f"under {self.min_age:g} years")
        if wrong:
            work.keep(~pl.col("stay").is_in(list(wrong)), "impossible dates")
        work.note_before_first_code(pl.col("stay").is_in(early))

    def _impossible(self, work: AdmissionTable) -> dict[int, str]:
        tables = work.tables
        wrong = impossible_dates(work.stays, tables["patients"], tables["admissions"])
        if wrong and self.impossible_dates == "stop":
            raise InputError(
                f"impossible dates in {counted(len(wrong), 'admission')}: "
                f"{listed(list(wrong.values()))}. Mend them, or set cohort.impossible_dates = "
                '"exclude" to leave these admissions out.'
            )
        return wrong

    def _add_comorbidities(self, work: AdmissionTable, history: polars.DataFrame) -> None:
        import polars as pl

        if "diagnoses_icd" not in work.tables:
            work.notes.append("no table diagnoses_icd: no comorbidities")
            return
        diagnoses = work.tables["diagnoses_icd"]
        people = work.stays.select("subject_id").unique()
        admissions = history.join(people, on="subject_id", how="semi")
        with reading_codes(diagnoses):
            flags = comorbidity_flags(code_query(diagnoses, admissions, whole=work.everybody))
        if self.same_admission_codes:
            flags = flags.rename({"key": "hadm_id"})
            work.join(flags, "hadm_id", when="at discharge, when codes are assigned")
        else:
            work.join(earlier_admissions(flags, admissions), "hadm_id")
            n = work.stays.filter(pl.col(flags.columns[1]).is_null()).height
            work.notes.append(
                f"comorbidities come from codes of earlier admissions: {counted(n, 'row')} without "
                "an earlier coded admission have none (not known, rather than absent)"
            )

    def _add_labs(self, work: AdmissionTable, folder: Path, admissions: polars.Series) -> None:
        if isinstance(self.labs, str) or not self._has(work, folder, "labevents", self.labs):
            return
        found = lab_features(
            work.tables["labevents"], work.stays, admissions=admissions, items=self.labs,
            window_hours=self.lab_window_hours, units=self.lab_units,
            labels=work.tables.get("d_labitems"), everybody=work.everybody,
        )  # fmt: skip
        work.add(found.table, when=self._window_known())
        work.notes += found.notes

    def _add_drugs(self, work: AdmissionTable, folder: Path) -> None:
        wanted = self.prescriptions
        if isinstance(wanted, str) or not self._has(work, folder, "prescriptions", wanted):
            return
        found = drug_columns(
            work.tables["prescriptions"], work.stays,
            classes=wanted or tuple(DRUG_CLASSES), window_hours=self.lab_window_hours,
        )  # fmt: skip
        work.join(found, "stay", when=self._window_known())

    def _has(self, work: AdmissionTable, folder: Path, name: str, wanted: Sequence[object]) -> bool:
        """Whether a table is there; an error where the study names what it should hold."""
        if name in work.tables:
            return True
        if wanted:
            required(work.tables, name, folder)
        work.notes.append(f"no table {name}: no {_GIVES[name]}")
        return False

    def _window_known(self) -> str:
        """When labs and drugs are known, where that is after the prediction."""
        whole = "during the admission, up to discharge"
        return known_at(
            self.lab_window_hours, self.predict_at_hours, whole=whole, origin="admission"
        )

    def _finished(self, work: AdmissionTable) -> polars.DataFrame:
        """Columns in a fixed order under their names in a study; helpers are dropped."""
        import polars as pl

        frame = work.stays.rename({"gender": "sex", "hadm_id": "admission_id"})
        frame = frame.rename({"subject_id": self.patient_id}).with_columns(
            pl.col(self.patient_id, "admission_id").cast(pl.String)
        )
        first = [
            self.patient_id, "admission_id", "age", "sex", *AT_ADMISSION, "race", "admittime",
            "n_earlier_admissions", "days_since_prior_discharge", *KNOWN_LATER,
        ]  # fmt: skip
        helpers = ("stay", "line_patients", "line_admissions", "dob", "dod", "anchor_age")
        known = [name for name in first if name in frame.columns]
        rest = [n for n in frame.columns if n not in {*known, *helpers, "anchor_year"}]
        return frame.select(*known, *rest)

    def _check(self) -> None:
        faults = key_faults(
            icd=self.icd, rows=self.rows, before_first_code=self.before_first_code,
            window_hours=self.lab_window_hours, origin="admission",
        )  # fmt: skip
        for name in () if self.prescriptions == "none" else self.prescriptions:
            if name not in DRUG_CLASSES:
                known = tuple(DRUG_CLASSES)
                faults.append(f"cohort.prescriptions: {name!r}. {nearest(name, known)}")
        faults += [
            f'cohort.lab_units: {item!r} is no item id, such as {{"50912" = "mg/dL"}}.'
            for item in self.lab_units
            if not item.isdigit()
        ]
        if faults:
            raise StudyError(faults)
