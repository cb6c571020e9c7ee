"""Too few patients with the rarer outcome for a model, and for an interval worth reading."""

from __future__ import annotations

from tumorboard.audit import Audited, Check
from tumorboard.formats.messages import counted
from tumorboard.records import Finding
from tumorboard.transforms.patient_columns import patients_of

#: Fewer patients than this in the rarest class are reported.
FEWEST_EVENTS = 20


class TooFewEvents(Check):
    """too-few-events: fewer than 20 patients of the rarest class, or fewer than 20 events.

    One finding per study, whatever the number of classes. A class under 10 patients is named by
    `small-class` as well: that one is about the class, this one about the whole study.
    """

    def find(self, audited: Audited) -> list[Finding]:
        """One finding for the rarest class."""
        patients = patients_of(audited.cohort, audited.outcomes)
        counts = {
            name: int((patients.target == k).sum()) for k, name in enumerate(patients.classes)
        }
        # a survival model learns from events, however few are censored
        is_survival = audited.study.keys.task.kind == "survival"
        rarest = "event" if is_survival else min(counts, key=lambda name: counts[name], default="")
        if counts.get(rarest, FEWEST_EVENTS) >= FEWEST_EVENTS:
            return []
        n, n_all = counts[rarest], len(audited.cohort.patients)
        has_masks = audited.study.keys.task.kind == "segmentation"
        named = "the event" if is_survival else f"the rarest outcome, {rarest!r}"
        named = "a mask to learn from" if has_masks else named
        label = patients.classes.index(rarest)
        n_columns = 0 if has_masks else len(audited.predictors)
        per = f", {n / n_columns:.1f} per predictor column" if n_columns else ""
        return [
            Finding(
                "too-few-events",
                "warning",
                f"{counted(n, 'patient')} of {n_all} have {named}{per}. "
                f"Under {FEWEST_EVENTS} intervals are wide and models learn "
                "single patients: collect more, ask a simpler question, or use fewer predictors.",
                patients=tuple(
                    patient
                    for patient, k in zip(patients.patient_id, patients.target, strict=True)
                    if int(k) == label
                ),
                evidence={"class": rarest, "n_patients": counts, "n_columns": n_columns},
            )
        ]
