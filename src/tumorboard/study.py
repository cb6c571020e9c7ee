"""The study file: parsed strictly, every default filled in, every fault reported at once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tumorboard import registry
from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.study_keys import (
    NOT_BUILT,
    ArmTable,
    Primary,
    StudyKeys,
    Training,
    known_keys,
)

#: Encoder of a modality that names none, by layout.
DEFAULT_ENCODERS: Mapping[str, str] = {"vector": "mlp", "image": "resnet"}


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
class Study:
    """A checked study file. `keys` holds every key with its default."""

    path: Path
    keys: StudyKeys
    source: Mapping[str, Any]
    modalities: Mapping[str, Mapping[str, Any]]
    arms: Mapping[str, Arm]
    primary: Primary

    @property
    def name(self) -> str:
        """The study's name, which names the run folder."""
        return self.keys.study.name

    @property
    def seed(self) -> int:
        """The seed that all randomness derives from."""
        return self.keys.study.seed

    @classmethod
    def load(cls, path: Path, *, overrides: Sequence[str] = ()) -> Study:
        """Read and check a study file.

        Args:
            path: The TOML file.
            overrides: `key=value` in TOML syntax, such as `training.epochs=5`.

        Raises:
            InputError: The file is absent or not UTF-8.
            StudyError: Not TOML, unknown keys, wrong types, contradictions: one line each.
        """
        return cls.from_tables(_parse(path, overrides), path=path)

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any], *, path: Path) -> Study:
        """Check the tables of a study file; see `load`."""
        return _resolve(tables, path)

    def as_tables(self) -> dict[str, Any]:
        """Plain tables with every default written out: enough to repeat the study."""
        tables = self.keys.model_dump(mode="json")
        tables["cohort"] = {**tables["cohort"], **self.source}
        tables["modalities"] = {name: dict(settings) for name, settings in self.modalities.items()}
        tables["arms"] = {
            arm.name: {
                "modalities": list(arm.modalities),
                "fusion": dict(arm.fusion) if arm.fusion else "none",
                "encoders": {name: dict(e) for name, e in arm.encoders.items()},
                "baseline": dict(arm.baseline) if arm.baseline else "none",
                "training": arm.training.model_dump(mode="json"),
            }
            for arm in self.arms.values()
        }
        tables["evaluation"]["primary"] = self.primary.model_dump(mode="json")
        return tables

    def to_toml(self) -> str:
        """The resolved study as TOML text."""
        import tomli_w

        return tomli_w.dumps(self.as_tables())


def _parse(path: Path, overrides: Sequence[str]) -> dict[str, Any]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such study file. Write one with `tumorboard init TABLE`."
        ) from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; expected a study file (TOML).") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 (byte {error.start}). Save the study file as UTF-8."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{path}: not valid TOML: {error}.") from None
    for text in overrides:
        _override(tables, text)
    return tables


def _override(tables: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals:
        raise StudyError(f"--set {text}: expected KEY=VALUE, such as training.epochs=5.")
    try:
        parsed: Any = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    *parents, last = key.strip().split(".")
    table: dict[str, Any] = tables
    for parent in parents:
        inner: Any = table.setdefault(parent, {})
        if isinstance(inner, str):  # a plain word is short for a table with that name
            inner = table[parent] = {"name": inner}
        if not isinstance(inner, dict):
            raise StudyError(f"--set {text}: {parent!r} is not a table of the study.")
        table = inner
    table[last] = parsed


def _resolve(tables: Mapping[str, Any], path: Path) -> Study:
    try:
        keys = StudyKeys.model_validate(dict(tables))
    except ValidationError as error:
        raise StudyError(registry.problems(error, where="", known=known_keys())) from error
    faults = _Faults()
    faults.extend(_not_built(keys))
    source = faults.attempt(lambda: _source(keys)) or {}
    modalities = {
        name: resolved
        for name, settings in keys.modalities.items()
        if (resolved := faults.attempt(lambda n=name, s=settings: _modality(n, s))) is not None
    }
    faults.extend(_contradictions(keys))
    arms: dict[str, Arm] = {}
    if len(modalities) == len(keys.modalities):
        for name, table in (keys.arms or _default_arms(keys)).items():
            arm = faults.attempt(lambda n=name, t=table: _arm(n, t, keys, modalities))
            if arm is not None:
                arms[name] = arm
        if len(arms) == len(keys.arms or _default_arms(keys)):
            faults.extend(_primary_faults(keys, arms))
    faults.stop()
    return Study(path, keys, source, modalities, arms, _primary(keys, arms))


class _Faults:
    """Collects sentences, so that a user mends a study file once."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def attempt(self, action: Any) -> Any:
        try:
            return action()
        except StudyError as error:
            self.sentences += error.problems
            return None

    def extend(self, sentences: Sequence[str]) -> None:
        self.sentences += sentences

    def stop(self) -> None:
        if self.sentences:
            raise StudyError(list(dict.fromkeys(self.sentences)))


def _not_built(keys: StudyKeys) -> list[str]:
    sentences: list[str] = []
    for key, part in NOT_BUILT.items():
        table_name, name = key.split(".")
        table = getattr(keys, table_name)
        if name in (table.model_extra or {}):
            sentences.append(f"{key}: belongs to {part}, which is planned and not built yet.")
        field = type(table).model_fields.get(name)
        if field is not None and getattr(table, name) != field.default:
            if table_name == "task" and keys.task.kind in part:
                continue  # the task itself is named as not built
            sentences.append(f"{key}: {part} is planned and not built yet. Remove this key.")
    return sentences


def _source(keys: StudyKeys) -> dict[str, Any]:
    source = registry.load("cohorts", keys.cohort.source)
    extra = {
        name: value
        for name, value in (keys.cohort.model_extra or {}).items()
        if f"cohort.{name}" not in NOT_BUILT
    }
    settings = {**extra, "patient_id": keys.cohort.patient_id, "missing": keys.cohort.missing}
    try:
        return registry.resolve(source, settings, where="cohort")
    except StudyError as error:
        known = known_keys()["cohort",]
        problems = [
            f"{sentence.split(' unknown key.')[0]} unknown key. "
            + nearest(
                sentence.split(":")[0].removeprefix("cohort."),
                [*known, *registry.settings_model(source).model_fields],
            )
            if "unknown key" in sentence
            else sentence
            for sentence in error.problems
        ]
        raise StudyError(problems) from error


def _modality(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    where = f"modalities.{name}"
    kind = table.get("kind")
    if not isinstance(kind, str):
        raise StudyError(
            f"{where}.kind: missing. Known: {', '.join(registry.names('modalities'))}."
        )
    try:
        modality = registry.load("modalities", kind)
    except StudyError as error:
        raise StudyError([f"{where}.kind: {sentence}" for sentence in error.problems]) from error
    settings = {key: value for key, value in table.items() if key not in ("kind", "encoder")}
    resolved = registry.resolve(modality, settings, where=where)
    encoder = table.get("encoder", DEFAULT_ENCODERS.get(modality.layout, "none"))
    return {"kind": kind, **resolved, "encoder": _encoder(encoder, modality.layout, where=where)}


def _encoder(value: Any, layout: str, *, where: str) -> dict[str, Any]:
    resolved = _component(value, "models.encoders", where=f"{where}.encoder")
    encoder = registry.load("models.encoders", resolved["name"])
    if layout not in encoder.layouts:
        raise StudyError(
            f"{where}.encoder: {resolved['name']} reads {' or '.join(sorted(encoder.layouts))}, "
            f"but this modality gives {layout}. Choose another encoder (see `tumorboard list`)."
        )
    return resolved


def _component(value: Any, folder: str, *, where: str) -> dict[str, Any]:
    table = {"name": value} if isinstance(value, str) else value
    if not isinstance(table, Mapping) or not isinstance(table.get("name"), str):
        raise StudyError(f'{where}: found {value!r}, expected a name or a table {{name = "..."}}.')
    try:
        component = registry.load(folder, table["name"])
    except StudyError as error:
        raise StudyError([f"{where}: {sentence}" for sentence in error.problems]) from error
    settings = {key: item for key, item in table.items() if key != "name"}
    return {"name": table["name"], **registry.resolve(component, settings, where=where)}


def _default_arms(keys: StudyKeys) -> dict[str, ArmTable]:
    """Each modality alone, all fused, late average, and logistic regression on each table."""
    names = list(keys.modalities)
    arms = {name: ArmTable(modalities=[name]) for name in names}
    if len(names) > 1:
        arms["fused"] = ArmTable(modalities=names, fusion={"name": "concatenation"})
        arms["late"] = ArmTable(modalities=names, fusion={"name": "late_average"})
    tables = [name for name in names if keys.modalities[name].get("kind") == "table"]
    for name in tables:
        label = "logistic" if len(tables) == 1 else f"logistic_{name}"
        arms[label] = ArmTable(modalities=[name], baseline={"name": "logistic_regression"})
    return arms


def _arm(name: str, table: ArmTable, keys: StudyKeys, modalities: Mapping[str, Any]) -> Arm:
    where = f"arms.{name}"
    strangers = [m for m in [*table.modalities, *table.encoders] if m not in modalities]
    if strangers:
        raise StudyError(
            [
                f"{where}: {m!r} is not a modality of this study. {nearest(m, list(modalities))}"
                for m in strangers
            ]
        )
    unused = [m for m in table.encoders if m not in table.modalities]
    if unused:
        raise StudyError(f"{where}.encoders: {unused[0]!r} is not among the arm's modalities.")
    if len(set(table.modalities)) < len(table.modalities):
        raise StudyError(f"{where}.modalities: a modality is named twice.")
    training = _training(keys, table, where)
    members = tuple(table.modalities)
    if table.baseline != "none":
        return Arm(name, members, None, {}, _baseline(table, modalities, where), training)
    encoders = {
        member: _encoder(
            table.encoders[member], _layout(modalities[member]), where=f"{where}.{member}"
        )
        if member in table.encoders
        else modalities[member]["encoder"]
        for member in members
    }
    return Arm(name, members, _fusion(table, modalities, where), encoders, None, training)


def _training(keys: StudyKeys, table: ArmTable, where: str) -> Training:
    try:
        merged = _merge(keys.training.model_dump(mode="json"), table.training)
        return Training.model_validate(merged)
    except ValidationError as error:
        known = {
            path[1:]: words for path, words in known_keys().items() if path[:1] == ("training",)
        }
        raise StudyError(
            registry.problems(error, where=f"{where}.training", known=known)
        ) from error


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        if isinstance(inner, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(inner, value)
        else:
            merged[key] = value
    return merged


def _layout(modality: Mapping[str, Any]) -> str:
    return registry.load("modalities", str(modality["kind"])).layout


def _baseline(table: ArmTable, modalities: Mapping[str, Any], where: str) -> dict[str, Any]:
    if table.fusion != "none" or table.encoders:
        raise StudyError(
            f"{where}: an arm has either a baseline or a fusion and encoders, found both."
        )
    other = [m for m in table.modalities if _layout(modalities[m]) != "vector"]
    if other:
        raise StudyError(
            f"{where}.baseline: baselines read vectors, but {other[0]!r} gives "
            f"{_layout(modalities[other[0]])}."
        )
    return _component(table.baseline, "models.baselines", where=f"{where}.baseline")


def _fusion(table: ArmTable, modalities: Mapping[str, Any], where: str) -> dict[str, Any] | None:
    if len(table.modalities) == 1:
        if table.fusion != "none":
            raise StudyError(f"{where}.fusion: one modality cannot be fused. Remove the fusion.")
        return None
    value = {"name": "concatenation"} if table.fusion == "none" else table.fusion
    resolved = _component(value, "models.fusion", where=f"{where}.fusion")
    fusion = registry.load("models.fusion", resolved["name"])
    layouts = {m: _layout(modalities[m]) for m in table.modalities}
    if fusion.level == "input" and set(layouts.values()) != {"vector"}:
        found = ", ".join(f"{m} gives {layout}" for m, layout in layouts.items())
        raise StudyError(
            f"{where}.fusion: {resolved['name']} joins vectors before any encoder, but {found}."
        )
    return resolved


def _contradictions(keys: StudyKeys) -> list[str]:
    sentences: list[str] = []
    evaluation, task = keys.evaluation, keys.task
    if evaluation.holdout:
        if "folds" in evaluation.model_fields_set:
            sentences.append("evaluation: holdout and folds contradict each other. Keep one.")
        if len(evaluation.holdout) != 3 or abs(sum(evaluation.holdout) - 1) > 1e-6:
            sentences.append(
                f"evaluation.holdout: found {evaluation.holdout}, expected three shares "
                "(train, validation, test) that sum to 1, such as [0.70, 0.15, 0.15]."
            )
    if task.kind == "classification" and task.target == "none":
        sentences.append("task.target: missing. Name the outcome column of the cohort table.")
    if task.kind == "classification" and isinstance(task.target, list):
        sentences.append("task.target: found a list, expected one column for a classification.")
    if task.classes and task.positive != "none" and task.positive not in task.classes:
        sentences.append(
            f"task.positive: {task.positive!r} is not one of the classes. "
            f"{nearest(task.positive, list(task.classes))}"
        )
    for name in keys.cohort.require:
        if name not in keys.modalities:
            sentences.append(
                f"cohort.require: {name!r} is not a modality. "
                f"{nearest(name, list(keys.modalities))}"
            )
    return sentences


def _primary(keys: StudyKeys, arms: Mapping[str, Arm]) -> Primary:
    if isinstance(keys.evaluation.primary, Primary):
        return keys.evaluation.primary
    fused = [arm for arm in arms.values() if len(arm.modalities) > 1]
    arm = fused[0] if fused else next(iter(arms.values()))
    others = [other for other in arms.values() if other.name != arm.name and other.baseline is None]
    tables = [
        o for o in others if [keys.modalities[m].get("kind") for m in o.modalities] == ["table"]
    ]
    reference = (tables or others or [arm])[0]
    return Primary(arm=arm.name, reference=reference.name, metric="auroc")


def _primary_faults(keys: StudyKeys, arms: Mapping[str, Arm]) -> list[str]:
    primary = keys.evaluation.primary
    if not isinstance(primary, Primary):
        return []
    return [
        f"evaluation.primary.{role}: {name!r} is not an arm of this study. "
        f"{nearest(name, list(arms))}"
        for role, name in (("arm", primary.arm), ("reference", primary.reference))
        if name not in arms
    ]
