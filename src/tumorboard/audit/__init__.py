"""One file per check of a study before training; each gives findings with their evidence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tumorboard import registry
from tumorboard.modalities import Measured
from tumorboard.records import Cohort, Finding, Outcomes
from tumorboard.study import Study


@dataclass(frozen=True)
class Audited:
    """What the checks look at: the study and the patients that will be analysed.

    Args:
        study: The study.
        cohort: Its rows.
        outcomes: Their outcomes.
        measured: Modality -> its measurements.
        others: Other cohorts of the study by name, such as external ones, with their measurements;
            who is in two cohorts is found only through them.
        found: Every patient of the source before any was left out; None where that is not known.
    """

    study: Study
    cohort: Cohort
    outcomes: Outcomes
    measured: Mapping[str, Measured]
    others: Mapping[str, tuple[Cohort, Mapping[str, Measured]]] = field(
        default_factory=dict[str, tuple[Cohort, Mapping[str, Measured]]]
    )
    found: Cohort | None = None

    @property
    def cohorts(self) -> tuple[tuple[str, Cohort, Mapping[str, Measured]], ...]:
        """Every cohort with its name and measurements: the one that is analysed, then the others.

        The first one's name is "" where no other needs telling apart from it.
        """
        first = self.cohort.name if self.others else ""
        rest = ((name, cohort, measured) for name, (cohort, measured) in self.others.items())
        return ((first, self.cohort, self.measured), *rest)

    @property
    def predictors(self) -> Mapping[str, str]:
        """Column of the cohort table -> the modality that takes it as a predictor."""
        found: dict[str, str] = {}
        for name, settings in self.study.modalities.items():
            kind = registry.load("modalities", str(settings["kind"]))
            for column in kind(**registry.arguments(kind, settings)).columns:
                if column in self.cohort.columns:
                    found.setdefault(column, name)
        return found

    @property
    def own_columns(self) -> frozenset[str]:
        """Columns that are the patient's number, the outcome, the centre or the index date."""
        keys = self.study.keys
        target = keys.task.target
        targets = [target] if isinstance(target, str) else target
        cohort = keys.cohort
        return frozenset({cohort.patient_id, cohort.institution, cohort.index_date, *targets})


class Check(ABC):
    """One check. It never changes the study and never looks at a model."""

    @abstractmethod
    def find(self, audited: Audited) -> list[Finding]:
        """Findings of this check; an empty list where all is well."""


def run_checks(audited: Audited) -> list[Finding]:
    """Findings of every check, errors first."""
    order = {"error": 0, "warning": 1, "note": 2}
    findings: list[Finding] = []
    for name in registry.names("audit"):
        findings += _check(name).find(audited)
    return sorted(findings, key=lambda finding: (order[finding.severity], finding.code))


def _check(name: str) -> Check:
    return registry.load("audit", name)()


def blocking(findings: Sequence[Finding], accept: Sequence[str]) -> list[Finding]:
    """Findings of severity error that the study does not accept."""
    return [f for f in findings if f.severity == "error" and f.code not in accept]
