"""Predictions of new patients, and the table that holds them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorboard.cache import write_text
from tumorboard.evaluation.pairing import COLUMN, SIMULATED
from tumorboard.records import Floats, Rejection


@dataclass(frozen=True)
class Predictions:
    """Predictions of new patients, one per unit.

    Args:
        patient_id: One per unit.
        unit_id: What the prediction is about.
        modalities: Modalities that were present, joined by "+".
        probabilities: (units, K); of a task of numbers its predictions (units, P).
        classes: Names of the K classes; for two classes the positive one last. Empty for a task of
            numbers.
        label: Decision for each unit: at the model's threshold, or the most probable class.
        threshold: Decision threshold on the positive class; NaN for several classes.
        sets: Classes of each prediction set; empty where the model has no prediction sets.
        refer: Whether each unit should be decided by a human; empty where the model has no rule.
        outcome_name: Outcome column of the cohort, or "none" where it has none.
        outcome: Outcome of each unit as class name, "" where unknown.
        rejections: Files and patients that could not be used.
        notes: Sentences about the input, such as categories that training had not seen.
        pairing: `simulated` where the model learned from modalities of different people.
        columns: Columns of a task of numbers, such as `risk_score`, `survival_365`.
    """

    patient_id: tuple[str, ...]
    unit_id: tuple[str, ...]
    modalities: tuple[str, ...]
    probabilities: Floats
    classes: tuple[str, ...]
    label: tuple[str, ...]
    threshold: float
    sets: tuple[tuple[str, ...], ...]
    refer: tuple[bool, ...]
    outcome_name: str
    outcome: tuple[str, ...]
    rejections: tuple[Rejection, ...]
    notes: tuple[str, ...]
    pairing: str = "patient"
    columns: tuple[str, ...] = ()

    def to_csv(self, *, arm: str) -> str:
        """The table as CSV text; `tumorboard compare` reads it where the outcome is known."""
        text = io.StringIO()
        writer = csv.writer(text)
        known = self.outcome_name != "none"
        header = ["patient_id", "unit_id", "arm", "modalities"]
        header += [self.outcome_name] if known else []
        header += self.columns or [f"p_{name}" for name in self.classes]
        header += ["predicted_label", "threshold"] if self.classes else []
        header += ["prediction_set"] if self.sets else []
        header += ["refer"] if self.refer else []
        header += [COLUMN] if self.pairing == SIMULATED else []
        writer.writerow(header)
        threshold = "" if np.isnan(self.threshold) else repr(self.threshold)
        for i, patient in enumerate(self.patient_id):
            row = [plain_cell(patient), plain_cell(self.unit_id[i]), arm, self.modalities[i]]
            row += [self.outcome[i]] if known else []
            row += [repr(float(p)) for p in self.probabilities[i]]
            row += [self.label[i], threshold] if self.classes else []
            row += [" | ".join(self.sets[i])] if self.sets else []
            row += ["yes" if self.refer[i] else "no"] if self.refer else []
            row += [SIMULATED] if self.pairing == SIMULATED else []
            writer.writerow(row)
        return text.getvalue()


def plain_cell(text: str) -> str:
    """A cell that a spreadsheet will not take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def write_predictions_csv(predictions: Predictions, path: Path, *, arm: str) -> None:
    """Write the predictions atomically."""
    write_text(path, predictions.to_csv(arm=arm))
