"""Keys of a study file that contradict each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

from pydantic import BaseModel

from tumorboard import registry
from tumorboard.errors import nearest
from tumorboard.study_evaluation import NoteControl
from tumorboard.study_faults import show
from tumorboard.study_keys import Evaluation, Primary, StudyKeys, outcome_columns
from tumorboard.study_tasks import task_faults
from tumorboard.study_words import FINDINGS, READ_BY


def contradictions(keys: StudyKeys, given: Mapping[str, Any]) -> list[str]:
    """Sentences for keys that contradict each other.

    Args:
        keys: The study's keys.
        given: The tables of the file, to tell what the author wrote from a default.
    """
    return [
        *_splits(keys.evaluation),
        *_task(keys),
        *_taken_names(list(keys.arms)),
        *_beside(keys),
        *_cohort(keys),
        *_accepted(keys.audit.accept),
        *_named("explain.probes", keys.evaluation.probes, where="evaluation.probes"),
        *_named("explain", keys.evaluation.explain, where="evaluation.explain"),
        *unread("training", _table(given, "training"), keys.training, where="training"),
        *unread("evaluation", _table(given, "evaluation"), keys.evaluation, where="evaluation"),
    ]


def _table(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = given.get(name, {})
    return cast("Mapping[str, Any]", table) if isinstance(table, Mapping) else {}


def _splits(evaluation: Evaluation) -> list[str]:
    holdout = evaluation.holdout
    by_institution = evaluation.folds_by == "institution"
    if by_institution and (holdout or "folds" in evaluation.model_fields_set):
        other = "holdout" if holdout else "folds"
        return [
            f'evaluation.{other}: contradicts evaluation.folds_by = "institution", where every '
            "institution is one fold. Keep one of the two."
        ]
    if by_institution and evaluation.repeats > 1:
        # the test patients of a fold stay the same: ten folds of two institutions are still two
        return [
            'evaluation.repeats: contradicts evaluation.folds_by = "institution", whose folds are '
            "the same in every repeat and would be counted as further evidence. Remove it."
        ]
    if not holdout:
        return []
    sentences = [
        f"evaluation.{key}: contradicts evaluation.holdout{why}. Keep one of the two."
        for key, why in (("folds", ""), ("validation", ", whose second share it is"))
        if key in evaluation.model_fields_set
    ]
    if len(holdout) != 3 or abs(sum(holdout) - 1) > 1e-6 or min(holdout) <= 0:
        sentences.append(
            f"evaluation.holdout: found {show(holdout)}, expected three shares above 0 (train, "
            "validation, test) that sum to 1, such as [0.70, 0.15, 0.15]."
        )
    return sentences


def _beside(keys: StudyKeys) -> list[str]:
    if keys.evaluation.validation_by == "unit" and keys.task.unit == "patient":
        return [
            'evaluation.validation_by: "unit" is the patient where task.unit is "patient". Remove '
            "it, or set task.unit to row or annotation."
        ]
    if keys.evaluation.split_beside == "none":
        return []
    if keys.task.unit == "patient":
        return [
            'evaluation.split_beside: "unit" is the split by patient where task.unit is "patient". '
            "Remove it, or set task.unit to row or annotation."
        ]
    if keys.evaluation.folds_by == "institution":
        return [
            'evaluation.split_beside: has no counterpart of folds_by = "institution". Keep one of '
            "the two."
        ]
    return []


def _taken_names(arms: Sequence[str]) -> list[str]:
    """Arms that would be taken for another arm with other notes put in."""
    return [
        f"arms.{arm}-{control}: is the name of arm {arm!r} with a {control} note put in "
        "(evaluation.controls). Choose another name."
        for arm in arms
        for control in get_args(NoteControl)
        if f"{arm}-{control}" in arms
    ]


def _task(keys: StudyKeys) -> list[str]:
    task = keys.task
    sentences: list[str] = []
    if "." not in task.kind and task.kind not in registry.names("tasks"):
        sentences.append(f"task.kind: {registry.unknown('tasks', task.kind)}")
    if task.unit == "annotation" and _default_unit(keys.cohort.source) != "annotation":
        sentences.append(
            f"task.unit: annotation belongs to sources of annotations, and {keys.cohort.source!r} "
            "is none. Use patient or row."
        )
    sentences += task_faults(keys)
    columns = outcome_columns(task)
    for key in ("patient_id", "institution"):
        column = getattr(keys.cohort, key)
        if column in columns and column != "none":
            sentences.append(
                f"task.target: {column!r} is also cohort.{key}. Name the outcome's own column."
            )
    return sentences


def _default_unit(source: str) -> str:
    if source not in registry.names("cohorts"):
        return "patient"
    defaults: Mapping[str, Mapping[str, Any]] = registry.load("cohorts", source).defaults
    return str(defaults.get("task", {}).get("unit", "patient"))


def _cohort(keys: StudyKeys) -> list[str]:
    sentences = [
        f"cohort.require: {name!r} is not a modality of this study. "
        f"{nearest(name, list(keys.modalities))}"
        for name in keys.cohort.require
        if name not in keys.modalities
    ]
    if keys.evaluation.folds_by == "institution" and keys.cohort.institution == "none":
        sentences.append(
            'evaluation.folds_by: "institution" needs cohort.institution, the column that names it.'
        )
    for table in ("modalities", "arms"):
        names: Mapping[str, object] = getattr(keys, table)
        seen: dict[str, str] = {}
        for name in names:
            other = seen.setdefault(name.lower(), name)
            if other != name:
                sentences.append(
                    f"{table}.{name}: differs from {other!r} in capitals only, and names a folder. "
                    "Choose another name."
                )
    return sentences


def _accepted(codes: Sequence[str]) -> list[str]:
    return [
        f"audit.accept: {code!r} is not a finding of the audit. {nearest(code, FINDINGS)}"
        for code in codes
        if code not in FINDINGS
    ]


def _named(folder: str, names: Sequence[str], *, where: str) -> list[str]:
    """Sentences for names of components that there are not, and for those named twice."""
    known = registry.names(folder)
    unknown = [name for name in names if "." not in name and name not in known]
    sentences = [f"{where}: {registry.unknown(folder, name)}" for name in unknown]
    twice = sorted({name for name in names if names.count(name) > 1})
    return sentences + [f"{where}: {name!r} is named twice. Keep one." for name in twice]


def unread(root: str, given: Mapping[str, Any], table: BaseModel, *, where: str) -> list[str]:
    """Sentences for settings that the choice beside them never reads.

    In `[training]` only a value other than the default counts: an arm of a resolved study states
    them all.

    Args:
        root: First part of the keys in `READ_BY`.
        given: What the author wrote in this table.
        table: The table with every default.
        where: Path of the table in the study file.
    """
    sentences: list[str] = []
    for key, (choice, words) in READ_BY.items():
        first, *path = key.split(".")
        if first != root or _get(given, path) is None:
            continue
        value: Any = table
        for part in choice.split(".")[1:]:
            value = getattr(value, part)
        is_said = root == "evaluation" or _get(given, path) != _default(table, path)
        if value not in words and is_said:
            own = ".".join([where, *choice.split(".")[1:]])
            wanted = " or ".join(map(show, words))
            sentences.append(
                f"{'.'.join([where, *path])}: is read only where {own} is {wanted}, but it is "
                f"{show(value)}. Remove one of the two."
            )
    return sentences


def _get(given: Mapping[str, Any], path: Sequence[str]) -> object:
    """What the author wrote under a path; None where nothing is written there."""
    value: Any = given
    for part in path:
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = cast("Mapping[str, Any]", value)[part]
    return value


def _default(table: BaseModel, path: Sequence[str]) -> object:
    value: Any = type(table)()
    for part in path:
        value = getattr(value, part)
    return value


def predictors(
    keys: StudyKeys, name: str, settings: Mapping[str, Any], columns: Sequence[str]
) -> list[str]:
    """Sentences for predictors of a modality that are the outcome, the patient or the centre."""
    roles = {
        keys.cohort.institution: "the institution (cohort.institution)",
        keys.cohort.patient_id: "the patient's number (cohort.patient_id)",
        **dict.fromkeys(outcome_columns(keys.task), "the outcome (task.target)"),
    }
    roles.pop("none", None)
    sentences: list[str] = []
    for column in columns:
        if column in roles:
            lists = [k for k, v in settings.items() if isinstance(v, list) and column in v]
            where = ".".join(["modalities", name, *lists[:1]])
            sentences.append(
                f"{where}: {column!r} is {roles[column]} and cannot be a predictor. Remove it."
            )
    return sentences


def primary_faults(keys: StudyKeys, arms: Sequence[str]) -> list[str]:
    """Sentences about the primary comparison, if the study names one."""
    primary = keys.evaluation.primary
    if not isinstance(primary, Primary):
        return []
    sentences = [
        f"evaluation.primary.{role}: {name!r} is not an arm of this study. "
        f"{nearest(name, list(arms))}"
        for role, name in (("arm", primary.arm), ("reference", primary.reference))
        if name not in arms
    ]
    if primary.arm == primary.reference:
        sentences.append(
            f"evaluation.primary: compares {primary.arm!r} with itself. Name another reference."
        )
    return sentences
