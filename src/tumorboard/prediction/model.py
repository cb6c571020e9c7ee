"""A model folder and what a clinic does with it: predict new patients, alone or in a batch."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tumorboard.cache import Cache
from tumorboard.evaluation.pairing import pairing_label
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.tables import refuse_no_file
from tumorboard.modalities import Measured
from tumorboard.prediction.predictions import Predictions
from tumorboard.records import Cohort, Floats, Ints, Rejection
from tumorboard.training.fitted import FittedArm
from tumorboard.training.found_cohort import read_other_table
from tumorboard.training.learned import has_learned
from tumorboard.training.units import average_units
from tumorboard.training.unread_notes import unread_notes


@dataclass(frozen=True)
class ReadPatients:
    """Patients of a table as a model reads them.

    Args:
        cohort: Their rows.
        measured: Modality -> measurements of the rows.
        rows: Rows that have at least one of the model's modalities.
        outcome_name: Outcome column of the cohort, or "none" where it has none.
        outcome: Outcome of each row of the cohort as class name, "" where unknown.
        rejections: Rows that were left out.
    """

    cohort: Cohort
    measured: Mapping[str, Measured]
    rows: Ints
    outcome_name: str
    outcome: tuple[str, ...]
    rejections: tuple[Rejection, ...]


class Model:
    """A fitted model, opened from its folder or handed over by `tumorboard.fit`."""

    def __init__(
        self, fitted: FittedArm, folder: Path, rejections: tuple[Rejection, ...] = ()
    ) -> None:
        self.fitted = fitted
        self.folder = folder
        #: Files of the study's patients that could not be used when it was fitted just now.
        self.rejections = rejections

    @classmethod
    def open(cls, folder: str | Path) -> Model:
        """Open a model folder; see `FittedArm.open` for what is refused."""
        path = Path(folder)
        return cls(FittedArm.open(path), path)

    def predict(self, table: str | Path, *, data: str | Path | None = None) -> Predictions:
        """Predict every patient of a cohort table.

        Args:
            table: A table with the columns that the model reads; the outcome may be absent.
            data: Folder that file names start from; the table's folder where left out.

        Raises:
            InputError: A column is missing, a cell cannot be read, or the labels are not the
                model's.
        """
        return self.predict_patients(self.read(table, data=data))

    def read(self, table: str | Path, *, data: str | Path | None = None) -> ReadPatients:
        """Read the patients of a table; see `predict`."""
        with Cache() as cache:
            return self.measure(self.list_patients(table, data=data), cache=cache)

    def list_patients(self, table: str | Path, *, data: str | Path | None = None) -> Cohort:
        """Rows of a table and the files that they name, nothing measured yet; see `predict`."""
        path = Path(table)
        is_folder_study = self.fitted.study.keys.cohort.source == "folder"
        written = "" if is_folder_study else ", such as `tumorboard table STUDY --out FILE` writes"
        refuse_no_file(path, expected=f"a table with the columns that the model reads{written}")
        modalities = self.fitted.modalities
        files = {name: m.pattern for name, m in modalities.items() if m.pattern != "none"}
        return read_other_table(
            self.fitted.study,
            path,
            [Path(data)] if data is not None else _data_roots(path),
            name=path.name,
            files=files,
            settings=self._source_settings(),
        )

    def measure(self, cohort: Cohort, *, cache: Cache) -> ReadPatients:
        """Read what the model needs of rows that `list_patients` gave, or of some of them."""
        cohort, excluded = self._without_excluded(cohort)
        outcome_name, outcome = self._outcome(cohort)
        measured: Mapping[str, Measured] = {
            name: m.read(cohort, name=name, cache=cache)
            for name, m in self.fitted.modalities.items()
        }
        some = self.fitted.present(measured).any(axis=1)
        rows = np.flatnonzero(some).astype(np.int64)
        return ReadPatients(cohort, measured, rows, outcome_name, outcome, tuple(excluded))

    def predict_patients(self, patients: ReadPatients) -> Predictions:
        """Predict patients that were read."""
        cohort, measured, rows = patients.cohort, patients.measured, patients.rows
        arm = self.fitted.arm
        present = self.fitted.present(measured)
        probabilities = self.fitted.predict(measured, rows)
        units, means, first, names = average_units(
            [cohort.unit_id[int(r)] for r in rows], probabilities, present[rows], arm.modalities
        )
        means = self.fitted.calibrate(means)
        picked = [int(r) for r in rows[first]]
        return Predictions(
            patient_id=tuple(cohort.patient_id[i] for i in picked),
            unit_id=tuple(units),
            modalities=tuple(names),
            probabilities=means,
            classes=self.fitted.classes,
            columns=() if self.fitted.classes else self.fitted.task.columns(()),
            label=self._labels(means),
            threshold=self.fitted.threshold,
            sets=self._sets(means),
            refer=self._refer(means),
            outcome_name=patients.outcome_name,
            outcome=_known_outcomes(units, cohort.unit_id, patients.outcome),
            rejections=(
                *patients.rejections,
                *cohort.rejections,
                *(r for m in measured.values() for r in m.rejections),
                *_without_any(cohort, set(units), arm.modalities),
            ),
            pairing=self.fitted.study.keys.evaluation.pairing,
            notes=(
                *filter(None, [pairing_label(self.fitted.study.as_tables())]),
                f"file names start from {cohort.root}",
                *cohort.notes,
                *_left_out_labels(patients),
                *self._notes(measured, rows),
                *self._unseen_subsets(names),
            ),
        )

    def input_notes(self, patients: ReadPatients) -> tuple[str, ...]:
        """What the modalities say of patients that were read."""
        return self._notes(patients.measured, patients.rows)

    def _source_settings(self) -> dict[str, Any]:
        """The study's source; what it declares of columns that the arm does not read is left out.

        New patients lack their outcome, so a range or a format of it must not be asked for.
        """
        read = {column for m in self.fitted.modalities.values() for column in m.columns}
        return {
            key: {c: declared for c, declared in value.items() if c in read}
            if isinstance(value, Mapping)
            else value
            for key, value in self.fitted.study.source.items()
        }

    def _outcome(self, cohort: Cohort) -> tuple[str, tuple[str, ...]]:
        """Outcome of every row where the cohort has it; labels the model lacks are refused."""
        task = self.fitted.task
        name = str(task.keys.target)
        if not self.fitted.classes or name not in cohort.columns:
            return "none", ("",) * cohort.n_rows
        outcomes = task.read(cohort, values=self.fitted.values)
        return name, outcomes.columns[name]

    def _without_excluded(self, cohort: Cohort) -> tuple[Cohort, list[Rejection]]:
        """Rows that the study left out by `[cohort] exclude`, where the table has the column."""
        rejections: list[Rejection] = []
        left_out: set[int] = set()
        for column, values in self.fitted.study.keys.cohort.exclude.items():
            for i, cell in enumerate(cohort.columns.get(column, ())):
                if cell in values and i not in left_out:
                    left_out.add(i)
                    reason = f"left out, as the study left out {column} = {cell!r}"
                    rejections.append(Rejection(cohort.patient_id[i], None, reason))
        kept = [i for i in range(cohort.n_rows) if i not in left_out]
        return (cohort.take(kept) if left_out else cohort), rejections

    def _unseen_subsets(self, names: Sequence[str]) -> list[str]:
        """Sentences about combinations of modalities that this model never learned to read."""
        return [
            f"{n} predictions rest on {subset} alone, a combination that no training patient had; "
            "training.modality_dropout was 0, so the model never learned it: do not rely on them"
            for subset, n in Counter(names).items()
            if not has_learned(self.fitted, subset)
        ]

    def _labels(self, probabilities: Floats) -> tuple[str, ...]:
        classes = self.fitted.classes
        if not classes:
            return ()
        if len(classes) == 2:
            positive = probabilities[:, 1] >= self.fitted.threshold
            return tuple(classes[int(p)] for p in positive)
        return tuple(classes[int(k)] for k in probabilities.argmax(axis=1))

    def _sets(self, probabilities: Floats) -> tuple[tuple[str, ...], ...]:
        rule = self.fitted.conformal
        if rule is None:
            return ()
        return tuple(
            tuple(name for name, has in zip(self.fitted.classes, row, strict=True) if has)
            for row in rule.sets(probabilities)
        )

    def _refer(self, probabilities: Floats) -> tuple[bool, ...]:
        """True where the set is not just the class called, or no class is probable enough."""
        rule, least = self.fitted.conformal, self.fitted.study.keys.evaluation.refer_below
        if rule is None and least == 0:
            return ()
        unsure = probabilities.max(axis=1) < least
        if rule is not None:
            sets = rule.sets(probabilities)
            called = [self.fitted.classes.index(name) for name in self._labels(probabilities)]
            unsure |= (sets.sum(axis=1) != 1) | ~sets[np.arange(len(sets)), called]
        return tuple(bool(u) for u in unsure)

    def _notes(self, measured: Mapping[str, Measured], rows: Ints) -> tuple[str, ...]:
        said = tuple(
            f"{name}: {sentence}"
            for name, modality in self.fitted.modalities.items()
            for sentence in modality.notes(measured[name], rows)
        )
        return (*said, *unread_notes(self.fitted, measured, rows))


def _data_roots(table: Path) -> list[Path]:
    """The table's own folder, and `TUMORBOARD_DATA` where that one does not hold the files.

    In this order, so that files of another cohort under the same names are not taken for the new
    patients'.
    """
    named = os.environ.get("TUMORBOARD_DATA")
    return [table.parent, *([Path(named)] if named else [])]


def _left_out_labels(patients: ReadPatients) -> list[str]:
    """A sentence about rows whose label is known, but in none of the study's classes."""
    if patients.outcome_name == "none":
        return []
    labels = patients.cohort.columns[patients.outcome_name]
    found = Counter(str(labels[i]) for i in patients.rows if labels[i] and not patients.outcome[i])
    if not found:
        return []
    named = listed([f"{label} ({n})" for label, n in found.most_common()])
    return [
        f"{patients.outcome_name}: {counted(found.total(), 'row')} with a label that the study "
        f"left out of its classes: {named}; predicted as one of the model's classes, with the "
        "outcome left empty"
    ]


def _known_outcomes(
    units: Sequence[str], unit_id: Sequence[str], outcome: Sequence[str]
) -> tuple[str, ...]:
    """The first known outcome of each unit's rows."""
    known: dict[str, str] = {}
    for unit, label in zip(unit_id, outcome, strict=True):
        if label:
            known.setdefault(unit, label)
    return tuple(known.get(unit, "") for unit in units)


def _without_any(
    cohort: Cohort, predicted: set[str], modalities: tuple[str, ...]
) -> list[Rejection]:
    """Units that have none of the model's modalities: refused, never guessed; by patient."""
    missing: dict[str, dict[str, None]] = {}
    for patient, unit in zip(cohort.patient_id, cohort.unit_id, strict=True):
        if unit not in predicted:
            missing.setdefault(patient, {})[unit] = None
    reason = f"no prediction: none of {', '.join(modalities)} is present"
    return [
        Rejection(patient, None, reason if patient in own else f"{reason} in {listed(list(own))}")
        for patient, own in missing.items()
    ]
