"""Sentences about a run of survival times or of other numbers that guidelines ask for."""

from __future__ import annotations

from collections.abc import Sequence

from tumorboard.report.facts import Facts
from tumorboard.report.numbers_contents import NumbersContents

_NAMED = (
    "c_index", "uno_c_index", "integrated_brier", "scaled_integrated_brier", "r2", "spearman",
    "pearson", "mae", "rmse",
)  # fmt: skip


class NumberFacts(Facts):
    """What a run of survival times or of other numbers can say about itself.

    Args:
        contents: The run folder, read.
    """

    def __init__(self, contents: NumbersContents) -> None:
        super().__init__(contents)
        self.numbers = contents
        self.is_survival = contents.predictions.kind == "survival"

    def named(self) -> Sequence[str]:
        """Metrics that a sentence about performance names, where the run has them."""
        over_time = [m for m in self.contents.metrics[self.primary] if m.startswith("auroc_")]
        return (*_NAMED, *over_time)

    def target(self) -> str:
        """What is predicted, in a few words."""
        if self.is_survival:
            return f"the time to the event (column {self.study['task']['event']})"
        return ", ".join(self.numbers.predictions.outcome_names)

    def outcome(self) -> str:
        """What is predicted, and how it is coded."""
        task, unit = self.study["task"], self.contents.unit
        if not self.is_survival:
            return f"Outcome {self.target()}: a number, in its own unit; one prediction per {unit}."
        counts = self.contents.n_units
        return (
            f"Outcome: follow-up in column {task['time']}, in {task['time_unit']}, to the event: "
            f"{task['event']} = {task['event_value']}. Any other value is censored at that time: "
            f"{counts['event']} with the event, {counts['censored']} censored.{self._follow_up()} "
            f"One prediction per {unit}."
        )

    def _follow_up(self) -> str:
        found = (self.evidence("survival") or {}).get("follow_up", {}).get("median_days")
        return (
            f" Median follow-up {found:,.0f} days (reverse Kaplan-Meier)."
            if found is not None
            else ""
        )

    def output(self) -> str:
        """What a model gives; nothing is called."""
        names = self.numbers.predictions.prediction_names
        if not self.is_survival:
            return f"A number for each of {', '.join(names)}, in its own unit; nothing is called."
        days = [name.removeprefix("survival_") for name in names[1:]]
        curves = f", and the probability of no event within {', '.join(days)} days" if days else ""
        return (
            f"A risk score (higher: earlier event; no scale, no probability){curves}. No threshold "
            "is set: nothing is called."
        )

    def imbalance(self) -> str:
        """Events and censored patients; numbers have no classes."""
        shown = self.calibration() or "Calibration was not examined."
        if not self.is_survival:
            return f"No classes: the outcome is a number. {shown}"
        counts = ", ".join(f"{name} {n}" for name, n in self.contents.n_units.items())
        sampler = self.study.get("training", {}).get("sampler", "shuffle")
        return (
            f"{counts}. No classes: a censored patient counts as free of the event until then, and "
            f"is not weighted otherwise; sampler: {sampler}. {shown}"
        )

    def calibration(self) -> str:
        """Where calibration is shown."""
        if not self.is_survival:
            return self.shown("Calibration, observed against predicted", "regression")
        if len(self.numbers.predictions.prediction_names) < 2:
            return ""
        return self.shown("Calibration at each horizon", "survival")

    def failures(self) -> str:
        """Where the worst predictions are shown."""
        listed = "Every prediction beside what happened: last table of report.html."
        return f"{listed} {self.calibration()}".strip()

    def intervals(self) -> str:
        """How the intervals of the metrics are made."""
        return f"{self.evaluation.get('bootstrap', 2000)} resamples of patients"

    def sample_size(self) -> str:
        """Events, or patients, per parameter of each arm on tables."""
        document = self.evidence("sample_size") or {}
        what = "events" if self.is_survival else "patients"
        parts = [
            f"{arm}: {found['parameters']} parameters, {found['per_parameter']:.1f} {what} per "
            "parameter in each training part"
            for arm, found in document.get("arms", {}).items()
        ]
        return f"{self.patients()} {'; '.join(parts)}." if parts else ""

    def n_events(self) -> int:
        """Patients with the event; all patients where the outcome is another number."""
        return self.contents.n_units.get("event", self.contents.n_patients)
