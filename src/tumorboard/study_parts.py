"""The parts that a study names, found and filled in: source, modalities, encoders, arms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from tumorboard import registry
from tumorboard.errors import StudyError, nearest
from tumorboard.study_faults import Faults, dotted, problems, show
from tumorboard.study_keys import ArmTable, CohortTable, StudyKeys, Training
from tumorboard.study_lookup import keys_at
from tumorboard.study_rules import not_built_in, unread

#: Encoder of a modality that names none, by layout.
DEFAULT_ENCODERS: Mapping[str, str] = {
    "vector": "mlp",
    "image": "resnet",
    "bag": "attention_mil",
    "volume": "resnet3d",
    "tokens": "gru",
}
#: Task -> name of the arm, and the baseline, that stands beside the networks by default.
_DEFAULT_BASELINES: Mapping[str, tuple[str, str]] = {
    "classification": ("logistic", "logistic_regression"),
    "survival": ("cox", "cox"),
    "regression": ("ridge", "ridge"),
}


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
    """

    name: str
    modalities: tuple[str, ...]
    fusion: Mapping[str, Any] | None
    encoders: Mapping[str, Mapping[str, Any]]
    baseline: Mapping[str, Any] | None
    training: Training


@dataclass(frozen=True)
class ModalityPart:
    """One modality of a study.

    Args:
        settings: Kind, settings and encoder, every default filled in; None where they are at fault.
        layout: What it hands to its encoder; None where its kind is not known.
        columns: Columns of the cohort table that it takes as predictors.
    """

    settings: Mapping[str, Any] | None = None
    layout: str | None = None
    columns: tuple[str, ...] = ()


def with_source_defaults(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The study's tables with the keys that its source sets where the author did not."""
    cohort = tables.get("cohort")
    name = cohort.get("source", "folder") if isinstance(cohort, Mapping) else "folder"
    if not isinstance(name, str) or name not in registry.names("cohorts"):
        return dict(tables)  # a source that is not known is reported with the rest
    filled = dict(tables)
    for table, keys in registry.load("cohorts", name).defaults.items():
        own = filled.get(table, {})
        if isinstance(own, Mapping):
            given = cast("Mapping[str, Any]", own)
            is_other = given.get("target", keys.get("target")) != keys.get("target")
            # the positive label is one of the source's own target
            fitting = {k: v for k, v in keys.items() if not (is_other and k == "positive")}
            filled[table] = {**fitting, **given}
    return filled


def read_source(cohort: CohortTable) -> dict[str, Any]:
    """Settings of the study's source with every default.

    Raises:
        StudyError: No such source, or its settings are at fault.
    """
    source = _load("cohorts", cohort.source, where="cohort.source")
    extra = cohort.model_extra or {}
    own = {name: value for name, value in extra.items() if not not_built_in("cohort", name)}
    settings = {**own, "patient_id": cohort.patient_id, "missing": cohort.missing}
    if cohort.records != "none":
        read_records(cohort.records)
    resolved = registry.resolve(source, settings, where="cohort", also=keys_at(("cohort",)))
    source(**registry.arguments(source, resolved))
    return resolved


def read_records(records: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and settings of the second source, whose columns are joined by patient id.

    Raises:
        StudyError: No such source, or its settings are at fault.
    """
    where = "cohort.records"
    name = records.get("source", "folder")
    if not isinstance(name, str):
        raise StudyError(f'{where}.source: found {show(name)}, expected a name such as "folder".')
    source = _load("cohorts", name, where=f"{where}.source")
    own = {key: value for key, value in records.items() if key != "source"}
    settings = registry.resolve(source, own, where=where, also=("source",))
    source(**registry.arguments(source, settings))
    return name, settings


def read_modality(name: str, table: Mapping[str, Any], faults: Faults) -> ModalityPart:
    """One modality with its encoder, as far as it is not at fault, which `faults` remembers."""
    where = f"modalities.{name}"
    kind = table.get("kind")
    if not isinstance(kind, str):
        known = ", ".join(registry.names("modalities"))
        faults.extend([f"{where}.kind: missing. Known: {known}."])
        return ModalityPart()
    modality = faults.attempt(lambda: _load("modalities", kind, where=f"{where}.kind"))
    own = {key: item for key, item in table.items() if key not in ("kind", "encoder")}
    layout = _layout(modality, own) if modality is not None else None
    value = table.get("encoder", DEFAULT_ENCODERS.get(layout or "", "none"))
    encoder = None
    if modality is not None or "encoder" in table:
        encoder = faults.attempt(lambda: read_encoder(value, layout, where=f"{where}.encoder"))
    if modality is None:
        return ModalityPart()

    def settle() -> tuple[dict[str, Any], tuple[str, ...]]:
        also = ("kind", "encoder")
        settings = registry.resolve(modality, own, where=where, also=also)
        built = modality(**registry.arguments(modality, settings))
        return settings, tuple(built.columns)

    settled = faults.attempt(settle)
    if settled is None or encoder is None:
        return ModalityPart(None, layout)
    faults.attempt(lambda: _normalised_once(settled[0], encoder, where))
    return ModalityPart({"kind": kind, **settled[0], "encoder": encoder}, layout, settled[1])


def _layout(modality: type[Any], own: Mapping[str, Any]) -> str:
    """What a modality gives with these settings; with faulty ones what its class says."""
    try:
        settings = registry.resolve(modality, own, where="")
        return str(modality(**registry.arguments(modality, settings)).layout)
    except StudyError:
        return str(modality.layout)


def _normalised_once(settings: Mapping[str, Any], encoder: Mapping[str, Any], where: str) -> None:
    """Refuse pictures normalised to ImageNet before an encoder that does so itself."""
    inner = [value for value in encoder.values() if isinstance(value, Mapping)]
    tables = [encoder, *cast("list[Mapping[str, Any]]", inner)]
    if settings.get("normalise") == "imagenet" and any(
        table.get("weights", "none") != "none" for table in tables
    ):
        raise StudyError(
            f"{where}: {encoder['name']} with pretrained weights normalises its input itself; "
            'after normalise = "imagenet" that would happen twice. Set normalise = "none".'
        )


def read_encoder(value: object, layout: str | None, *, where: str) -> dict[str, Any]:
    """Name and settings of an encoder that reads `layout` (None: not known).

    Raises:
        StudyError: No such encoder, its settings are at fault, or it reads another layout.
    """
    resolved = read_component(value, "models.encoders", where=where)
    encoder = registry.load("models.encoders", str(resolved["name"]))
    if layout is not None and layout not in encoder.layouts:
        raise StudyError(
            f"{where}: {resolved['name']} reads {' or '.join(sorted(encoder.layouts))}, but this "
            f"modality gives {layout}. Choose another encoder (see `tumorboard list`)."
        )
    return resolved


def read_component(value: object, folder: str, *, where: str) -> dict[str, Any]:
    """Name and settings of a component, given as a name or as a table with a name.

    Raises:
        StudyError: Neither, no such component, or its settings are at fault.
    """
    given: object = {"name": value} if isinstance(value, str) else value
    table = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    name = table.get("name")
    if not isinstance(name, str):
        raise StudyError(
            f'{where}: found {show(value)}, expected a name or a table {{name = "..."}}.'
        )
    component = _load(folder, name, where=where)
    settings = {key: item for key, item in table.items() if key != "name"}
    return {"name": name, **registry.resolve(component, settings, where=where, also=("name",))}


def default_arms(keys: StudyKeys) -> dict[str, ArmTable]:
    """Each modality alone, all fused, late average, and a linear model on each table."""
    names = list(keys.modalities)
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
    wrong = _membership(table, where, list(parts))
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
    return Arm(name, members, fusion, encoders, None, training)


def _load(folder: str, name: str, *, where: str) -> type[Any]:
    try:
        return registry.load(folder, name)
    except StudyError as error:
        raise StudyError([f"{where}: {sentence}" for sentence in error.problems]) from error


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


def _arm_encoder(
    table: ArmTable, member: str, part: ModalityPart, where: str
) -> Mapping[str, Any] | None:
    """The arm's own encoder of one modality, else the modality's; None where that is at fault."""
    if member in table.encoders:
        where = f"{where}.encoders.{member}"
        encoder = read_encoder(table.encoders[member], part.layout, where=where)
        _normalised_once(part.settings or {}, encoder, where)
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
    known = {m: part.layout for m in table.modalities if (part := parts.get(m)) and part.layout}
    if fusion.level == "input" and set(known.values()) - {"vector"}:
        found = ", ".join(f"{member} gives {layout}" for member, layout in known.items())
        raise StudyError(
            f"{where}: {resolved['name']} joins vectors before any encoder, but {found}."
        )
    return resolved
