"""Who is left out of a study and why: every step is counted for the flow diagram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.records import Bools, Cohort, FlowStep, Rejection

NOTHING_REJECTED: Mapping[str, Sequence[Rejection]] = {}


def keep_rows(cohort: Cohort, mask: Bools, reason: str) -> Cohort:
    """The rows where `mask` is True, with a flow step for the others; patients count as they leave.

    Args:
        cohort: The patients.
        mask: (rows,) True where the row stays.
        reason: Sentence for the flow diagram.
    """
    gone = np.flatnonzero(~mask)
    if not gone.size:
        return cohort
    kept = cohort.take(np.flatnonzero(mask))
    staying = set(kept.patient_id)
    leaving = [patient for patient in cohort.patients if patient not in staying]
    step = FlowStep(reason, len(leaving), int(gone.size), tuple(leaving))
    return replace(kept, flow=(*cohort.flow, step))


def exclude_rows(cohort: Cohort, exclude: Mapping[str, list[str]]) -> Cohort:
    """Leave out the rows whose cell is one of the listed values, column by column.

    Args:
        cohort: The patients.
        exclude: Column -> values, from `[cohort] exclude`.

    Raises:
        StudyError: A column or a value that the table does not have, with the nearest; all of them.
    """
    problems: list[str] = []
    for column, values in exclude.items():
        if column not in cohort.columns:
            known = list(cohort.columns)
            problems.append(f"cohort.exclude: no column {column!r}. {nearest(column, known)}")
            continue
        found = sorted({cell for cell in cohort.columns[column] if cell is not None})
        problems += [
            f"cohort.exclude.{column}: no row has the value {value!r}. {_suggest(value, found)}"
            for value in values
            if value not in found
        ]
    if problems:
        raise StudyError(problems)
    for column, values in exclude.items():
        for value in values:
            mask = np.array([cell != value for cell in cohort.columns[column]], dtype=np.bool_)
            cohort = keep_rows(cohort, mask, f"{column} is {value}")
    return _refuse_empty(cohort, "cohort.exclude")


def _suggest(value: str, found: Sequence[str]) -> str:
    sentence = nearest(value, found)
    return sentence if len(sentence) < 300 else f"The column has {len(found)} values."


def require_modalities(
    cohort: Cohort, present: Mapping[str, Bools], require: Sequence[str], *,
    rejections: Mapping[str, Sequence[Rejection]] = NOTHING_REJECTED,
) -> Cohort:  # fmt: skip
    """Leave out patients who have none of their rows with a required modality, and their rows.

    Args:
        cohort: The patients.
        present: Modality -> (rows,) True where the row has it.
        require: Modality names, from `[cohort] require`.
        rejections: Modality -> its files that could not be used.

    Raises:
        StudyError: A modality that the study does not have, or nobody is left.
        InputError: Nobody's files of a modality can be used.
    """
    strangers = [name for name in require if name not in present]
    if strangers:
        raise StudyError(
            [
                f"cohort.require: no modality {name!r}. {nearest(name, list(present))}"
                for name in strangers
            ]
        )
    everybody = cohort.patient_id
    for name in require:
        lost = rejections.get(name, ())
        if lost and not present[name].any():
            raise InputError(
                f"modalities.{name}: no patient's files can be used, such as those of patient "
                f"{lost[0].patient_id}: {lost[0].reason}"
            )
        having = {p for p, has in zip(everybody, present[name].tolist(), strict=True) if has}
        mask = np.array([patient in having for patient in cohort.patient_id], dtype=np.bool_)
        cohort = keep_rows(cohort, mask, f"without {name}")
    return _refuse_empty(cohort, "cohort.require")


def _refuse_empty(cohort: Cohort, key: str) -> Cohort:
    if cohort.n_rows:
        return cohort
    steps = ", ".join(f"{step.reason}: {step.n_patients}" for step in cohort.flow)
    raise StudyError(f"{key}: no patient is left ({steps}).")
