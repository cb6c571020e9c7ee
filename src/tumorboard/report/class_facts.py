"""Sentences about a run of classes that reporting guidelines ask for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from tumorboard.report.contents import Contents
from tumorboard.report.facts import Facts
from tumorboard.report.how_little import how_little

_NAMED = ("auroc", "auprc", "sensitivity", "specificity", "ppv", "npv", "brier")


class ClassFacts(Facts):
    """What a run of a classification can say about itself.

    Args:
        contents: The run folder, read.
    """

    def __init__(self, contents: Contents) -> None:
        super().__init__(contents)
        self.classes = contents

    def named(self) -> Sequence[str]:
        """Metrics that a sentence about performance names, where the run has them."""
        return _NAMED

    def target(self) -> str:
        """What is predicted, in a few words."""
        return str(self.study["task"].get("target", "the outcome"))

    def outcome(self) -> str:
        """What is predicted."""
        c, task = self.classes, self.study["task"]
        positive = f", positive {c.classes[1]}" if len(c.classes) == 2 else ""
        return (
            f"Outcome {task.get('target', '')}: {', '.join(c.classes)}{positive}; one prediction "
            f"per {c.unit}."
        )

    def output(self) -> str:
        """What a model gives, and how it is turned into a call."""
        *others, positive = self.classes.classes
        if len(others) > 1:
            return "A probability per class; the most probable class is called."
        rule = self.evaluation.get("threshold", {}).get("rule", "youden")
        return (
            f"Probability of {positive}; called positive from a threshold chosen "
            f"on validation patients of the same fit (rule {rule})."
        )

    def imbalance(self) -> str:
        """Class balance, and what was done about it."""
        loss = self.study.get("training", {}).get("loss", {})
        counts = ", ".join(f"{name} {n}" for name, n in self.contents.n_units.items())
        shown = self.calibration() or "Calibration afterwards was not examined."
        return (
            f"{counts}. Class weights: {loss.get('class_weights', 'none')}; sampler: "
            f"{self.study.get('training', {}).get('sampler', 'shuffle')}. {shown}"
        )

    def calibration(self) -> str:
        """Where calibration is shown."""
        return self.shown("Calibration", "calibration")

    def failures(self) -> str:
        """Where the worst predictions are shown."""
        shown = self.shown("What the errors share", "errors")
        return f"Every wrong call and the most certain ones: errors in report.html. {shown}".strip()

    def intervals(self) -> str:
        """How the intervals of the metrics are made."""
        n = self.evaluation.get("bootstrap", 2000)
        return f"DeLong on the logit scale, Wilson, or {n} resamples of patients"

    def sample_size(self) -> str:
        """Events per parameter, and the minimum that the rules ask for."""
        document = self.evidence("sample_size") or {}
        parts: list[str] = []
        for arm, found in document.get("arms", {}).items():
            text = (
                f"{arm}: {found['parameters']} parameters, "
                f"{found['events_per_parameter']:.1f} events of the smaller class per parameter in "
                "each training part"
            )
            if "assumed" in found:
                text += f", {found['assumed']['required']} patients asked for (Riley et al. 2020)"
            parts.append(text)
        return f"{self.patients()} {'; '.join(parts)}." if parts else ""

    def n_events(self) -> int:
        """Patients of the positive class, or of the rarest where there are more than two."""
        return self.classes.n_events

    @cached_property
    def limits(self) -> list[str]:
        """Limits that the program sees by itself; of a small study first how little it shows."""
        first = how_little(self.classes)
        return [first, *super().limits] if first else super().limits
