"""Rows of MIMIC-IV tables of simulated patients: admissions, codes, lab events, prescriptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tumorboard.records import Bools, Floats, Ints
from tumorboard.transforms.simulated_stays import CONDITIONS, LABS, MOST_EARLIER, Stays

if TYPE_CHECKING:
    import polars

#: Id of the first patient with breast cancer. Every second number is theirs, the next one that of
#: the patient without who may stand beside.
_FIRST_SUBJECT = 10_000_000
#: Codes that discharge of those who die most often brings: fluid disorders, coagulopathy.
LEAKING = (("2762", "E872"), ("2869", "D689"))
_BREAST, _PNEUMONIA = ("1749", "C50919"), ("486", "J189")
#: Share of the patients who died, and of the others, whose admission has a leaking code.
_LEAK_DIED, _LEAK_LEFT = 0.8, 0.05
#: mg/dL of creatinine in micromole per litre.
MICROMOLES = 88.42
_DRUGS = ("Furosemide", "Ondansetron", "Heparin", "Insulin", "Pantoprazole")
_EPOCH = np.datetime64("2140-01-01T00:00:00", "ms")
_DAY, _HOUR = 86_400, 3_600


@dataclass(frozen=True)
class Visits:
    """Admissions of a piece of the cohort, one entry each.

    Args:
        patient: Number of the patient in the piece.
        number: Number of the admission, from 0.
        is_index: Whether it is the predicted one.
        subject_id: The patient's id.
        hadm_id: The admission's id.
        admitted: Time of admission.
        left: Time of discharge.
        version: 9 or 10: which ICD its codes are of.
    """

    patient: Ints
    number: Ints
    is_index: Bools
    subject_id: Ints
    hadm_id: Ints
    admitted: NDArray[np.datetime64]
    left: NDArray[np.datetime64]
    version: Ints


def subject_ids(patient: Ints) -> Ints:
    """Ids of patients with breast cancer of these numbers, counted from 0."""
    return _FIRST_SUBJECT + 2 * patient


def visits_of(stays: Stays, first: int) -> Visits:
    """Every admission of patients with breast cancer, patient by patient."""
    number = np.arange(MOST_EARLIER + 1)
    patient, which = np.nonzero(number[None, :] <= stays.n_earlier[:, None])
    start = stays.start_day[patient, which] * _DAY + stays.hour[patient, which] * _HOUR
    admitted = _EPOCH + start.astype("timedelta64[s]")
    length = (stays.length_days[patient, which] * _DAY).astype("timedelta64[s]")
    version = np.where(which >= stays.first_icd10[patient], 10, 9)
    subject = subject_ids(first + patient)
    return Visits(
        patient, which, which == stays.n_earlier[patient], subject, 10 * subject + which,
        admitted, admitted + length, version,
    )  # fmt: skip


def others_of(stays: Stays, first: int) -> Visits:
    """One admission of each patient without breast cancer, who stands beside one with it."""
    patient = np.flatnonzero(stays.has_other)
    admitted = _EPOCH + (stays.start_day[patient, 0] * _DAY).astype("timedelta64[s]")
    subject = subject_ids(first + patient) + 1
    n = len(patient)
    return Visits(
        patient, np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.bool_), subject, 10 * subject,
        admitted, admitted + np.timedelta64(3 * _DAY, "s"), np.full(n, 10),
    )  # fmt: skip


def patient_rows(stays: Stays, visits: Visits) -> polars.DataFrame:
    """Rows of `patients`: the anchor year is that of the patient's last admission."""
    import polars as pl

    last = np.append(visits.subject_id[1:] != visits.subject_id[:-1], [True])[: len(visits.patient)]
    patient = visits.patient[last]
    year = visits.admitted[last].astype("datetime64[Y]").astype(np.int64) + 1970
    died = stays.died[patient] & visits.is_index[last]
    day = np.where(died, visits.left[last], np.datetime64("NaT")).astype("datetime64[D]")
    return pl.DataFrame({
        "subject_id": visits.subject_id[last],
        "gender": np.where(stays.is_female[patient], "F", "M"),
        "anchor_age": stays.age[patient],
        "anchor_year": year,
        "anchor_year_group": ["2014 - 2016"] * len(patient),
        "dod": day,
    })  # fmt: skip


def admission_rows(stays: Stays, visits: Visits) -> polars.DataFrame:
    """Rows of `admissions`; who dies does so at discharge."""
    import polars as pl

    died = stays.died[visits.patient] & visits.is_index
    n = len(died)
    place = np.where(died, "DIED", "HOME")
    return pl.DataFrame({
        "subject_id": visits.subject_id,
        "hadm_id": visits.hadm_id,
        "admittime": visits.admitted,
        "dischtime": visits.left,
        "deathtime": np.where(died, visits.left, np.datetime64("NaT")),
        "admission_type": ["EW EMER."] * n,
        "admission_location": ["EMERGENCY ROOM"] * n,
        "discharge_location": place,
        "insurance": ["Other"] * n,
        "language": ["ENGLISH"] * n,
        "marital_status": ["SINGLE"] * n,
        "race": ["UNKNOWN"] * n,
        "hospital_expire_flag": died.astype(np.int64),
    })  # fmt: skip


def diagnosis_rows(stays: Stays, visits: Visits, *, breast: bool) -> polars.DataFrame:
    """Rows of `diagnoses_icd`: what was seen at each admission, in its version.

    Breast cancer is coded at the predicted admission, conditions at an earlier one, and at
    discharge of the predicted one what tells of the outcome.
    """
    import polars as pl

    found: list[tuple[Bools, tuple[str, str]]] = []
    always = np.ones(len(visits.patient), dtype=np.bool_)
    found.append((visits.is_index if breast else ~always, _BREAST))
    found.append((~visits.is_index if breast else always, _PNEUMONIA))
    if breast:
        for c, condition in enumerate(CONDITIONS.values()):
            own = stays.has[:, c][visits.patient]
            own = own & (stays.coded_at[:, c][visits.patient] == visits.number)
            found.append((own, (condition.icd9, condition.icd10)))
        share = np.where(stays.died, _LEAK_DIED, _LEAK_LEFT)
        for k, codes in enumerate(LEAKING):
            leaks = (stays.leaks[:, k] < share)[visits.patient]
            found.append((visits.is_index & leaks, codes))
    has = np.stack([own for own, _ in found], axis=1)
    visit, which = np.nonzero(has)
    codes = np.asarray([codes for _, codes in found])
    version = visits.version[visit]
    return pl.DataFrame({
        "subject_id": visits.subject_id[visit],
        "hadm_id": visits.hadm_id[visit],
        "seq_num": (np.cumsum(has, axis=1)[visit, which]),
        "icd_code": codes[which, (version == 10).astype(np.int64)],
        "icd_version": version,
    })  # fmt: skip


def lab_rows(
    stays: Stays,
    visits: Visits,
    first: int,
    *,
    seed: tuple[int, int],
    events: int,
    mixed_units: bool,
) -> polars.DataFrame:
    """Rows of `labevents` without their number.

    Each lab that was taken before the predicted admission stands once, 1 to 20 hours before it;
    then `events` of any item in the course of each admission, worse where the patient dies.

    Args:
        stays: The patients.
        visits: Their admissions.
        first: Number of the first patient.
        seed: The cohort's, and which stream of draws of the patient.
        events: Events in the course of each admission.
        mixed_units: Creatinine of every second patient in micromole per litre.
    """
    before = np.nonzero(visits.is_index[:, None] & ~stays.is_missing[visits.patient])
    early = visits.admitted[before[0]] - ((1 + 2 * before[1]) * _HOUR).astype("timedelta64[s]")
    standard = stays.labs[visits.patient[before[0]], before[1]]
    n_patients = int(visits.patient.max(initial=-1)) + 1
    size = (MOST_EARLIER + 1, events)
    generators = [np.random.default_rng([seed[0], first + i, seed[1]]) for i in range(n_patients)]
    drawn = np.asarray([rng.random((3, *size)) for rng in generators]).reshape(-1, 3, *size)
    drawn = drawn[visits.patient]
    item, share, noise = drawn[np.arange(len(drawn)), :, visits.number].transpose(1, 0, 2)
    which = (item * len(LABS)).astype(np.int64)
    died = (stays.died[visits.patient] & visits.is_index)[:, None]
    effects = np.sign([lab.effect for lab in LABS])[which]
    during = 3.4 * (noise - 0.5) + died * effects  # as wide as a standard normal number, bounded
    length = (visits.left - visits.admitted).astype(np.int64)[:, None]
    since = _HOUR * 1000 + share * (length - _HOUR * 1000)  # ms: from one hour after admission on
    late = visits.admitted[:, None] + (since // 1000).astype("timedelta64[s]")
    visit = np.concatenate([before[0], np.repeat(np.arange(len(visits.patient)), events)])
    return _events(
        visits, visit, np.concatenate([before[1], which.ravel()]),
        np.concatenate([standard, during.ravel()]), np.concatenate([early, late.ravel()]),
        mixed_units=mixed_units,
    )  # fmt: skip


def _events(
    visits: Visits, visit: Ints, which: Ints, standard: Floats, time: NDArray[np.datetime64], *,
    mixed_units: bool,
) -> polars.DataFrame:  # fmt: skip
    import polars as pl

    median, spread, decimals = (
        np.asarray([getattr(lab, key) for lab in LABS])[which]
        for key in ("median", "spread", "decimals")
    )
    value = median * np.exp(spread * standard)
    unit = np.asarray([lab.unit for lab in LABS])[which]
    if mixed_units:
        other = (which == 0) & (visits.subject_id[visit] // 2 % 2 == 1)
        value, unit = np.where(other, value * MICROMOLES, value), np.where(other, "umol/L", unit)
    value = np.round(value * 10.0**decimals) / 10.0**decimals
    order = np.lexsort((time, visits.subject_id[visit]))
    frame = pl.DataFrame({
        "subject_id": visits.subject_id[visit],
        "hadm_id": visits.hadm_id[visit],
        "itemid": np.asarray([lab.itemid for lab in LABS])[which],
        "charttime": time,
        "storetime": time + np.timedelta64(_HOUR, "s"),
        "valuenum": value,
        "valueuom": unit,
        "priority": ["ROUTINE"] * len(visit),
    })[order]  # fmt: skip
    return frame.with_columns(pl.col("valuenum").cast(pl.String).alias("value"))


def prescription_rows(visits: Visits) -> polars.DataFrame:
    """Rows of `prescriptions`: one drug for each admission, which tells nothing of the outcome."""
    import polars as pl

    drug = np.asarray(_DRUGS)[visits.hadm_id % len(_DRUGS)]
    start = visits.admitted + np.timedelta64(6 * _HOUR, "s")
    return pl.DataFrame({
        "subject_id": visits.subject_id,
        "hadm_id": visits.hadm_id,
        "pharmacy_id": visits.hadm_id,
        "starttime": start,
        "stoptime": start + np.timedelta64(_DAY, "s"),
        "drug_type": ["MAIN"] * len(drug),
        "drug": drug,
        "route": ["IV"] * len(drug),
    })  # fmt: skip
