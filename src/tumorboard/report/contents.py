"""What the report reads from a run folder: the one place that knows its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from tumorboard.errors import InputError
from tumorboard.evaluation.evidence import read_evidence
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.run import Run
from tumorboard.evaluation.statistic import decide
from tumorboard.evaluation.tables import PredictionTable
from tumorboard.evaluation.thresholds import choose_thresholds
from tumorboard.records import Ints
from tumorboard.report.curves import Fit
from tumorboard.report.numbers_contents import NumbersContents
from tumorboard.report.performance import ClassCount
from tumorboard.report.run_contents import RunContents, read_shared
from tumorboard.study_keys import Threshold


@dataclass(frozen=True)
class Contents(RunContents):
    """A run folder of a classification, read.

    Args:
        everything: Validation and test predictions with a known outcome.
        predictions: Test predictions with a known outcome.
        calls: (rows,) class that each prediction calls.
        threshold_notes: Sentences about models whose threshold could not be chosen.
    """

    everything: PredictionTable
    predictions: PredictionTable
    calls: Ints
    threshold_notes: Sequence[str]

    @property
    def tested(self) -> PredictionTable:
        """Test predictions with a known outcome."""
        return self.predictions

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, the positive one last."""
        return self.predictions.classes

    @cached_property
    def n_units(self) -> Mapping[str, int]:  # pyright: ignore[reportIncompatibleMethodOverride]
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

    @property
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


def read_contents(folder: Path) -> Contents | NumbersContents:
    """Read a run folder.

    Raises:
        InputError: A file is absent or damaged.
    """
    run = Run(folder)
    shared, table = read_shared(run), run.predictions
    if isinstance(table, OutcomeTable):
        known = table.take(table.known)
        tested = known.take(known.part == "test")
        return NumbersContents(**shared, everything=known, predictions=tested)
    table = table.with_positive(shared["study"].get("task", {}).get("positive", "none"))
    rule = Threshold.model_validate(shared["study"].get("evaluation", {}).get("threshold", {}))
    calls, threshold_notes = _calls(table, rule)
    rows = np.flatnonzero((table.part == "test") & (table.outcome >= 0))
    return Contents(
        **shared,
        everything=table.take(table.outcome >= 0),
        predictions=table.take(rows),
        calls=calls[rows],
        threshold_notes=threshold_notes,
    )


def read_classes(folder: Path) -> Contents:
    """Read the run folder of a classification.

    Raises:
        InputError: A file is absent or damaged, or the run is of another task.
    """
    contents = read_contents(folder)
    if isinstance(contents, NumbersContents):
        raise InputError(f"{folder}: is a run of {contents.predictions.kind}, not of classes.")
    return contents


def _calls(table: PredictionTable, rule: Threshold) -> tuple[Ints, tuple[str, ...]]:
    """Class that each row calls, by its own fit's threshold; sentences about thresholds."""
    chosen, notes = choose_thresholds(table, rule)
    keys = zip(table.arm.tolist(), table.repeat.tolist(), table.fold.tolist(), strict=True)
    threshold = np.asarray([chosen.get(key, 0.5) for key in keys])
    return decide(table.probabilities, threshold), notes
