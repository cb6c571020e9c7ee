"""From a study and its data to what training reads: patients, outcomes, measurements."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tumorboard import registry
from tumorboard.cache import Cache
from tumorboard.cohorts.locking import lock_patients
from tumorboard.cohorts.selection import exclude_rows, keep_rows, require_modalities
from tumorboard.errors import StudyError
from tumorboard.evaluation.ledger import ledger_path, read_ledger
from tumorboard.modalities import Measured, Modality
from tumorboard.records import Bools, Cohort, FileRecord, Ints, Outcomes, Rejection
from tumorboard.study import Study
from tumorboard.study_keys import TaskTable
from tumorboard.tasks import Task
from tumorboard.training.found_cohort import build_modality as build_modality
from tumorboard.training.found_cohort import read_cohort, with_columns
from tumorboard.training.references import References, with_masks


@dataclass(frozen=True)
class Prepared:
    """A cohort that was read, measured and selected; nothing is fitted yet.

    Args:
        found: Every row of the source, before any selection.
        found_outcomes: Outcomes of `found`.
        found_measured: Modality -> its measurements of `found`.
        cohort: The rows that are analysed.
        outcomes: Outcomes of `cohort`; all kept.
        measured: Modality -> its measurements of `cohort`.
        rejections: Files of any patient that could not be used.
        records: Every file found, and what became of it.
        locked: Patients of the locked test set, who take no part in any fold.
        references: Masks of the rows of `cohort`, where the task is a segmentation.
    """

    found: Cohort
    found_outcomes: Outcomes
    found_measured: Mapping[str, Measured]
    cohort: Cohort
    outcomes: Outcomes
    measured: Mapping[str, Measured]
    rejections: tuple[Rejection, ...]
    records: tuple[FileRecord, ...]
    locked: frozenset[str] = frozenset()
    references: References | None = None

    def present(self, modalities: tuple[str, ...]) -> Bools:
        """(rows, M): which of the modalities each row has."""
        return np.stack([self.measured[name].present for name in modalities], axis=1)

    def rows(self, patients: set[str]) -> Ints:
        """Row numbers of these patients."""
        ids = self.cohort.patient_id
        return np.asarray([i for i, patient in enumerate(ids) if patient in patients], np.int64)


def build_task(keys: TaskTable) -> Task:
    """The study's task."""
    return registry.load("tasks", keys.kind)(keys)


def prepare(study: Study, root: Path, *, cache: Cache, patients_per_class: int = 0) -> Prepared:
    """Read the cohort, its outcomes and every modality of a study.

    Args:
        study: The checked study.
        root: Folder that the study's file names start from.
        cache: Where prepared arrays are kept.
        patients_per_class: Take only the first so many patients of each class, of those who have
            what the study requires; 0 takes all.

    Raises:
        InputError: The table or a column cannot be read without guessing.
        StudyError: The study names values that are not in the data.
    """
    found = read_cohort(study, root)
    study = with_columns(study, found)
    modalities = {name: build_modality(table) for name, table in study.modalities.items()}
    task = build_task(study.keys.task)
    selected = exclude_rows(found, study.keys.cohort.exclude)
    outcomes = task.read(selected)
    # chosen before anything else is, so that a trial on a few patients spares the same ones
    locked = choose_locked(study, selected, outcomes)
    if patients_per_class:
        spared = locked | _without(_required(study), modalities, selected, cache)
        found, selected = _small(found, selected, outcomes, patients_per_class, spared)
        locked = frozenset[str]()
        outcomes = task.read(selected, values=outcomes.values)
    measured = {name: m.read(found, name=name, cache=cache) for name, m in modalities.items()}
    selected = replace(selected, flow=(*selected.flow, *outcomes.flow))
    selected = replace(selected.take(np.flatnonzero(outcomes.kept)), flow=selected.flow)
    present = {name: m.present[_positions(found, selected)] for name, m in measured.items()}
    lost = {name: m.rejections for name, m in measured.items()}
    selected = require_modalities(selected, present, _required(study), rejections=lost)
    some = np.zeros(selected.n_rows, dtype=bool)
    for entry in measured.values():
        some |= entry.present[_positions(found, selected)]
    if not some.all():
        selected = keep_rows(selected, some, "none of the modalities present")
    if selected.n_rows < found.n_rows:
        kept = {name: m.read(selected, name=name, cache=cache) for name, m in modalities.items()}
    else:
        kept = measured
    said = reading_notes(measured)
    found, selected, kept, references = with_masks(
        study, task, modalities, found, selected, kept, cache, learns=not patients_per_class
    )
    return Prepared(
        found=replace(found, notes=(*found.notes, *outcomes.notes, *said)),
        found_outcomes=_everything(task, found, outcomes),
        found_measured=measured,
        cohort=replace(selected, notes=(*selected.notes, *outcomes.notes, *said)),
        outcomes=task.read(selected, values=outcomes.values),
        measured=kept,
        rejections=(*found.rejections, *(r for m in measured.values() for r in m.rejections)),
        records=_records(found, selected, measured, references),
        locked=locked & set(selected.patient_id),
        references=references,
    )


def _small(
    found: Cohort, selected: Cohort, outcomes: Outcomes, per_class: int,
    spared: Collection[str],
) -> tuple[Cohort, Cohort]:  # fmt: skip
    """Everybody found and selected, cut to the first patients of each class; it says so."""
    n_patients = len(found.patients)
    # what left before the choice is no step from these few to those analysed
    selected = replace(_first_patients(selected, outcomes, per_class, spared), flow=())
    found = _only(found, set(selected.patient_id))
    few = (
        f"A small version of the study: {len(found.patients)} of {n_patients} patients, at "
        f"most the first {per_class} of a class or group. Its numbers answer nothing."
    )
    return replace(found, notes=(few, *found.notes), flow=()), selected


def reading_notes(measured: Mapping[str, Measured]) -> tuple[str, ...]:
    """What each modality says of what it read, each sentence once."""
    return tuple(dict.fromkeys(f"{name}: {n}" for name, own in measured.items() for n in own.notes))


def _required(study: Study) -> list[str]:
    """Modalities that every patient must have: those that the study asks for, and its targets'."""
    task = study.keys.task
    own = [name for name in (task.expression, task.image) if name != "none"]
    return list(dict.fromkeys([*study.keys.cohort.require, *own]))


def _positions(found: Cohort, selected: Cohort) -> Ints:
    """Row numbers in `found` of the rows of `selected`."""
    position = {line: i for i, line in enumerate(found.line)}
    return np.asarray([position[line] for line in selected.line], dtype=np.int64)


def _only(cohort: Cohort, patients: set[str]) -> Cohort:
    return cohort.take([i for i, patient in enumerate(cohort.patient_id) if patient in patients])


def choose_locked(study: Study, cohort: Cohort, outcomes: Outcomes) -> frozenset[str]:
    """Patients of the locked test set: those of earlier looks first; none where none is asked for.

    Raises:
        StudyError: The set leaves too few patients, or the study opens a set that was looked at.
        InputError: The ledger is damaged.
    """
    share = study.keys.evaluation.locked_test
    path = ledger_path(study.path)
    looks = read_ledger(path)
    if share == 0:
        if looks:
            raise StudyError(
                f"evaluation.locked_test: is 0, but {path.name} records {len(looks)} looks at a "
                "locked test set, whose patients would now train models. Set it to what it was, or "
                "give the study file another name and say in the report that the set was opened."
            )
        return frozenset()
    rows = np.flatnonzero(outcomes.kept)
    return lock_patients(
        [cohort.patient_id[int(i)] for i in rows],
        outcomes.strata[rows],
        share=share,
        name=study.name.removesuffix("-fast"),
        known=frozenset(mark for look in looks for mark in look.marks),
    )


def _without(
    required: list[str], modalities: Mapping[str, Modality], cohort: Cohort, cache: Cache
) -> set[str]:
    """Patients without a required modality: no file of it, or absent from its table.

    Files are not opened: a trial on a few patients must not read those of everybody.
    """
    lacking: set[str] = set()
    for name in required:
        if name not in modalities:
            continue  # `require_modalities` says so, with the nearest name
        if name in cohort.files:
            present = [len(files) > 0 for files in cohort.files[name]]
        else:
            present = modalities[name].read(cohort, name=name, cache=cache).present.tolist()
        pairs = list(zip(cohort.patient_id, present, strict=True))
        lacking |= set(cohort.patient_id) - {patient for patient, has in pairs if has}
    return lacking


def _first_patients(cohort: Cohort, outcomes: Outcomes, n: int, spared: Collection[str]) -> Cohort:
    taken: dict[int, dict[str, None]] = {}
    for patient, kept, target in zip(
        cohort.patient_id, outcomes.kept, outcomes.strata, strict=True
    ):
        group = taken.setdefault(int(target), {})
        if kept and len(group) < n and patient not in spared:
            group[patient] = None
    return _only(cohort, {patient for group in taken.values() for patient in group})


def _everything(task: Task, found: Cohort, outcomes: Outcomes) -> Outcomes:
    """Counts of every label found, before the exclusions of the study."""
    if not outcomes.classes:  # rows that the study excludes may be those that cannot be read
        return replace(outcomes, flow=())
    labels = found.columns[str(task.keys.target)]
    by_patient = task.keys.unit == "patient"
    units = found.patient_id if by_patient else tuple(map(str, range(found.n_rows)))
    pairs = {(unit, label) for unit, label in zip(units, labels, strict=True) if label is not None}
    counts: dict[str, int] = {}
    for _, label in sorted(pairs, key=lambda pair: pair[1]):
        counts[label] = counts.get(label, 0) + 1
    return replace(outcomes, counts=counts, flow=())


def _records(
    found: Cohort, cohort: Cohort, measured: Mapping[str, Measured], references: References | None
) -> tuple[FileRecord, ...]:
    """Every file once: what the modality found wrong counts over what the source matched."""
    masks = references.records(cohort) if references is not None else ()
    own = (*masks, *(r for m in measured.values() for r in m.records))
    wrong = {(r.path, r.modality): r for r in own}
    in_use = {path for paths in cohort.files.values() for files in paths for path in files}
    # masks and further channels, which no pattern of the source names
    further = {path: record for (path, _), record in wrong.items() if record.state == "used"}
    records: list[FileRecord] = []
    for record in found.records:
        # several modalities may read one file: the first that could not use it says why
        each = (wrong.get((record.path, name)) for name in record.modality.split("+"))
        better = next((one for one in each if one is not None and one.state != "used"), None)
        if better is not None:
            records.append(better)
        elif record.state == "ignored" and not record.modality and record.path in further:
            records.append(further[record.path])
        elif record.state == "used" and record.modality and record.path not in in_use:
            records.append(
                replace(record, state="ignored", reason="its rows were left out of the analysis")
            )
        else:
            records.append(record)
    # tables, gene sets and edges, which no row names, may lie in folders of their own
    listed = {record.path for record in records}
    elsewhere = {path: own for (path, _), own in wrong.items() if path not in listed}
    return (*records, *elsewhere.values())
