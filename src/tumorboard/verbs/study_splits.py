"""Who trains, validates and tests in a study: by patient, and by unit beside it."""

from __future__ import annotations

from tumorboard.cohorts.splits import (
    split_by_institution,
    split_patients,
    split_units,
    split_validation,
    validate_by_unit,
)
from tumorboard.records import Ints, Split
from tumorboard.study import Study
from tumorboard.training.arm_rows import refuse_empty_parts
from tumorboard.training.batches import derive_seed
from tumorboard.training.prepare import Prepared

_NOBODY: frozenset[str] = frozenset()


def split_study(
    study: Study, prepared: Prepared, held_back: frozenset[str] = _NOBODY
) -> list[Split]:
    """The splits of the study: the same for every arm, without the locked patients."""
    keys = study.keys.evaluation
    cohort = prepared.cohort
    ids, rows, own = _open_rows(prepared, held_back)
    seed, classes = derive_seed(study.seed, "splits"), _names(prepared)
    if keys.folds_by == "institution":
        column = cohort.columns[study.keys.cohort.institution]
        splits = split_by_institution(
            ids, own, [column[i] for i in rows], repeats=keys.repeats,
            validation=keys.validation, seed=seed, classes=classes,
        )  # fmt: skip
    else:
        splits = split_patients(
            ids, own, folds=keys.folds, repeats=keys.repeats, holdout=_holdout(study),
            validation=keys.validation, seed=seed, classes=classes,
            spared=1 if keys.validation_by == "unit" else 2,
        )  # fmt: skip
    return _validating(study, prepared, splits, held_back)


def split_everybody(study: Study, prepared: Prepared, held_back: frozenset[str] = _NOBODY) -> Split:
    """Training and validation patients only: the model that is handed over needs no test part.

    Patients of the locked test set stay out, so that the set can judge this model too.
    """
    ids, _, own = _open_rows(prepared, held_back)
    holdout = _holdout(study)
    share = study.keys.evaluation.validation
    if holdout is not None:
        share = holdout[1] / (holdout[0] + holdout[1])
    split = split_validation(
        ids, own, share=share, seed=derive_seed(study.seed, "fit"),
        classes=_names(prepared),
        spared=1 if study.keys.evaluation.validation_by == "unit" else 2,
    )  # fmt: skip
    return _validating(study, prepared, [split], held_back)[0]


def units_apart(study: Study, prepared: Prepared, held_back: frozenset[str]) -> list[Split]:
    """The splits by unit, without the locked patients; empty where the study asks for none.

    Raises:
        StudyError: A class with too few units, or an arm that would have nobody to train on.
    """
    keys = study.keys.evaluation
    if keys.split_beside == "none":
        return []
    _, rows, own = _open_rows(prepared, held_back)
    splits = split_units(
        [prepared.cohort.unit_id[i] for i in rows],
        own,
        folds=keys.folds,
        repeats=keys.repeats,
        holdout=_holdout(study),
        validation=keys.validation,
        seed=derive_seed(study.seed, "splits by unit"),
        classes=_names(prepared),
        word=study.keys.task.unit,
    )
    refuse_empty_parts(study, prepared, splits)
    return splits


def _names(prepared: Prepared) -> tuple[str, ...]:
    """What each stratum is called."""
    return prepared.outcomes.classes or prepared.outcomes.groups


def _validating(
    study: Study, prepared: Prepared, splits: list[Split], held_back: frozenset[str]
) -> list[Split]:
    """The splits with units that validate, where the study cannot spare whole patients."""
    keys = study.keys.evaluation
    if keys.validation_by == "patient":
        return splits
    ids, rows, own = _open_rows(prepared, held_back)
    units = [prepared.cohort.unit_id[i] for i in rows]
    seed = derive_seed(study.seed, "splits")
    return validate_by_unit(splits, ids, units, own, validation=keys.validation, seed=seed)


def _open_rows(prepared: Prepared, held_back: frozenset[str]) -> tuple[list[str], list[int], Ints]:
    """Patient, number and stratum of every row that is not locked away."""
    every = prepared.cohort.patient_id
    rows = [i for i, patient in enumerate(every) if patient not in held_back]
    return [every[i] for i in rows], rows, prepared.outcomes.strata[rows]


def _holdout(study: Study) -> tuple[float, float, float] | None:
    shares = study.keys.evaluation.holdout
    return (shares[0], shares[1], shares[2]) if shares else None
