"""Tables in the layout of MIMIC-IV whose in-hospital deaths are drawn from a known model."""

from __future__ import annotations

import csv
import inspect
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from tumorboard.cache import write_text
from tumorboard.errors import StudyError
from tumorboard.formats.gzip_tables import GzipTable
from tumorboard.records import Floats
from tumorboard.simulators import Bound, Simulator, best_auroc
from tumorboard.transforms import simulated_tables as tables
from tumorboard.transforms.simulated_stays import (
    AGE_EFFECT,
    CONDITIONS,
    LABS,
    DeathModel,
    Stays,
    draw_stays,
)

if TYPE_CHECKING:
    import polars

#: Patients written at a time, which bounds the memory, and those that the bounds come from.
_CHUNK, _N_MONTE_CARLO = 1_000, 20_000
#: Columns of MIMIC-IV v2.2.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "patients": (
        "subject_id", "gender", "anchor_age", "anchor_year", "anchor_year_group", "dod",
    ),
    "admissions": (
        "subject_id", "hadm_id", "admittime", "dischtime", "deathtime", "admission_type",
        "admit_provider_id", "admission_location", "discharge_location", "insurance", "language",
        "marital_status", "race", "edregtime", "edouttime", "hospital_expire_flag",
    ),
    "diagnoses_icd": ("subject_id", "hadm_id", "seq_num", "icd_code", "icd_version"),
    "d_icd_diagnoses": ("icd_code", "icd_version", "long_title"),
    "labevents": (
        "labevent_id", "subject_id", "hadm_id", "specimen_id", "itemid", "order_provider_id",
        "charttime", "storetime", "value", "valuenum", "valueuom", "ref_range_lower",
        "ref_range_upper", "flag", "priority", "comments",
    ),
    "d_labitems": ("itemid", "label", "fluid", "category"),
    "prescriptions": (
        "subject_id", "hadm_id", "pharmacy_id", "poe_id", "poe_seq", "order_provider_id",
        "starttime", "stoptime", "drug_type", "drug", "formulary_drug_cd", "gsn", "ndc",
        "prod_strength", "form_rx", "dose_val_rx", "dose_unit_rx", "form_val_disp",
        "form_unit_disp", "doses_per_24_hrs", "route",
    ),
}  # fmt: skip
_STUDY = """\
# Simulated hospital tables. truth.json beside this file holds the best AUROC that any model of the
# history, and of the history with the labs before the admission, can reach.
#     tumorboard evaluate study.toml
# With same_admission_codes = true the codes of the admission itself are predictors. They are
# assigned at discharge: the AUROC rises above the best one, and the audit says why. Disorders of
# fluids (fed) and of coagulation (coag) give it away, which mean nothing beforehand.

[study]
name = "simulated-mimic-iv"
question = "Do labs add to the history in predicting death in hospital?"
seed = {seed}

[cohort]
source = "mimic_iv"
icd = ["174", "C50"]
lab_window_hours = [-24, 0]            # before the admission
prescriptions = "none"
same_admission_codes = false
{units}
[task]
kind = "classification"
target = "hospital_expire_flag"
positive = "1"

[modalities.record]
kind = "table"
numeric = ["age", {conditions}, "elixhauser_fed", "elixhauser_coag", "lab_*_mean"]
categorical = ["sex"]
imputation = "median"
categories = "mode"
drop_missing_above = 0.8
encoder = {{name = "mlp", widths = [256, 128], dropout = 0.3}}

[modalities.history]
kind = "table"
numeric = ["age", {conditions}]
categorical = ["sex"]
encoder = {{name = "mlp", widths = [32, 16]}}

[arms]
mlp = {{modalities = ["record"]}}
boosting = {{modalities = ["record"], baseline = "gradient_boosting"}}
logistic = {{modalities = ["record"], baseline = "logistic_regression"}}
history = {{modalities = ["history"], baseline = "logistic_regression"}}

[training]
epochs = 30
batch_size = 256
sampler = "weighted"
optimizer = {{name = "adam", learning_rate = 1e-3, weight_decay = 1e-4}}
schedule = {{name = "step", every = 10, warmup_epochs = 2}}
stop = {{metric = "auroc", patience = 8}}

[evaluation]
folds = 5
repeats = 1
primary = {{arm = "logistic", reference = "history", metric = "auroc"}}

[report]
population = "simulated patients, nobody of flesh and blood"
"""


class MimicIv(Simulator):
    """Hospital tables like MIMIC-IV: death in hospital of breast cancer patients, known to chance.

    Age, comorbidities coded at earlier admissions and labs before the admission drive the outcome;
    codes and labs of the admission itself show it, but later. Patients without cancer stand beside.

    Args:
        history_signal: Factor on the effects of age and comorbidities; 0: they say nothing.
        lab_signal: Factor on the effects of the labs before the admission.
        death_rate: Share of patients who die in hospital, in the population drawn from.
        lab_events: Lab events in the course of each admission.
        missing_labs: Share of labs before the admission that were not taken.
        others: Patients without breast cancer for each one with it.
        mixed_units: Creatinine of every second patient in another unit.
    """

    def __init__(
        self,
        *,
        history_signal: float = 1.0,
        lab_signal: float = 1.0,
        death_rate: float = 0.2,
        lab_events: int = 20,
        missing_labs: float = 0.15,
        others: float = 0.25,
        mixed_units: bool = False,
    ) -> None:
        self.history_signal, self.lab_signal = history_signal, lab_signal
        self.death_rate, self.lab_events = death_rate, lab_events
        self.missing_labs, self.others = missing_labs, others
        self.mixed_units = mixed_units
        self._check()
        self.model = DeathModel(history_signal, lab_signal, death_rate)

    def _check(self) -> None:
        rules = (
            ("history_signal", abs(self.history_signal) <= 10, "-10 to 10"),
            ("lab_signal", abs(self.lab_signal) <= 10, "-10 to 10"),
            ("death_rate", 0.01 <= self.death_rate <= 0.99, "0.01 to 0.99"),
            ("lab_events", self.lab_events >= 0, "0 or more"),
            ("missing_labs", 0 <= self.missing_labs <= 0.9, "0 to 0.9"),
            ("others", 0 <= self.others <= 1, "0 to 1"),
        )
        faults = [
            f"mimic_iv.{key}: found {json.dumps(getattr(self, key))}, expected {expected}."
            for key, is_fine, expected in rules
            if not is_fine
        ]
        if faults:
            raise StudyError(faults)

    def settings(self) -> Mapping[str, object]:
        """Every setting with its value."""
        names = list(inspect.signature(MimicIv).parameters)
        return {name: getattr(self, name) for name in names}

    def draw(self, *, n_patients: int, seed: int, first: int = 0) -> Stays:
        """Draw patients with breast cancer from number `first` on."""
        return draw_stays(
            self.model, seed=seed, first=first, n=n_patients,
            missing_labs=self.missing_labs, others=self.others,
        )  # fmt: skip

    def best(self, stays: Stays) -> Mapping[str, Floats]:
        """P(death | history) and P(death | history and the labs that were taken)."""
        none = np.zeros_like(stays.is_missing)
        return {
            "history": self.model.probability(stays.age, stays.has, stays.labs, none),
            "prior": self.model.probability(stays.age, stays.has, stays.labs, ~stays.is_missing),
        }

    def best_auroc(self) -> Mapping[str, Bound]:
        """Best reachable AUROC in the population from the history, and from all prior facts."""
        found = self.best(self.draw(n_patients=_N_MONTE_CARLO, seed=0))
        return {name: best_auroc(p) for name, p in found.items()}

    def write(self, out: Path, *, n_patients: int, seed: int) -> None:
        """Write hosp/*.csv.gz, study.toml, truth.json and truth_patients.csv, in bounded memory."""
        (out / "hosp").mkdir()
        n_died = n_events = 0
        with ExitStack() as files:
            hosp = {
                name: files.enter_context(GzipTable(out / "hosp" / f"{name}.csv.gz", columns))
                for name, columns in COLUMNS.items()
            }
            truth = files.enter_context(
                (out / "truth_patients.csv").open("w", encoding="utf-8", newline="")
            )
            self._write_dictionaries(hosp)
            for first, stays in self._pieces(n_patients, seed):
                n_events += self._write_piece(hosp, stays, first, seed, n_events)
                self._write_truth_rows(truth, stays, first)
                n_died += int(stays.died.sum())
        conditions = ", ".join(f'"elixhauser_{name}"' for name in CONDITIONS)
        units = 'lab_units = {50912 = "mg/dL"}\n' if self.mixed_units else ""
        text = _STUDY.format(seed=seed, conditions=conditions, units=units)
        write_text(out / "study.toml", text)
        self._write_truth(out, n_patients, seed, n_died, n_events)

    def _pieces(self, n_patients: int, seed: int) -> Iterator[tuple[int, Stays]]:
        for first in range(0, n_patients, _CHUNK):
            n = min(_CHUNK, n_patients - first)
            yield first, self.draw(n_patients=n, seed=seed, first=first)

    def _write_dictionaries(self, hosp: Mapping[str, GzipTable]) -> None:
        import polars as pl

        codes = [
            (code, version, name)
            for name, condition in CONDITIONS.items()
            for version, code in ((9, condition.icd9), (10, condition.icd10))
        ]
        hosp["d_icd_diagnoses"].write(
            pl.DataFrame(codes, schema=["icd_code", "icd_version", "long_title"], orient="row")
        )
        items = [(lab.itemid, lab.label, "Blood", "Chemistry") for lab in LABS]
        hosp["d_labitems"].write(pl.DataFrame(items, schema=COLUMNS["d_labitems"], orient="row"))

    def _write_piece(
        self, hosp: Mapping[str, GzipTable], stays: Stays, first: int, seed: int, n_events: int
    ) -> int:
        """Rows of some patients and of those beside them; how many lab events they have."""
        import polars as pl

        kinds = ((tables.visits_of(stays, first), True), (tables.others_of(stays, first), False))
        rows: dict[str, list[polars.DataFrame]] = {}
        for visits, breast in kinds:
            labs = tables.lab_rows(
                stays, visits, first, seed=(seed, 1 if breast else 2), events=self.lab_events,
                mixed_units=self.mixed_units,
            )  # fmt: skip
            found = {
                "patients": tables.patient_rows(stays, visits),
                "admissions": tables.admission_rows(stays, visits),
                "diagnoses_icd": tables.diagnosis_rows(stays, visits, breast=breast),
                "labevents": labs,
                "prescriptions": tables.prescription_rows(visits),
            }
            for name, frame in found.items():
                rows.setdefault(name, []).append(frame)
        # patient by patient: a larger cohort begins with the smaller one
        whole = {n: pl.concat(f).sort("subject_id", maintain_order=True) for n, f in rows.items()}
        labs = whole["labevents"].with_row_index("labevent_id", offset=n_events + 1)
        for name, frame in {**whole, "labevents": labs}.items():
            hosp[name].write(frame)
        return labs.height

    def _write_truth_rows(self, file: TextIO, stays: Stays, first: int) -> None:
        writer = csv.writer(file, lineterminator="\n")
        best = self.best(stays)
        if first == 0:
            names = [f"best_{name}" for name in best]
            writer.writerow(["patient_id", "probability", *names])
        numbers = np.stack([stays.probability, *best.values()], axis=1)
        ids = tables.subject_ids(np.arange(first, first + len(numbers)))
        for subject, row in zip(ids.tolist(), numbers, strict=True):
            writer.writerow([subject, *(f"{x:.6f}" for x in row)])

    def _write_truth(
        self, out: Path, n_patients: int, seed: int, n_died: int, n_events: int
    ) -> None:
        truth: dict[str, Any] = {
            "simulator": "mimic_iv",
            "seed": seed,
            "n_patients": n_patients,
            "n_died": n_died,
            "n_lab_events": n_events,
            "settings": self.settings(),
            "intercept": self.model.intercept,
            "age_effect_per_decade": self.history_signal * AGE_EFFECT,
            "condition_effects": {
                name: self.history_signal * c.effect for name, c in CONDITIONS.items()
            },
            "lab_effects": {str(lab.itemid): self.lab_signal * lab.effect for lab in LABS},
            "codes_known_at_discharge": [list(codes) for codes in tables.LEAKING],
            "best_auroc": {name: asdict(bound) for name, bound in self.best_auroc().items()},
        }
        write_text(out / "truth.json", json.dumps(truth, indent=2) + "\n")
