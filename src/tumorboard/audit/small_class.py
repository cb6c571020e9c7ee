"""A class with too few patients to learn from or to measure on, or one that hides what is in it."""

from __future__ import annotations

from collections import Counter

from tumorboard.audit import Audited, Check
from tumorboard.formats.messages import counted
from tumorboard.records import Finding

#: Fewer patients than this in one class are reported.
FEWEST_PATIENTS = 10


class SmallClass(Check):
    """small-class: a class with fewer than 10 patients, whose metrics would mean little.

    A note names the labels that a class joins, with their patients, since a joined class can be
    large while the disease that matters in it is rare.
    """

    def find(self, audited: Audited) -> list[Finding]:
        """One finding per small class with its patients, and one note per joined class."""
        if audited.study.keys.task.kind != "classification":
            return []  # times and numbers are no labels; `too-few-events` counts events
        findings: list[Finding] = []
        for index, name in enumerate(audited.outcomes.classes):
            labels = _labels(audited, index)
            ids = tuple(dict.fromkeys(patient for patient, _ in labels))
            if len(ids) < FEWEST_PATIENTS:
                findings.append(_small(name, ids))
            counts = Counter(label for _, label in set(labels))
            if len(counts) > 1:
                findings.append(_joined(name, dict(counts.most_common()), len(ids)))
        return findings


def _labels(audited: Audited, index: int) -> list[tuple[str, str]]:
    """Patient and label as the source has it, of every row of one class."""
    outcomes = audited.outcomes
    name = next(iter(outcomes.columns), "")
    written = audited.cohort.columns.get(name, ("",) * audited.cohort.n_rows)
    return [
        (patient, label or "")
        for patient, target, kept, label in zip(
            audited.cohort.patient_id, outcomes.target, outcomes.kept, written, strict=True
        )
        if kept and int(target) == index
    ]


def _small(name: str, ids: tuple[str, ...]) -> Finding:
    return Finding(
        code="small-class",
        severity="warning",
        message=f"Class {name!r} has {counted(len(ids), 'patient')}; fewer than "
        f"{FEWEST_PATIENTS} say little about it. Merge classes ([task] classes) or "
        "collect more patients.",
        patients=ids,
        evidence={"class": name, "n_patients": len(ids)},
    )


def _joined(name: str, counts: dict[str, int], n_patients: int) -> Finding:
    rare = [label for label, n in counts.items() if n < FEWEST_PATIENTS]
    aside = f" Of {', '.join(map(repr, rare))} alone little can be said." if rare else ""
    named = ", ".join(f"{label} {n}" for label, n in counts.items())
    return Finding(
        code="small-class",
        severity="note",
        message=f"Class {name!r} joins {len(counts)} labels of {counted(n_patients, 'patient')}: "
        f"{named}. Its results are those of the mixture.{aside}",
        evidence={"class": name, "labels": counts, "n_patients": n_patients},
    )
