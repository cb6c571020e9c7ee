"""Rules of `[task]` and of what belongs to it, one task after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

from tumorboard.errors import nearest
from tumorboard.study_evaluation import NoteControl
from tumorboard.study_faults import show
from tumorboard.study_keys import Primary, StudyKeys, TaskTable
from tumorboard.study_masks import segmentation_faults
from tumorboard.study_words import METRICS_OF

#: Losses of masks.
MASK_LOSSES = ("dice_ce", "dice_focal")
#: Beginning of a target that is a score of genes instead of a column.
GENE_SET = "gene_set:"
#: Keys of `[task]` that only some tasks read.
_KEYS_OF: Mapping[str, tuple[str, ...]] = {
    "classification": ("positive", "classes"),
    "survival": ("time", "time_unit", "event", "event_value", "head", "n_intervals",
                 "horizons_days"),
    "regression": ("gene_sets", "expression"),
    "segmentation": ("image", "mask", "labels", "tolerance_mm"),
}  # fmt: skip
#: Keys of `[evaluation]` that are about the probability of a class.
_OF_CLASSES = ("threshold", "calibration", "conformal", "refer_below", "prevalences", "mc_dropout")


def gene_set_targets(task: TaskTable) -> list[str]:
    """Targets that are scores of genes, with `gene_set:`; empty where they are columns."""
    targets = [task.target] if isinstance(task.target, str) else task.target
    return [target for target in targets if target.startswith(GENE_SET)]


def with_task_defaults(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The study's tables with the metric and the questions of its task where none are named."""
    task = tables.get("task")
    kind = task.get("kind", "classification") if isinstance(task, Mapping) else "classification"
    if kind == "classification" or kind not in METRICS_OF:
        return dict(tables)
    filled = dict(tables)
    metric = METRICS_OF[cast("str", kind)][0]
    evaluation = filled.get("evaluation", {})
    if isinstance(evaluation, Mapping):
        evaluation = dict(cast("Mapping[str, Any]", evaluation))
        if isinstance(evaluation.get("primary"), Mapping):
            evaluation["primary"] = {"metric": metric, **evaluation["primary"]}
        own = _of_masks(filled) if kind == "segmentation" else {"explain": _questions(filled)}
        filled["evaluation"] = {**own, **evaluation}
    if kind == "segmentation":
        filled["training"] = _mask_training(filled.get("training", {}))
    tuning = filled.get("tuning")
    if isinstance(tuning, Mapping):
        filled["tuning"] = {"metric": metric, **cast("Mapping[str, Any]", tuning)}
    return filled


def _questions(tables: Mapping[str, Any]) -> list[str]:
    """Explainers that answer numbers; that of genes where there are some."""
    return ["permutation_importance", *["gene_attribution"] * _has_kind(tables, "expression")]


def _of_masks(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults of `[evaluation]` where masks are predicted."""
    controls = list(get_args(NoteControl)) if _has_kind(tables, "notes") else []
    return {"explain": [], "probes": [], "controls": controls}


def _mask_training(given: object) -> object:
    """`[training]` with the loss of masks, and their Dice watched, where the author names none."""
    if not isinstance(given, Mapping):
        return given
    training = dict(cast("Mapping[str, Any]", given))
    training.setdefault("loss", "dice_ce")
    if isinstance(training.get("stop", {}), Mapping):
        training["stop"] = {"metric": "dice", **training.get("stop", {})}
    return training


def _has_kind(tables: Mapping[str, Any], kind: str) -> bool:
    modalities = tables.get("modalities")
    own = modalities.values() if isinstance(modalities, Mapping) else ()
    return any(isinstance(table, Mapping) and table.get("kind") == kind for table in own)


def task_faults(keys: StudyKeys) -> list[str]:
    """Sentences about `[task]` and about keys that its kind does not read."""
    kind = keys.task.kind
    rules = {
        "classification": _classification, "survival": _survival, "regression": _regression,
        "segmentation": segmentation_faults,
    }  # fmt: skip
    if kind not in rules:
        return []
    return [*_foreign_keys(keys), *rules[kind](keys), *_metrics(keys)]


def _foreign_keys(keys: StudyKeys) -> list[str]:
    kind, defaults = keys.task.kind, type(keys.task)()
    sentences = [
        f"task.{name}: belongs to the task {other}, and this study's is {kind}. Remove this key."
        for other, names in _KEYS_OF.items()
        for name in names
        if other != kind and getattr(keys.task, name) != getattr(defaults, name)
    ]
    masks = keys.training.loss.name in MASK_LOSSES
    if masks != (kind == "segmentation"):
        wanted = " or ".join(MASK_LOSSES) if kind == "segmentation" else "cross_entropy or focal"
        sentences.append(
            f"training.loss: {keys.training.loss.name!r} does not fit the task {kind}. Use "
            f"{wanted}, or remove this key."
        )
    if kind != "segmentation" and keys.evaluation.controls:
        sentences.append(
            f"evaluation.controls: belongs to the task segmentation, and this study's is {kind}. "
            "Remove this key."
        )
    if kind == "classification":
        return sentences
    plain = type(keys.evaluation)()
    sentences += [
        f"evaluation.{name}: is about the probability of a class, and the task is {kind}. Remove "
        "this key."
        for name in _OF_CLASSES
        if getattr(keys.evaluation, name) != getattr(plain, name)
    ]
    if keys.training.sampler != "shuffle" and kind in ("regression", "segmentation"):
        sentences.append(f"training.sampler: balances classes, and the task is {kind}. Remove.")
    loss = keys.training.loss
    if kind != "segmentation" and (loss.class_weights != "none" or loss.name == "focal"):
        sentences.append(f"training.loss: is of classes, and the task is {kind}. Remove this key.")
    return sentences


def _metrics(keys: StudyKeys) -> list[str]:
    """Metrics that the study's task does not have."""
    known = METRICS_OF[keys.task.kind]
    primary, tuning, training = keys.evaluation.primary, keys.tuning, keys.training
    named = {
        "evaluation.primary.metric": primary.metric if isinstance(primary, Primary) else "loss",
        "tuning.metric": tuning.metric if tuning != "none" else "loss",
        "training.stop.metric": training.stop.metric,
        "training.schedule.metric": training.schedule.metric,
    }
    if keys.task.kind == "segmentation":  # what patches have after an epoch: study_masks
        named = {where: m for where, m in named.items() if not where.startswith("training.")}
    if keys.task.kind == "survival" and named["tuning.metric"] == "loss" and tuning != "none":
        return ["tuning.metric: losses of other settings do not compare. Use c_index."]
    if keys.task.kind == "survival" and keys.task.head == "cox":
        # the baseline hazard, and so any survival, is learned when the network is finished
        return [
            f"{where}: 'integrated_brier' needs predicted survival, which the head cox has after "
            "training alone. Use c_index, or the head discrete_time."
            for where in ("training.stop.metric", "training.schedule.metric")
            if named[where] == "integrated_brier"
        ] + _unknown(named, known, keys.task.kind)
    return _unknown(named, known, keys.task.kind)


def _unknown(named: Mapping[str, str], known: Sequence[str], kind: str) -> list[str]:
    return [
        f"{where}: {metric!r} is not a metric of the task {kind}. {nearest(metric, known)}"
        for where, metric in named.items()
        if metric != "loss" and metric not in known
    ]


def _classification(keys: StudyKeys) -> list[str]:
    task = keys.task
    sentences: list[str] = []
    if isinstance(task.target, list):
        sentences.append(
            f"task.target: found {show(task.target)}, expected one column for a classification."
        )
    elif task.target == "none":
        wanted = f" of which task.positive = {show(task.positive)} is a label"
        which = wanted if task.positive != "none" else ""
        sentences.append(f"task.target: missing. Name the column of the cohort table{which}.")
    if not task.classes:
        return sentences
    if task.positive != "none" and task.positive not in task.classes:
        sentences.append(
            f"task.positive: {task.positive!r} is not one of task.classes. "
            f"{nearest(task.positive, list(task.classes))}"
        )
    if len(task.classes) < 2:
        sentences.append(f"task.classes: found {show(task.classes)}, expected at least 2 classes.")
    labels = (
        [label for group in task.classes.values() for label in group]
        if isinstance(task.classes, dict)
        else task.classes
    )
    twice = sorted({label for label in labels if labels.count(label) > 1})
    sentences += [f"task.classes: the label {label!r} is named twice. Keep one." for label in twice]
    return sentences


def _survival(keys: StudyKeys) -> list[str]:
    task = keys.task
    what = {
        "time": "the column of the follow-up time",
        "time_unit": "days, months or years",
        "event": "the column that says whether the event was seen",
        "event_value": "what that column holds where it was (1, or 0 where it codes censoring)",
    }
    sentences = [
        f"task.{key}: missing. Name {words}."
        for key, words in what.items()
        if getattr(task, key) == "none"
    ]
    if task.target != "none":
        sentences.append("task.target: a survival study names task.time and task.event instead.")
    if task.time == task.event and task.time != "none":
        sentences.append(f"task.event: {task.event!r} is also task.time. Name two columns.")
    if task.head != "discrete_time" and "n_intervals" in task.model_fields_set:
        default = type(task)().n_intervals
        if task.n_intervals != default:
            sentences.append('task.n_intervals: is read only where task.head is "discrete_time".')
    return sentences


def _regression(keys: StudyKeys) -> list[str]:
    task = keys.task
    targets = [task.target] if isinstance(task.target, str) else task.target
    if targets in (["none"], []):
        return ["task.target: missing. Name one column of numbers, or several in a list."]
    twice = sorted({target for target in targets if targets.count(target) > 1})
    sentences = [f"task.target: {target!r} is named twice. Keep one." for target in twice]
    scores = gene_set_targets(task)
    if not scores:
        return sentences
    if len(scores) < len(targets):
        sentences.append("task.target: columns and gene sets cannot be mixed. Make two studies.")
    if task.gene_sets == "none":
        sentences.append(f"task.gene_sets: missing. {scores[0]!r} needs the file of sets (GMT).")
    kinds = {name: str(table.get("kind")) for name, table in keys.modalities.items()}
    if kinds.get(task.expression) != "expression":
        known = [name for name, kind in kinds.items() if kind == "expression"]
        sentences.append(
            f"task.expression: found {task.expression!r}, expected the expression modality that "
            f"{scores[0]!r} is computed from. {nearest(task.expression, known)}"
        )
    return sentences
