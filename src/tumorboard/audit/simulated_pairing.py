"""Patients whose modalities come from different people."""

from __future__ import annotations

from tumorboard.audit import Audited, Check
from tumorboard.records import Finding


class SimulatedPairing(Check):
    """simulated-pairing: the study says that modalities of a patient come from different people."""

    def find(self, audited: Audited) -> list[Finding]:
        """A warning where `[evaluation] pairing` is "simulated" and there is something to pair."""
        modalities = tuple(audited.study.modalities)
        if audited.study.keys.evaluation.pairing != "simulated" or len(modalities) < 2:
            return []
        patients = audited.cohort.patients
        return [
            Finding(
                "simulated-pairing",
                "warning",
                f"{', '.join(modalities)} of the {len(patients)} patients come from different "
                'people (evaluation.pairing = "simulated"). Fusion can only join what each tells '
                "of the class: the result says nothing about patients who had both measured.",
                evidence={"modalities": list(modalities), "n_patients": len(patients)},
            )
        ]
