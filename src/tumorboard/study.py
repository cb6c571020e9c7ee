"""The study file: parsed strictly, every default filled in, every fault reported at once."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from tumorboard.errors import StudyError
from tumorboard.study_arms import MAIN_GUIDE, Arm, default_arms, read_arm
from tumorboard.study_faults import Faults, dotted, faulty_keys, problems
from tumorboard.study_keys import ArmTable, Primary, StudyKeys
from tumorboard.study_lookup import keys_at
from tumorboard.study_masks import segments_a_picture
from tumorboard.study_notes import identifier_faults
from tumorboard.study_parts import (
    DEFAULT_ENCODERS,
    ENCODERS,
    SEGMENTERS,
    ModalityPart,
    read_modality,
    read_source,
    with_source_defaults,
)
from tumorboard.study_rules import (
    contradictions,
    predictors,
    primary_faults,
)
from tumorboard.study_search import search_faults
from tumorboard.study_tasks import with_task_defaults
from tumorboard.study_toml import overridden, read_toml, set_key
from tumorboard.study_words import METRICS_OF, READ_BY

__all__ = ["DEFAULT_ENCODERS", "Arm", "Study"]


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
        study = cls.from_tables(overridden(read_toml(path), overrides), path=path)
        # of what is to be read: a model that was trained before the rule is opened all the same
        if faults := identifier_faults(study.modalities):
            raise StudyError(faults)
        return study

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any], *, path: Path) -> Study:
        """Check the tables of a study file; see `load`."""
        return _resolve(tables, path)

    def as_tables(self) -> dict[str, Any]:
        """Plain tables with every default written out: enough to repeat the study.

        Settings that no chosen part reads (the momentum of Adam, the folds of a hold-out) are left
        out, so that the file says nothing that is not so.
        """
        tables = self.keys.model_dump(mode="json")
        tables["cohort"] = {**tables["cohort"], **self.source}
        tables["modalities"] = {name: dict(settings) for name, settings in self.modalities.items()}
        tables["arms"] = {arm.name: _arm_table(arm) for arm in self.arms.values()}
        if self.primary.arm != self.primary.reference:
            tables["evaluation"]["primary"] = self.primary.model_dump(mode="json")
        if self.keys.evaluation.holdout:
            del tables["evaluation"]["folds"], tables["evaluation"]["validation"]
        if self.keys.evaluation.folds_by == "institution":  # as many folds as institutions
            del tables["evaluation"]["folds"]
        _drop_unread(tables, "training")
        _drop_unread(tables, "evaluation")
        return tables

    def to_toml(self) -> str:
        """The resolved study as TOML text."""
        import tomli_w

        return tomli_w.dumps(self.as_tables())


def _arm_table(arm: Arm) -> dict[str, Any]:
    table: dict[str, Any] = {"modalities": list(arm.modalities)}
    if arm.baseline is not None:
        return {**table, "baseline": dict(arm.baseline)}
    table["fusion"] = dict(arm.fusion) if arm.fusion else "none"
    table["encoders"] = {name: dict(encoder) for name, encoder in arm.encoders.items()}
    table["training"] = arm.training.model_dump(mode="json")
    _drop_unread(table, "training")
    return table


def _drop_unread(tables: dict[str, Any], root: str) -> None:
    """Remove the settings below `root` that the choice beside them never reads."""
    for key, (choice, words) in READ_BY.items():
        first, *parents, last = key.split(".")
        if first != root:
            continue
        table, chosen = tables[root], tables[root]
        for parent in parents:
            table = table[parent]
        for part in choice.split(".")[1:]:
            chosen = chosen[part]
        if chosen not in words:
            del table[last]


def _resolve(tables: Mapping[str, Any], path: Path) -> Study:
    tables = with_task_defaults(with_source_defaults(tables))
    faults = Faults()
    keys, skip = _validated(tables, faults)
    faults.extend(s for s in _first_rules(keys, tables) if s.split(": ")[0] not in skip)
    if keys.task.kind == "segmentation" and not segments_a_picture(keys):
        faults.stop()
    source = faults.attempt(lambda: read_source(keys.cohort))
    parts = _modalities(keys, tables, faults)
    settled = {name: part.settings for name, part in parts.items() if part.settings is not None}
    arms = _arms(keys, parts, faults)
    declared = _names(tables, "arms") or list(arms) or list(default_arms(keys))
    faults.extend(primary_faults(keys, declared))
    faults.extend(search_faults(keys, declared))
    faults.stop()
    study = Study(path, keys, source or {}, settled, arms, _primary(keys, arms))
    faults.extend(_search_ends(study))
    faults.stop()
    return study


def _first_rules(keys: StudyKeys, tables: Mapping[str, Any]) -> list[str]:
    return contradictions(keys, tables)


def _validated(tables: Mapping[str, Any], faults: Faults) -> tuple[StudyKeys, set[str]]:
    """The study's keys, and the keys at fault, which are left out so that the rest is checked."""
    rest = dict(tables)
    skip: set[str] = set()
    while True:
        try:
            return StudyKeys.model_validate(rest), skip
        except ValidationError as error:
            if not skip:
                faults.extend(problems(error, where="", known=keys_at, given=tables))
            wrong = faulty_keys(error, rest)
        mended = _without(rest, wrong)
        if mended == rest:
            faults.stop()
        rest = mended
        skip |= {dotted(*key) for key, _ in wrong}


def _without(
    tables: Mapping[str, Any], wrong: Sequence[tuple[tuple[str, ...], bool]]
) -> dict[str, Any]:
    """A copy without the keys at fault; a table that lacks a key goes whole."""
    mended: dict[str, Any] = copy.deepcopy(dict(tables))
    for key, is_missing in wrong:
        path = key[:-1] if is_missing else key
        table: Any = mended
        for position, part in enumerate(path):
            inner = table.get(part)
            if position == len(path) - 1 or not isinstance(inner, dict):
                table.pop(part, None)  # an entry of a list takes the list with it
                break
            table = cast("dict[str, Any]", inner)
    mended.setdefault("study", {"name": "unnamed"}).setdefault("name", "unnamed")
    mended.setdefault("cohort", {})
    mended.setdefault("task", {})
    return mended


def _names(tables: Mapping[str, Any], table: str) -> list[str]:
    """Names that the file declares, whether or not they are at fault."""
    named = tables.get(table, {})
    return list(cast("Mapping[str, Any]", named)) if isinstance(named, Mapping) else []


def _modalities(
    keys: StudyKeys, tables: Mapping[str, Any], faults: Faults
) -> dict[str, ModalityPart]:
    parts: dict[str, ModalityPart] = {name: ModalityPart() for name in _names(tables, "modalities")}
    for name, table in keys.modalities.items():
        is_segmented = keys.task.kind == "segmentation" and name == keys.task.image
        reader = SEGMENTERS if is_segmented else ENCODERS
        part = parts[name] = read_modality(name, table, faults, reader=reader)
        if part.settings is not None:
            faults.extend(predictors(keys, name, part.settings, part.columns))
    return parts


def _arms(keys: StudyKeys, parts: Mapping[str, ModalityPart], faults: Faults) -> dict[str, Arm]:
    named: Mapping[str, ArmTable] = keys.arms or default_arms(keys)
    arms = {name: read_arm(name, table, keys, parts, faults) for name, table in named.items()}
    return {name: arm for name, arm in arms.items() if arm is not None}


def _search_ends(study: Study) -> list[str]:
    """Sentences for keys of the search space that the study cannot have at an end of their range.

    A trial of tuning is this study with the searched keys set, so each end is checked as one.
    """
    tuning = study.keys.tuning
    faults = Faults()
    for key, table in tuning.space.items() if tuning != "none" else ():
        for end in table.get("choices") or [table["low"], table["high"]]:
            trial = {**study.as_tables(), "tuning": "none"}
            try:
                set_key(trial, key.split("."), end)
                _resolve(trial, study.path)
            except StudyError as error:
                faults.extend(f"tuning.space: {sentence}" for sentence in error.problems)
    return faults.sentences


def _primary(keys: StudyKeys, arms: Mapping[str, Arm]) -> Primary:
    if isinstance(keys.evaluation.primary, Primary):
        return keys.evaluation.primary
    fused = [arm for arm in arms.values() if len(arm.modalities) > 1]
    if keys.task.kind == "segmentation":
        fused = [arm for arm in fused if (arm.fusion or {})["name"] == MAIN_GUIDE] or fused
    arm = fused[0] if fused else next(iter(arms.values()))
    others = [other for other in arms.values() if other.name != arm.name and other.baseline is None]
    if keys.task.kind == "segmentation":  # who has fewer modalities: the image alone
        others.sort(key=lambda other: len(other.modalities))
    tables = [
        o for o in others if [keys.modalities[m].get("kind") for m in o.modalities] == ["table"]
    ]
    reference = (tables or others or [arm])[0]
    return Primary(arm=arm.name, reference=reference.name, metric=_first_metric(keys))


def _first_metric(keys: StudyKeys) -> Any:
    return METRICS_OF.get(keys.task.kind, ("auroc",))[0]
