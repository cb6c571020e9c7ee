"""What every report reads from a run folder, whatever the task."""

from __future__ import annotations

import csv
import json
import tomllib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tumorboard.errors import InputError
from tumorboard.evaluation.answer import unit_word
from tumorboard.evaluation.comparison import Comparison
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.evaluation.evidence import read_evidence
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.pairing import pairing_label
from tumorboard.evaluation.run import Run
from tumorboard.evaluation.tables import PredictionTable
from tumorboard.records import Estimate, Finding, FlowStep
from tumorboard.report.flow import CohortFlow
from tumorboard.report.history import History, read_histories


@dataclass(frozen=True)
class RunContents(ABC):
    """What the page of every run has, whatever its task.

    Args:
        folder: The run folder.
        answer: The first line: the answer to the study's primary question.
        study: The resolved study as tables.
        study_text: The same as it stands in study.toml.
        metrics: Arm -> metric -> estimate; the primary arm and its reference first. Arms with
            other notes put in, which have a part of their own, are not among them.
        differences: The primary comparison first, of the same arms.
        cohort: cohort.json.
        findings: audit.json.
        environment: environment.json; empty where the run has none.
        table_one: table1.json; empty where the run has none.
        files: State of the input files -> how many.
        histories: Training curves of the networks.
    """

    folder: Path
    answer: str
    study: Mapping[str, Any]
    study_text: str
    metrics: Mapping[str, Mapping[str, Estimate]]
    differences: Sequence[Comparison]
    cohort: Mapping[str, Any]
    findings: Sequence[Finding]
    environment: Mapping[str, Any]
    table_one: Mapping[str, Any]
    files: Mapping[str, int]
    histories: Sequence[History]

    @property
    @abstractmethod
    def tested(self) -> PredictionTable | OutcomeTable:
        """Test predictions with a known outcome."""

    @property
    @abstractmethod
    def n_units(self) -> Mapping[str, int]:
        """Class, or group -> units with at least one test prediction."""

    @property
    @abstractmethod
    def fold_means(self) -> Mapping[tuple[str, str], tuple[float, float]]:
        """(arm, metric) -> means of the arm and of the reference: what a difference is made of."""

    @property
    def name(self) -> str:
        """The study's name."""
        return str(self.study["study"]["name"])

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms in the order of every table and figure."""
        return tuple(self.metrics)

    @property
    def primary_metric(self) -> str:
        """The metric of the first line."""
        return self.differences[0].metric if self.differences else "auroc"

    @property
    def unit(self) -> str:
        """What one prediction is about."""
        return str(self.study.get("task", {}).get("unit", "patient"))

    @property
    def pairing(self) -> str:
        """The label of modalities that come from different people; "" for those of one patient."""
        return pairing_label(self.study)

    @property
    def counted(self) -> str:
        """What the study calls a patient, such as `lesions` where lesions are never split."""
        return unit_word(str(self.study.get("cohort", {}).get("patient_id", "patient_id")))

    @cached_property
    def unread(self) -> tuple[str, ...]:
        """What encoders of the fitted models did not read of long notes, each sentence once."""
        if not any(m.get("kind") == "notes" for m in self.study.get("modalities", {}).values()):
            return ()
        found: dict[str, list[str]] = {}
        for arm in self.arms:
            for path in sorted((self.folder / "models" / arm).glob("*-*/model.json")):
                for sentence in read_json(path).get("notes", {}).get("unread", ()):
                    found.setdefault(str(sentence), []).append(arm)
        return tuple(
            f"{sentence} Arms: {', '.join(dict.fromkeys(arms))}."
            for sentence, arms in found.items()
        )

    @cached_property
    def n_patients(self) -> int:
        """Patients with at least one test prediction."""
        return len(np.unique(self.tested.patient_id))

    @cached_property
    def n_splits(self) -> tuple[int, int]:
        """(repeats, folds) that were tested."""
        return int(self.tested.repeat.max()), int(self.tested.fold.max())

    @property
    def has_intervals(self) -> bool:
        """Whether there are patients enough for any interval or p-value."""
        return self.n_patients >= MIN_PATIENTS

    @property
    def averaged(self) -> str:
        """What a compared value is: a mean over folds, or the value of the one split."""
        repeats, folds = self.n_splits
        return "mean over the folds" if repeats * folds > 1 else "of the one split"

    @property
    def compared(self) -> str:
        """Which patients a row of the table of comparisons is about."""
        both = "the patients that both arms predicted"
        if self.study.get("task", {}).get("kind") != "segmentation":
            return both
        return (
            f"{both}, except those without the label whom both rightly leave empty (where only one "
            "of them invents it, the other counts with full marks: more patients than behind its "
            "own mean)"
        )

    def flow(self) -> CohortFlow:
        """Counts of the flow diagram."""
        steps = [
            FlowStep(str(s["reason"]), int(s["patients"]), int(s["rows"]))
            for s in self.cohort.get("flow", [])
        ]
        before = self.cohort.get("left_out_by_source", {})
        return CohortFlow(
            n_patients=int(self.cohort["patients"]) + int(before.get("patients", 0)),
            n_rows=int(self.cohort["rows"]) + int(before.get("rows", 0)),
            steps=steps,
            n_analysed=self.n_patients,
            outcome=self.n_units,
            modalities=self._present(),
            unit=self.unit,
        )

    def _present(self) -> dict[str, int]:
        """Modality that an arm reads -> analysed patients who have it, whichever arm saw it."""
        arms = self.study.get("arms", {}).values()
        read = {name for arm in arms for name in arm["modalities"]}
        known = self.study.get("modalities", {})
        seen: dict[str, set[str]] = {name: set() for name in known if name in read}
        pairs = zip(self.tested.patient_id.tolist(), self.tested.modalities.tolist(), strict=True)
        for patient, names in set(pairs):
            for name in names.split("+"):
                if name:
                    seen.setdefault(name, set()).add(patient)
        return {name: len(patients) for name, patients in seen.items()}


def read_shared(run: Run) -> dict[str, Any]:
    """Fields of `RunContents` from a run folder.

    Raises:
        InputError: A file is absent or damaged.
    """
    folder = run.folder
    text = (folder / "study.toml").read_text(encoding="utf-8")
    elsewhere = _controls_shown(folder)
    metrics = {arm: found for arm, found in run.metrics.items() if arm not in elsewhere}
    return {
        "folder": folder,
        "answer": run.answer,
        "study": tomllib.loads(text),
        "study_text": text,
        "metrics": _ordered(metrics, run.comparison),
        "differences": [row for row in run.comparison if row.arm not in elsewhere],
        "cohort": read_json(folder / "cohort.json"),
        "findings": read_findings(folder / "audit.json"),
        "environment": read_json(folder / "environment.json", default={}),
        "table_one": read_json(folder / "table1.json", default={}),
        "files": count_files(folder / "manifest.csv"),
        "histories": read_histories(folder / "models"),
    }


def _controls_shown(folder: Path) -> set[str]:
    """Arms with other notes put in that the part on them compares with their own arm."""
    document = read_evidence(folder, "segmentation")
    entries = document["controls"] if document is not None else []
    return {f"{entry['arm']}-{entry['control']}" for entry in entries}


def read_json(path: Path, *, default: Any = None) -> Any:
    """A JSON file of a run folder.

    Args:
        default: Given where the file is absent; without one, absence is an error.

    Raises:
        InputError: Absent or damaged.
    """
    if not path.is_file():
        if default is not None:
            return default
        raise InputError(
            f"{path}: absent, so the run is not complete. Run `tumorboard evaluate` on it again."
        )
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: damaged ({error}). Run `tumorboard evaluate` on it again."
        ) from None


def read_findings(path: Path) -> list[Finding]:
    """Findings of the audit, errors first."""
    rank = {"error": 0, "warning": 1, "note": 2}
    findings = [
        Finding(f["code"], f["severity"], f["message"], tuple(f["patients"]), f["evidence"])
        for f in read_json(path, default=[])
    ]
    return sorted(findings, key=lambda finding: rank[finding.severity])


def count_files(manifest: Path) -> dict[str, int]:
    """State of the input files -> how many; empty where there is no manifest."""
    if not manifest.is_file():
        return {}
    with manifest.open(encoding="utf-8", newline="") as handle:
        counts = Counter(row["state"] for row in csv.DictReader(handle))
    return {state: counts[state] for state in ("used", "ignored", "rejected")}


def _ordered(
    metrics: Mapping[str, Mapping[str, Estimate]], differences: Sequence[Comparison]
) -> dict[str, Mapping[str, Estimate]]:
    """Arm -> metric -> estimate; the primary arm and its reference first."""
    leading = [differences[0].arm, differences[0].reference] if differences else []
    return {arm: metrics[arm] for arm in dict.fromkeys([*leading, *metrics]) if arm in metrics}
