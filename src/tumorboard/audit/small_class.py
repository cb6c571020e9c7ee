"""A class with too few patients to learn from or to measure on."""

from __future__ import annotations

from tumorboard.audit import Audited, Check
from tumorboard.records import Finding

#: Fewer patients than this in one class are reported.
FEWEST_PATIENTS = 10


class SmallClass(Check):
    """small-class: a class with fewer than 10 patients, whose metrics would mean little."""

    def find(self, audited: Audited) -> list[Finding]:
        """One finding per small class, with its patients."""
        findings: list[Finding] = []
        for index, name in enumerate(audited.outcomes.classes):
            ids = tuple(
                dict.fromkeys(
                    patient
                    for patient, target, kept in zip(
                        audited.cohort.patient_id,
                        audited.outcomes.target,
                        audited.outcomes.kept,
                        strict=True,
                    )
                    if kept and int(target) == index
                )
            )
            if len(ids) < FEWEST_PATIENTS:
                findings.append(
                    Finding(
                        code="small-class",
                        severity="warning",
                        message=f"Class {name!r} has {len(ids)} patients; fewer than "
                        f"{FEWEST_PATIENTS} say little about it. Merge classes ([task] classes) or "
                        "collect more patients.",
                        patients=ids,
                        evidence={"class": name, "n_patients": len(ids)},
                    )
                )
        return findings
