"""The arms of a study, found and filled in: what each is made of and how it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from tumorboard import registry
from tumorboard.errors import StudyError, nearest
from tumorboard.study_faults import Faults, dotted, problems
from tumorboard.study_keys import ArmTable, StudyKeys, Training
from tumorboard.study_lookup import keys_at
from tumorboard.study_parts import (
    SEGMENTERS,
    ModalityPart,
    read_component,
    read_encoder,
    refuse_normalised_twice,
)
from tumorboard.study_rules import unread

#: Task -> name of the arm, and the baseline, that stands beside the networks by default.
_DEFAULT_BASELINES: Mapping[str, tuple[str, str]] = {
    "classification": ("logistic", "logistic_regression"),
    "survival": ("cox", "cox"),
    "regression": ("ridge", "ridge"),
}
#: Ways to join other modalities with a segmented image that a study compares by default.
GUIDES = ("concatenation", "static_weights", "dynamic_attention", "late_average")
#: The one that the report's first line is about by default.
MAIN_GUIDE = "dynamic_attention"


@dataclass(frozen=True)
class Arm:
    """One arm with everything resolved: what is trained, or which baseline is fitted.

    Args:
        name: Name of the arm.
        modalities: Modality names, in the order of `present (B, M)`.
        fusion: Name and settings; None for one modality and for a baseline.
        encoders: Modality -> name and settings of its encoder; empty for a baseline.
        baseline: Name and settings; None for a network.
        training: The study's training with the arm's own keys over it.
        segmented: Modality that is segmented, whose encoder is a segmenter; "" for other tasks.
    """

    name: str
    modalities: tuple[str, ...]
    fusion: Mapping[str, Any] | None
    encoders: Mapping[str, Mapping[str, Any]]
    baseline: Mapping[str, Any] | None
    training: Training
    segmented: str = ""


def default_arms(keys: StudyKeys) -> dict[str, ArmTable]:
    """Each modality alone, all fused, late average, and a linear model on each table.

    Of a segmentation the image alone, and every way to join the others with it.
    """
    names = list(keys.modalities)
    if keys.task.kind == "segmentation":
        return _segmenting_arms(keys, names)
    arms = {name: ArmTable(modalities=[name]) for name in names}
    if len(names) > 1:
        arms["fused"] = ArmTable(modalities=names, fusion={"name": "concatenation"})
        arms["late"] = ArmTable(modalities=names, fusion={"name": "late_average"})
    tables = [name for name in names if keys.modalities[name].get("kind") == "table"]
    word, baseline = _DEFAULT_BASELINES.get(keys.task.kind, ("", ""))
    for name in tables if baseline else ():
        label = word if len(tables) == 1 else f"{word}_{name}"
        arms[label] = ArmTable(modalities=[name], baseline={"name": baseline})
    return arms


def _segmenting_arms(keys: StudyKeys, names: list[str]) -> dict[str, ArmTable]:
    image = keys.task.image
    if image not in names:  # reported with the task
        return {}
    arms = {image: ArmTable(modalities=[image])}
    ordered = [image, *(name for name in names if name != image)]
    for guide in GUIDES if len(names) > 1 else ():
        arms[guide] = ArmTable(modalities=ordered, fusion={"name": guide})
    return arms


def read_arm(
    name: str,
    table: ArmTable,
    keys: StudyKeys,
    parts: Mapping[str, ModalityPart],
    faults: Faults,
) -> Arm | None:
    """One arm; None where it or one of its modalities is at fault.

    Args:
        name: Name of the arm.
        table: The arm in the study file.
        keys: The study's keys.
        parts: Every modality that the study declares, as far as it is not at fault itself.
        faults: Remembers what is at fault with the arm.
    """
    where = f"arms.{name}"
    wrong = [*_membership(table, where, list(parts)), *_segmented(table, keys, where)]
    faults.extend(wrong)
    training = faults.attempt(lambda: _training(keys, table, where))
    members = tuple(table.modalities)
    if table.baseline != "none":
        baseline = faults.attempt(lambda: _baseline(table, parts, keys.task.kind, where))
        ready = baseline is not None and training is not None and not wrong
        return Arm(name, members, None, {}, baseline, training) if ready and training else None
    encoders: dict[str, Mapping[str, Any]] = {}
    for member in members:
        encoder = faults.attempt(
            lambda m=member: _arm_encoder(table, m, parts.get(m, ModalityPart()), where)
        )
        if encoder:
            encoders[member] = encoder
    n_sentences = len(faults.sentences)
    fusion = faults.attempt(lambda: _fusion(table, parts, where))
    broken = len(faults.sentences) > n_sentences or bool(wrong) or len(encoders) < len(members)
    if broken or training is None:
        return None
    segmented = keys.task.image if keys.task.kind == "segmentation" else ""
    return Arm(name, members, fusion, encoders, None, training, segmented)


def _membership(table: ArmTable, where: str, declared: list[str]) -> list[str]:
    """Sentences about modalities that the arm cannot have."""
    sentences = [
        f"{where}.{key}: {member!r} is not a modality of this study. {nearest(member, declared)}"
        for key, members in (("modalities", table.modalities), ("encoders", table.encoders))
        for member in members
        if member not in declared
    ]
    sentences += [
        f"{where}.encoders: {member!r} is not among the arm's modalities. Remove it."
        for member in table.encoders
        if member in declared and member not in table.modalities
    ]
    if len(set(table.modalities)) < len(table.modalities):
        sentences.append(f"{where}.modalities: a modality is named twice.")
    return sentences


def _segmented(table: ArmTable, keys: StudyKeys, where: str) -> list[str]:
    """Sentences about an arm of a segmentation that cannot segment."""
    if keys.task.kind != "segmentation":
        return []
    if table.baseline != "none":
        return [f"{where}.baseline: no baseline makes masks. Remove this arm."]
    if keys.task.image not in table.modalities:
        return [
            f"{where}.modalities: {keys.task.image!r}, which is segmented (task.image), is not "
            "among them. Add it."
        ]
    return []


def _arm_encoder(
    table: ArmTable, member: str, part: ModalityPart, where: str
) -> Mapping[str, Any] | None:
    """The arm's own encoder of one modality, else the modality's; None where that is at fault."""
    if member in table.encoders:
        where = f"{where}.encoders.{member}"
        encoder = read_encoder(table.encoders[member], part.layout, where=where, reader=part.reader)
        refuse_normalised_twice(part.settings or {}, encoder, where)
        return encoder
    return part.settings["encoder"] if part.settings is not None else None


def _training(keys: StudyKeys, table: ArmTable, where: str) -> Training:
    where = f"{where}.training"
    if table.training and table.baseline != "none":
        raise StudyError(f"{where}: a baseline is fitted, not trained in epochs. Remove this key.")
    merged = merge(keys.training.model_dump(mode="json"), table.training)
    try:
        training = Training.model_validate(merged)
    except ValidationError as error:
        raise StudyError(
            problems(
                error, where=where, known=lambda path: keys_at(("training", *path)), given=merged
            )
        ) from error
    sentences = unread("training", table.training, training, where=where)
    if sentences:
        raise StudyError(sentences)
    return training


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` written over `base`, table by table; a word is short for a table with that name."""
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        if isinstance(inner, Mapping):
            value = {"name": value} if isinstance(value, str) and "name" in inner else value
            if isinstance(value, Mapping):
                tables = cast("tuple[Mapping[str, Any], Mapping[str, Any]]", (inner, value))
                merged[key] = merge(*tables)
                continue
        merged[key] = value
    return merged


def _baseline(
    table: ArmTable, parts: Mapping[str, ModalityPart], task: str, where: str
) -> dict[str, Any]:
    sentences: list[str] = []
    if table.fusion != "none" or table.encoders:
        sentences.append(
            f"{where}: an arm has either a baseline or a fusion and encoders, found both. Keep one."
        )
    for member in table.modalities:
        layout = parts.get(member, ModalityPart()).layout
        if layout not in ("vector", None):
            sentences.append(
                f"{where}.baseline: baselines read vectors, but {member!r} gives {layout}. "
                "Leave it out of this arm."
            )
    if sentences:
        raise StudyError(sentences)
    where = dotted(where, "baseline")
    resolved = read_component(table.baseline, "models.baselines", where=where)
    component = registry.load("models.baselines", str(resolved["name"]))
    if task not in component.tasks:
        fitting = [
            name
            for name in registry.names("models.baselines")
            if task in registry.load("models.baselines", name).tasks
        ]
        raise StudyError(
            f"{where}: {resolved['name']} is no model of the task {task}. Known for it: "
            f"{', '.join(fitting)}."
        )
    component(**registry.arguments(component, resolved))
    return resolved


def _fusion(
    table: ArmTable, parts: Mapping[str, ModalityPart], where: str
) -> dict[str, Any] | None:
    where = dotted(where, "fusion")
    if len(table.modalities) == 1:
        if table.fusion != "none":
            raise StudyError(f"{where}: one modality cannot be fused. Remove this key.")
        return None
    value = {"name": "concatenation"} if table.fusion == "none" else table.fusion
    resolved = read_component(value, "models.fusion", where=where)
    fusion = registry.load("models.fusion", str(resolved["name"]))
    if any(parts[m].reader == SEGMENTERS for m in table.modalities if m in parts):
        if not fusion.guides:
            fitting = [
                name
                for name in registry.names("models.fusion")
                if registry.load("models.fusion", name).guides
            ]
            raise StudyError(
                f"{where}: {resolved['name']} joins vectors, not the maps of a segmenter. Known "
                f"for it: {', '.join(fitting)}."
            )
        return resolved
    known = {m: part.layout for m in table.modalities if (part := parts.get(m)) and part.layout}
    if fusion.level == "input" and set(known.values()) - {"vector"}:
        found = ", ".join(f"{member} gives {layout}" for member, layout in known.items())
        raise StudyError(
            f"{where}: {resolved['name']} joins vectors before any encoder, but {found}."
        )
    return resolved
