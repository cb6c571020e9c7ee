"""What the report reads from a run folder: the one place that knows its files."""

from __future__ import annotations

import csv
import json
import tomllib
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
from tumorboard.evaluation.pairing import pairing_label
from tumorboard.evaluation.run import Run
from tumorboard.evaluation.statistic import decide
from tumorboard.evaluation.tables import PredictionTable
from tumorboard.evaluation.thresholds import choose_thresholds
from tumorboard.records import Estimate, Finding, FlowStep, Ints
from tumorboard.report.curves import Fit
from tumorboard.report.flow import CohortFlow
from tumorboard.report.history import History, read_histories
from tumorboard.report.performance import ClassCount
from tumorboard.study_keys import Threshold


@dataclass(frozen=True)
class Contents:
    """A run folder, read.

    Args:
        folder: The run folder.
        answer: The first line: the answer to the study's primary question.
        study: The resolved study as tables.
        study_text: The same as it stands in study.toml.
        everything: Validation and test predictions with a known outcome.
        predictions: Test predictions with a known outcome.
        calls: (rows,) class that each prediction calls.
        threshold_notes: Sentences about models whose threshold could not be chosen.
        metrics: Arm -> metric -> estimate; the primary arm and its reference first.
        differences: The primary comparison first.
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
    everything: PredictionTable
    predictions: PredictionTable
    calls: Ints
    threshold_notes: Sequence[str]
    metrics: Mapping[str, Mapping[str, Estimate]]
    differences: Sequence[Comparison]
    cohort: Mapping[str, Any]
    findings: Sequence[Finding]
    environment: Mapping[str, Any]
    table_one: Mapping[str, Any]
    files: Mapping[str, int]
    histories: Sequence[History]

    @property
    def name(self) -> str:
        """The study's name."""
        return str(self.study["study"]["name"])

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms in the order of every table and figure."""
        return tuple(self.metrics)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, the positive one last."""
        return self.predictions.classes

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
    def n_patients(self) -> int:
        """Patients with at least one test prediction."""
        return len(np.unique(self.predictions.patient_id))

    @cached_property
    def n_units(self) -> Mapping[str, int]:
        """Class -> units with at least one test prediction."""
        _, first = np.unique(self.predictions.unit_id, return_index=True)
        counts = Counter(self.predictions.outcome[first].tolist())
        return {name: counts[k] for k, name in enumerate(self.classes)}

    @cached_property
    def class_counts(self) -> Mapping[str, ClassCount]:
        """Class -> how much of it was tested."""
        table, n_all = self.predictions, sum(self.n_units.values())
        return {
            name: ClassCount(n, n_all, len(np.unique(table.patient_id[table.outcome == k])))
            for k, (name, n) in enumerate(self.n_units.items())
        }

    @property
    def n_events(self) -> int:
        """Patients with the positive class; with the rarest class where there are more than two."""
        counts = [count.n_patients for count in self.class_counts.values()]
        return counts[-1] if len(counts) == 2 else min(counts)

    @cached_property
    def n_splits(self) -> tuple[int, int]:
        """(repeats, folds) that were tested."""
        return int(self.predictions.repeat.max()), int(self.predictions.fold.max())

    @cached_property
    def fold_means(self) -> Mapping[tuple[str, str], tuple[float, float]]:
        """(arm, metric) -> means of the arm and of the reference: what a difference is made of.

        Over the folds and the units that both predicted, unlike the pooled values of an arm alone.
        """
        document = read_evidence(self.folder, "tests") or {"comparisons": []}
        return {
            (row["arm"], row["metric"]): (row["arm_value"], row["reference_value"])
            for row in document["comparisons"]
            if row["arm_value"] is not None and row["reference_value"] is not None
        }

    @property
    def has_intervals(self) -> bool:
        """Whether there are patients enough for any interval or p-value."""
        return self.n_patients >= MIN_PATIENTS

    @property
    def averaged(self) -> str:
        """What a compared value is: a mean over folds, or the value of the one split."""
        repeats, folds = self.n_splits
        return "mean over the folds" if repeats * folds > 1 else "of the one split"

    def fits(self) -> dict[str, list[Fit]]:
        """Arm -> what each of its fitted models said about its test patients."""
        table = self.predictions
        _, patient = np.unique(table.patient_id, return_inverse=True)
        n_folds = self.n_splits[1]
        group = table.repeat * (n_folds + 1) + table.fold
        found: dict[str, list[Fit]] = {}
        for arm in self.arms:
            of_arm = table.arm == arm
            found[arm] = [
                Fit(patient[rows], table.outcome[rows], table.probabilities[rows])
                for g in np.unique(group[of_arm])
                for rows in [np.flatnonzero(of_arm & (group == g))]
            ]
        return found

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
        """Modality -> analysed patients who have it, whichever arm saw it."""
        seen: dict[str, set[str]] = {name: set() for name in self.study.get("modalities", {})}
        pairs = zip(
            self.predictions.patient_id.tolist(), self.predictions.modalities.tolist(), strict=True
        )
        for patient, names in set(pairs):
            for name in names.split("+"):
                if name:
                    seen.setdefault(name, set()).add(patient)
        return {name: len(patients) for name, patients in seen.items()}


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


def read_contents(folder: Path) -> Contents:
    """Read a run folder.

    Raises:
        InputError: A file is absent or damaged.
    """
    run = Run(folder)
    text = (folder / "study.toml").read_text(encoding="utf-8")
    study = tomllib.loads(text)
    table = run.predictions.with_positive(study.get("task", {}).get("positive", "none"))
    rule = Threshold.model_validate(study.get("evaluation", {}).get("threshold", {}))
    calls, threshold_notes = _calls(table, rule)
    known = np.flatnonzero((table.part == "test") & (table.outcome >= 0))
    return Contents(
        folder=folder,
        answer=run.answer,
        study=study,
        study_text=text,
        everything=table.take(table.outcome >= 0),
        predictions=table.take(known),
        calls=calls[known],
        threshold_notes=threshold_notes,
        metrics=_ordered(run.metrics, run.comparison),
        differences=run.comparison,
        cohort=read_json(folder / "cohort.json"),
        findings=read_findings(folder / "audit.json"),
        environment=read_json(folder / "environment.json", default={}),
        table_one=read_json(folder / "table1.json", default={}),
        files=count_files(folder / "manifest.csv"),
        histories=read_histories(folder / "models"),
    )


def _ordered(
    metrics: Mapping[str, Mapping[str, Estimate]], differences: Sequence[Comparison]
) -> dict[str, Mapping[str, Estimate]]:
    """Arm -> metric -> estimate; the primary arm and its reference first."""
    leading = [differences[0].arm, differences[0].reference] if differences else []
    return {arm: metrics[arm] for arm in dict.fromkeys([*leading, *metrics]) if arm in metrics}


def _calls(table: PredictionTable, rule: Threshold) -> tuple[Ints, tuple[str, ...]]:
    """Class that each row calls, by its own fit's threshold; sentences about thresholds."""
    chosen, notes = choose_thresholds(table, rule)
    keys = zip(table.arm.tolist(), table.repeat.tolist(), table.fold.tolist(), strict=True)
    threshold = np.asarray([chosen.get(key, 0.5) for key in keys])
    return decide(table.probabilities, threshold), notes
