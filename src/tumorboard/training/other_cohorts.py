"""Cohorts that no model is trained on: external ones, read by the rules of the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tumorboard.cache import Cache
from tumorboard.cohorts.selection import exclude_rows, keep_rows
from tumorboard.errors import InputError
from tumorboard.formats.messages import listed
from tumorboard.modalities import Measured
from tumorboard.records import Cohort, Outcomes, Rejection
from tumorboard.study import Study
from tumorboard.training.found_cohort import build_modality, read_other_table
from tumorboard.training.prepare import build_task, reading_notes
from tumorboard.training.references import References, with_masks


@dataclass(frozen=True)
class OtherCohort:
    """Patients of another cohort with a known outcome and at least one modality.

    Args:
        name: Its name in `[evaluation] external`.
        cohort: Their rows.
        outcomes: Their outcomes, in the classes of the study.
        measured: Modality -> measurements.
        rejections: Files that could not be used.
        references: Masks of the rows, where the task is a segmentation.
    """

    name: str
    cohort: Cohort
    outcomes: Outcomes
    measured: Mapping[str, Measured]
    rejections: tuple[Rejection, ...]
    references: References | None = None


def read_others(
    study: Study, root: Path, outcomes: Outcomes, *, cache: Cache
) -> tuple[OtherCohort, ...]:
    """Every cohort of `[evaluation] external`, read as the study reads its own.

    Args:
        study: The study.
        root: Folder that file names start from.
        outcomes: Outcomes of the study's own patients: labels and classes must be theirs.
        cache: Where prepared arrays are kept.

    Raises:
        InputError: A table is absent, lacks a column or holds a label that the study has not.
    """
    others = tuple(
        _read(study, root, outcomes, name, table, cache)
        for name, table in study.keys.evaluation.external.items()
    )
    _refuse_two_units(others)
    return others


def _refuse_two_units(others: Sequence[OtherCohort]) -> None:
    """Masks of all external cohorts stand in one table: in mm, or all in pixels."""
    known = {own.name: own.references.is_known for own in others if own.references is not None}
    if len(set(known.values())) > 1:
        sized = [name for name, is_known in known.items() if is_known]
        unsized = [name for name in known if name not in sized]
        raise InputError(
            f"evaluation.external: the images of {listed(sized)} say how large a voxel is, those "
            f"of {listed(unsized)} do not, so that distances have no common unit. Name them in "
            "two studies."
        )


def _read(
    study: Study, root: Path, outcomes: Outcomes, name: str, table: str, cache: Cache
) -> OtherCohort:
    path = root / table
    if not path.is_file():
        raise InputError(
            f"{path}: no such table (evaluation.external.{name}). Name a table relative to the "
            "folder of the data."
        )
    modalities = {key: build_modality(settings) for key, settings in study.modalities.items()}
    files = {key: m.pattern for key, m in modalities.items() if m.pattern != "none"}
    found = read_other_table(study, path, (path.parent, root), name=name, files=files)
    labels = _present_values(found, study)
    selected = exclude_rows(found, labels)
    task = build_task(study.keys.task)
    read = task.read(selected, values=outcomes.values)
    selected = selected.take(np.flatnonzero(read.kept))
    measured = {key: m.read(selected, name=key, cache=cache) for key, m in modalities.items()}
    some = np.asarray(np.stack([m.present for m in measured.values()]).any(axis=0), dtype=np.bool_)
    if not some.any():
        raise InputError(
            f"{path}: no patient with an outcome has one of the modalities "
            f"{', '.join(modalities)}. Check the file patterns."
        )
    needed, why = _needed(study), "none of the modalities present"
    if needed:  # as in the study itself: without them there is no outcome
        some, why = np.asarray(measured[needed].present), f"without {needed}"
        if not some.any():
            raise InputError(
                f"{path}: nobody has {needed}, which {_NEED[study.keys.task.kind]}. Add its files, "
                f"or remove evaluation.external.{name}."
            )
    if not some.all():
        selected = keep_rows(selected, some, why)
        measured = {key: m.read(selected, name=key, cache=cache) for key, m in modalities.items()}
    found, selected, measured, references = with_masks(
        study, task, modalities, found, selected, measured, cache
    )
    rejections = (*found.rejections, *(r for m in measured.values() for r in m.rejections))
    own = task.read(selected, values=outcomes.values)
    selected = replace(selected, notes=(*selected.notes, *reading_notes(measured)))
    return OtherCohort(name, selected, own, measured, rejections, references)


#: Why a task needs a modality of everybody.
_NEED = {
    "regression": "the targets are computed from (task.expression)",
    "segmentation": "is segmented (task.image)",
}


def _needed(study: Study) -> str:
    """The modality that the outcome of a row rests on; "" where it is in the table."""
    task = study.keys.task
    return next((name for name in (task.expression, task.image) if name != "none"), "")


def _present_values(cohort: Cohort, study: Study) -> dict[str, list[str]]:
    """`[cohort] exclude` with the values that this cohort has; another need not have them all."""
    found: dict[str, list[str]] = {}
    for column, values in study.keys.cohort.exclude.items():
        here = set(cohort.columns.get(column, ()))
        if kept := [value for value in values if value in here]:
            found[column] = kept
    return found
