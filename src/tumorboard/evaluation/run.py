"""A finished run folder, opened: what it predicted, measured, compared and answered."""

from __future__ import annotations

import tomllib
from functools import cached_property
from pathlib import Path
from typing import Any

from tumorboard.errors import InputError
from tumorboard.evaluation.answer import answer, unit_word
from tumorboard.evaluation.comparison import Comparison
from tumorboard.evaluation.evidence import read_evidence
from tumorboard.evaluation.outcome_comparison import mean_values
from tumorboard.evaluation.outcome_files import read_outcomes
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.pairing import labelled
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.results import read_comparison, read_metrics
from tumorboard.evaluation.segmentation_controls import control_sentence
from tumorboard.evaluation.tables import read_predictions
from tumorboard.records import Estimate

#: Files without which a folder is not a finished run.
_FILES = ("study.toml", "predictions.csv", "metrics.json", "comparison.json")

#: Tasks whose predictions are numbers.
_OF_NUMBERS = ("survival", "regression", "segmentation")


class Run:
    """A run folder; each file is read when it is first asked for.

    Args:
        folder: What `tumorboard evaluate --out` wrote.

    Raises:
        InputError: No such folder, or not a finished run.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise InputError(f"{self.folder}: no such folder, expected a run.")
        missing = [name for name in _FILES if not (self.folder / name).is_file()]
        if missing == list(_FILES):
            raise InputError(f"{self.folder}: not a run (it has no {', '.join(missing)}).")
        if missing:
            raise InputError(
                f"{self.folder}: this run is not finished (it has no {', '.join(missing)}). "
                "Give the same command again to resume it."
            )

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    @cached_property
    def predictions(self) -> PredictionTable | OutcomeTable:
        """One row per unit, arm, repeat and fold."""
        if self._table("task").get("kind", "classification") in _OF_NUMBERS:
            return read_outcomes(self.folder / "predictions.csv")
        target = self._table("task").get("target", "none")
        outcome = target if isinstance(target, str) else "none"
        return read_predictions(self.folder / "predictions.csv", outcome=outcome)

    @cached_property
    def metrics(self) -> dict[str, dict[str, Estimate]]:
        """Arm -> metric -> estimate."""
        return read_metrics(self.folder / "metrics.json")

    @cached_property
    def comparison(self) -> tuple[Comparison, ...]:
        """The primary comparison first."""
        return read_comparison(self.folder / "comparison.json")

    @cached_property
    def answer(self) -> str:
        """The study's question answered in one sentence; labelled where pairing is simulated."""
        if not self.comparison:
            return "This study has one arm, and nothing to compare it with."
        primary = self.comparison[0]
        modalities = self._table("modalities")
        sentence = answer(
            primary,
            arm_modalities=self._modalities_of(primary.arm),
            reference_modalities=self._modalities_of(primary.reference),
            kinds={name: str(table.get("kind", "")) for name, table in modalities.items()},
            unit=unit_word(str(self._table("cohort").get("patient_id", "patient_id"))),
            margin=float(self._table("evaluation").get("margin", 0.0)),
            models=(self._model_of(primary.arm), self._model_of(primary.reference)),
        )
        return labelled(self._study, f"{sentence}{self._about_masks(primary)}")

    def _about_masks(self, primary: Comparison) -> str:
        """Of a segmentation: both means, and what a shuffled note does to the difference."""
        table = self.predictions
        if not isinstance(table, OutcomeTable) or table.kind != "segmentation":
            return ""
        means = mean_values(table, primary.arm, primary.reference, primary.metric)
        said = (
            f" Means: {means[0]:.2f} with {primary.arm}, {means[1]:.2f} with {primary.reference}."
        )
        document = read_evidence(self.folder, "segmentation") or {"controls": []}
        controls = control_sentence(document["controls"], primary.arm)
        return f"{said} {controls}".rstrip()

    @cached_property
    def _study(self) -> dict[str, Any]:
        path = self.folder / "study.toml"
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: damaged ({error}). Run the study again to replace it."
            ) from error

    def _table(self, name: str) -> dict[str, Any]:
        table = self._study.get(name, {})
        return table if isinstance(table, dict) else {}

    def _modalities_of(self, arm: str) -> tuple[str, ...]:
        return tuple(self._table("arms").get(arm, {}).get("modalities", ()))

    def _model_of(self, arm: str) -> str:
        """What kind of model an arm is, in words."""
        baseline = self._table("arms").get(arm, {}).get("baseline", "none")
        name = baseline.get("name", "none") if isinstance(baseline, dict) else baseline
        return "a network" if name == "none" else str(name).replace("_", " ")
