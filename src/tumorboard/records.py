"""Things that travel together: the plain types that every layer speaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Layout = Literal["vector", "image", "volume", "text", "tokens", "bag"]
Part = Literal["train", "validation", "test", "locked"]
#: What an encoder needs of its modality beyond names and sizes: fields of `ArraySpec`.
Structure = Literal["graph", "groups", "projections", "vocabulary"]
FileState = Literal["used", "ignored", "rejected"]
Severity = Literal["error", "warning", "note"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class ArraySpec:
    """What a fitted modality hands to its encoder, without the batch axis.

    Args:
        layout: The contract between a modality and an encoder.
        sizes: Array sizes after the batch axis: (F,) for `vector`, (C, H, W) for `image`, ...
        names: Feature names for `vector` and `tokens`, channel names for `image` and `volume`.
        graph: Edges (2, E) between features, each from its source to the feature that it reaches,
            for encoders that need a graph; else None.
        groups: Name of a set of features (a pathway) -> their indices, for encoders that need
            sets.
        projections: (G, F) weights that turn features into the eigenvectors of G modules, for
            encoders that need them; else None.
        vocabulary: Words of the training notes, the most frequent first, for encoders that learn
            word vectors; else empty.
        files: Small files that a saved model's encoder was built from (a tokeniser), where it was;
            empty while it is built for the first time.
    """

    layout: Layout
    sizes: tuple[int, ...]
    names: tuple[str, ...] = ()
    graph: NDArray[np.int64] | None = None
    groups: Mapping[str, NDArray[np.int64]] = field(default_factory=dict[str, NDArray[np.int64]])
    projections: NDArray[np.float64] | None = None
    vocabulary: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


@dataclass(frozen=True)
class FileRecord:
    """One input file and what became of it: a row of manifest.csv."""

    path: Path
    state: FileState
    reason: str = ""
    modality: str = ""
    patient_id: str = ""


@dataclass(frozen=True)
class Rejection:
    """One patient's file that could not be used; the patient keeps the rest."""

    patient_id: str
    path: Path | None
    reason: str


@dataclass(frozen=True)
class FlowStep:
    """One step of the cohort flow diagram: who left, and why."""

    reason: str
    n_patients: int
    n_rows: int
    patients: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One finding of the audit; `evidence` is plain data that JSON can hold."""

    code: str
    severity: Severity
    message: str
    patients: tuple[str, ...] = ()
    evidence: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True)
class Cohort:
    """Patients of one source: rows of a table, and files per modality, in the source's order.

    A row is what the model sees as one example (an image, a lesion, a visit). Cells are text,
    exactly as in the source, or None where the study declares them missing; nothing is converted
    yet.

    Args:
        name: Name of the study or of the external cohort.
        patient_id: One per row; never split over parts.
        unit_id: One per row; rows with equal `unit_id` are averaged into one prediction.
        columns: Column name -> one cell per row.
        files: Modality name -> one tuple of files per row; an empty tuple is a missing modality.
        line: 1-based line of each row as a spreadsheet shows it, each once; where there is no
            table, as in the one that `tumorboard table` writes.
        table: The table the rows came from, for error messages.
        root: Folder that relative file names start from.
        records: Every file found, and what became of it.
        rejections: Named files that could not be used.
        flow: Who was left out so far, and why.
        notes: Sentences for the report (encoding detected, duplicate rows merged, ...).
        annotations: Class -> number of annotations found, before any selection.
        known_later: Column -> when its facts are known, where that is after the prediction is
            made ("at discharge"); the audit refuses such predictors.
        is_other: Whether no model is trained on it (new patients, an external cohort): it may lack
            the table of a modality, which nobody has then.
    """

    name: str
    patient_id: tuple[str, ...]
    unit_id: tuple[str, ...]
    columns: Mapping[str, tuple[str | None, ...]]
    files: Mapping[str, tuple[tuple[Path, ...], ...]]
    line: tuple[int, ...]
    table: Path
    root: Path
    records: tuple[FileRecord, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    flow: tuple[FlowStep, ...] = ()
    notes: tuple[str, ...] = ()
    annotations: Mapping[str, int] = field(default_factory=dict[str, int])
    known_later: Mapping[str, str] = field(default_factory=dict[str, str])
    is_other: bool = False

    @property
    def n_rows(self) -> int:
        """Number of rows (examples)."""
        return len(self.patient_id)

    @property
    def patients(self) -> tuple[str, ...]:
        """Patient ids without repetition, in order of first appearance."""
        return tuple(dict.fromkeys(self.patient_id))

    def take(self, rows: Sequence[int] | Ints) -> Cohort:
        """The same cohort with these rows only; records of files and flow are kept."""
        index = [int(row) for row in rows]
        return replace(
            self,
            patient_id=tuple(self.patient_id[i] for i in index),
            unit_id=tuple(self.unit_id[i] for i in index),
            columns={name: tuple(cells[i] for i in index) for name, cells in self.columns.items()},
            files={name: tuple(paths[i] for i in index) for name, paths in self.files.items()},
            line=tuple(self.line[i] for i in index),
        )


@dataclass(frozen=True)
class Outcomes:
    """What a task read from a cohort, one entry per row; rows without an outcome are not kept.

    Args:
        kept: (rows,) True where the row has a usable outcome.
        target: (rows, ...) what the loss sees: class index, or (time, event); undefined where not
            kept.
        strata: (rows,) small integers that splits are stratified on.
        columns: Outcome columns of the prediction table: name -> one text per row ("" where not
            kept).
        classes: Names of the classes in the order of the `p_<class>` columns; the positive one
            last.
        counts: Outcome counts of everything found, before a selection of classes.
        flow: Who was left out for want of an outcome, and why.
        values: Label as written in the source -> class; what a fitted model remembers.
        notes: Sentences for the report, such as how the event is coded.
        groups: Name of each stratum where the outcome is no class ("censored", "event"); strata of
            one name are one group.
    """

    kept: Bools
    target: NDArray[np.float64] | NDArray[np.int64]
    strata: Ints
    columns: Mapping[str, tuple[str, ...]]
    classes: tuple[str, ...]
    counts: Mapping[str, int]
    flow: tuple[FlowStep, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def as_classes(self) -> Outcomes:
        """The same outcomes as classes: the strata of a survival time or of a number.

        What the audit, table 1 and the splits read, which ask whether groups differ.
        """
        if self.classes or not self.groups:  # no groups: the outcome could not be read
            return self
        classes = tuple(dict.fromkeys(self.groups))
        number = np.asarray([classes.index(name) for name in self.groups], dtype=np.int64)
        text = tuple(
            self.groups[int(k)] if kept else ""
            for k, kept in zip(self.strata, self.kept, strict=True)
        )
        return replace(
            self, target=number[self.strata], classes=classes,
            columns={next(iter(self.columns)): text},
            counts={name: text.count(name) for name in classes},
        )  # fmt: skip


@dataclass(frozen=True)
class Split:
    """One repeat and fold: the part of every patient that it concerns, each exactly once.

    Patients of the locked test set are in no fold; they stand in a split of their own, repeat 0.

    Args:
        repeat: Number of the repeat, from 1.
        fold: Number of the fold, from 1.
        parts: Patient -> part; with `by` "unit", unit -> part.
        by: What is never split. Units of one patient may lie on two sides: such a split flatters,
            and is only ever shown beside one by patient.
        validating: Units of training patients that validate instead of training, where the study
            has too few patients to spare whole ones.
    """

    repeat: int
    fold: int
    parts: Mapping[str, Part]
    by: Literal["patient", "unit"] = "patient"
    validating: frozenset[str] = frozenset()

    def rows(self, cohort: Cohort, part: Part) -> Ints:
        """Row numbers of `cohort` whose patient (or unit) is in `part`."""
        ids = cohort.patient_id if self.by == "patient" else cohort.unit_id
        found = [self.parts.get(name) for name in ids]
        if self.validating:
            pairs = zip(found, cohort.unit_id, strict=True)
            found = [
                "validation" if own == "train" and unit in self.validating else own
                for own, unit in pairs
            ]
        return np.asarray([i for i, own in enumerate(found) if own == part], dtype=np.int64)


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; NaN limits where one would mislead (under 10 patients)."""

    value: float
    ci_low: float
    ci_high: float
    n_patients: int
    n_events: int
    method: str = ""


@dataclass(frozen=True)
class FittedState:
    """What a part learned from training patients, as plain data.

    Args:
        values: What JSON can hold.
        arrays: Arrays by name; saved as safetensors.
    """

    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[Any]])
