"""From a study and its data to what training reads: patients, outcomes and measurements of every row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tumorboard import registry
from tumorboard.cache import Cache
from tumorboard.cohorts import Source
from tumorboard.cohorts.selection import exclude_rows, keep_rows, require_modalities
from tumorboard.modalities import Measured, Modality
from tumorboard.records import Bools, Cohort, FileRecord, FlowStep, Ints, Outcomes, Rejection
from tumorboard.study import Study
from tumorboard.study_keys import TaskTable
from tumorboard.tasks import Task


@dataclass(frozen=True)
class Prepared:
    """A cohort that was read, measured and selected; nothing is fitted yet.

    Args:
        found: Every row of the source, before any selection.
        found_outcomes: Outcomes of `found`.
        cohort: The rows that are analysed.
        outcomes: Outcomes of `cohort`; all kept.
        measured: Modality -> its measurements of `cohort`.
        rejections: Files of any patient that could not be used.
        records: Every file found, and what became of it.
    """

    found: Cohort
    found_outcomes: Outcomes
    cohort: Cohort
    outcomes: Outcomes
    measured: Mapping[str, Measured]
    rejections: tuple[Rejection, ...]
    records: tuple[FileRecord, ...]

    def present(self, modalities: tuple[str, ...]) -> Bools:
        """(rows, M): which of the modalities each row has."""
        return np.stack([self.measured[name].present for name in modalities], axis=1)

    def rows(self, patients: set[str]) -> Ints:
        """Row numbers of these patients."""
        ids = self.cohort.patient_id
        return np.asarray([i for i, patient in enumerate(ids) if patient in patients], np.int64)


def build_source(cohort: Mapping[str, Any], kind: str) -> Source:
    """The study's source with its resolved settings."""
    return registry.find("cohorts", kind, Source)(**_arguments(cohort, "cohorts", kind))  # type: ignore[call-arg]


def build_modality(settings: Mapping[str, Any]) -> Modality:
    """One modality from its resolved table in the study."""
    kind = str(settings["kind"])
    plain = {key: value for key, value in settings.items() if key not in ("kind", "encoder")}
    return registry.find("modalities", kind, Modality)(**_arguments(plain, "modalities", kind))  # type: ignore[call-arg]


def build_task(keys: TaskTable) -> Task:
    """The study's task."""
    return registry.find("tasks", keys.kind, Task)(keys)


def _arguments(settings: Mapping[str, Any], folder: str, kind: str) -> dict[str, Any]:
    """Settings with the types that `__init__` names: a TOML list becomes the tuple it asks for."""
    model = registry.settings_model(registry.load(folder, kind))
    known = {key: value for key, value in settings.items() if key in model.model_fields}
    parsed = model.model_validate_json(_json(known))
    return {name: getattr(parsed, name) for name in model.model_fields}


def _json(value: Mapping[str, Any]) -> str:
    import json

    return json.dumps(value)


def with_units(cohort: Cohort, unit: str) -> Cohort:
    """Name what one prediction is about: the patient, or the row by its line in the table."""
    if unit == "patient":
        return replace(cohort, unit_id=cohort.patient_id)
    pairs = zip(cohort.patient_id, cohort.line, strict=True)
    return replace(cohort, unit_id=tuple(f"{patient}:{line}" for patient, line in pairs))


def prepare(study: Study, root: Path, *, cache: Cache) -> Prepared:
    """Read the cohort, its outcomes and every modality of a study.

    Args:
        study: The checked study.
        root: Folder that the study's file names start from.
        cache: Where prepared arrays are kept.

    Raises:
        InputError: The table or a column cannot be read without guessing.
        StudyError: The study names values that are not in the data.
    """
    source = build_source(study.source, study.keys.cohort.source)
    modalities = {name: build_modality(table) for name, table in study.modalities.items()}
    files = {name: m.pattern for name, m in modalities.items() if m.pattern != "none"}
    found = with_units(source.read(root, name=study.name, files=files), study.keys.task.unit)
    task = build_task(study.keys.task)
    cohort = exclude_rows(found, study.keys.cohort.exclude)
    outcomes = task.read(cohort)
    cohort = replace(cohort, flow=(*cohort.flow, *outcomes.flow))
    cohort = replace(cohort.take(np.flatnonzero(outcomes.kept)), flow=cohort.flow)
    measured = {
        name: modality.read(cohort, name=name, cache=cache) for name, modality in modalities.items()
    }
    selected = require_modalities(
        cohort, {name: m.present for name, m in measured.items()}, study.keys.cohort.require
    )
    selected = _with_some_modality(selected, cohort, measured)
    if selected.n_rows < cohort.n_rows:
        cohort = selected
        measured = {
            name: modality.read(cohort, name=name, cache=cache)
            for name, modality in modalities.items()
        }
    return Prepared(
        found=found,
        found_outcomes=_everything(task, found, outcomes),
        cohort=cohort,
        outcomes=task.read(cohort, values=outcomes.values),
        measured=measured,
        rejections=(*found.rejections, *(r for m in measured.values() for r in m.rejections)),
        records=_records(found, cohort, measured),
    )


def _with_some_modality(
    selected: Cohort, cohort: Cohort, measured: Mapping[str, Measured]
) -> Cohort:
    """Leave out rows that have none of the modalities: no arm could say anything about them."""
    line = dict(zip(cohort.line, range(cohort.n_rows), strict=True))
    rows = [line[number] for number in selected.line]
    some = np.zeros(len(rows), dtype=bool)
    for entry in measured.values():
        some |= entry.present[rows]
    return selected if some.all() else keep_rows(selected, some, "none of the modalities present")


def _everything(task: Task, found: Cohort, outcomes: Outcomes) -> Outcomes:
    """Counts of every label found, before the exclusions of the study."""
    labels = found.columns[str(task.keys.target)]
    by_patient = task.keys.unit == "patient"
    units = found.patient_id if by_patient else tuple(map(str, range(found.n_rows)))
    pairs = {(unit, label) for unit, label in zip(units, labels, strict=True) if label is not None}
    counts: dict[str, int] = {}
    for _, label in sorted(pairs, key=lambda pair: pair[1]):
        counts[label] = counts.get(label, 0) + 1
    return replace(outcomes, counts=counts)


def _records(
    found: Cohort, cohort: Cohort, measured: Mapping[str, Measured]
) -> tuple[FileRecord, ...]:
    """Every file once: what the modality found wrong counts over what the source matched."""
    wrong = {(r.path, r.modality): r for m in measured.values() for r in m.records}
    in_use = {path for paths in cohort.files.values() for files in paths for path in files}
    records: list[FileRecord] = []
    for record in found.records:
        better = wrong.get((record.path, record.modality))
        if better is not None and better.state != "used":
            records.append(better)
        elif record.state == "used" and record.modality and record.path not in in_use:
            records.append(
                replace(record, state="ignored", reason="its rows were left out of the analysis")
            )
        else:
            records.append(record)
    return tuple(records)


def flow_of(prepared: Prepared) -> tuple[FlowStep, ...]:
    """Every step from the patients found to the patients analysed."""
    return prepared.cohort.flow
