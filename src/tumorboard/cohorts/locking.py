"""Who belongs to the locked test set: the same patients whatever seed, order or later growth."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tumorboard.cohorts.splits import patients_by_stratum
from tumorboard.errors import StudyError
from tumorboard.records import Ints


def lock_patients(
    patient_id: Sequence[str], strata: Ints, *, share: float, name: str,
    known: frozenset[str] = frozenset(),
) -> frozenset[str]:  # fmt: skip
    """Patients of the locked test set: a stratified share that no fold ever sees.

    Chosen by the hash of the study's name and the patient's id, so that neither another seed nor
    another order of rows opens a fresh set of patients. A patient who was locked once stays so,
    also when the cohort has grown.

    Args:
        patient_id: One per row.
        strata: (rows,) small integers.
        share: Of every stratum.
        name: Name of the study.
        known: Marks (`patient_mark`) of patients who were locked before.

    Raises:
        StudyError: A class has too few patients to leave three for the folds.
    """
    groups = patients_by_stratum(patient_id, strata)
    locked: set[str] = set()
    for patients in groups.values():
        n = max(round(share * len(patients)), 1)
        marks = {patient: patient_mark(name, patient) for patient in patients}
        before = [patient for patient in patients if marks[patient] in known]
        rest = sorted(set(patients) - set(before), key=lambda patient: marks[patient])
        chosen = [*before, *rest[: max(n - len(before), 0)]]
        if len(patients) - len(chosen) < 3:
            raise StudyError(
                f"evaluation.locked_test: {share:g} of a class with {len(patients)} patients "
                f"leaves {len(patients) - len(chosen)} for the folds, expected at least 3. Use a "
                "smaller share, or join classes."
            )
        locked.update(chosen)
    return frozenset(locked)


def patient_mark(name: str, patient: str) -> str:
    """What stands for a patient in a ledger: a hash that holds for one study alone."""
    return hashlib.sha256(f"{name}\x1f{patient}".encode()).hexdigest()[:16]
