"""Limits that the program can see by itself, and the sentences that only the author can give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tumorboard.records import Finding

#: Fewer events than this make intervals wide and thresholds unstable (Collins et al. 2016).
FEW_EVENTS = 100
#: Share of missing cells above which a column is named.
MUCH_MISSING = 0.2

#: Key of `[report]` -> its heading and the TRIPOD+AI item it answers.
STATEMENTS: Mapping[str, tuple[str, str]] = {
    "population": ("Population", "TRIPOD+AI 6b"),
    "setting": ("Setting", "TRIPOD+AI 6a"),
    "outcome": ("Outcome, how and by whom it was determined", "TRIPOD+AI 8"),
    "ethics": ("Ethics", "TRIPOD+AI 17"),
    "funding": ("Funding", "TRIPOD+AI 18a"),
}
NOT_REPORTED = "not reported"


def statements(study: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(heading, guideline item, sentence) of the author; "not reported" where absent."""
    said = study.get("report", {})
    rows: list[tuple[str, str, str]] = []
    for key, (heading, item) in STATEMENTS.items():
        sentence = str(said.get(key, "none"))
        rows.append((heading, item, NOT_REPORTED if sentence == "none" else sentence))
    return rows


def limits(
    study: Mapping[str, Any],
    cohort: Mapping[str, Any],
    findings: Sequence[Finding],
    *,
    n_patients: int,
    n_events: int,
    n_rejected: int,
    n_comparisons: int,
) -> list[str]:
    """Sentences about what this run cannot show.

    Args:
        study: The resolved study.
        cohort: cohort.json.
        findings: Findings of the audit.
        n_patients: Patients analysed.
        n_events: Patients of the positive class, or of the rarest one where there are several.
        n_rejected: Files that could not be used.
        n_comparisons: Rows of the comparison table.
    """
    return [
        *_design(study),
        *_size(n_patients, n_events, n_comparisons),
        *_training(study),
        *_data(cohort, n_rejected),
        *_audit(study, findings),
    ]


def _design(study: Mapping[str, Any]) -> list[str]:
    evaluation = study.get("evaluation", {})
    sentences: list[str] = []
    if not evaluation.get("external"):
        sentences.append(
            "One cohort, no external test: performance in another hospital, with another device or "
            "in another period is unknown."
        )
    if not evaluation.get("locked_test"):
        sentences.append(
            "No locked test set: choices made after seeing this report make its numbers optimistic."
        )
    if evaluation.get("holdout"):
        sentences.append(
            "One split of the patients: another split would give other numbers. Repeated "
            "cross-validation shows by how much."
        )
    if study.get("cohort", {}).get("institution", "none") == "none":
        sentences.append(
            "No institution was declared, so whether results differ between hospitals was not "
            "examined."
        )
    if evaluation.get("pairing") == "simulated":
        sentences.append("Modalities were paired by simulation: they are not of the same patients.")
    return sentences


def _size(n_patients: int, n_events: int, n_comparisons: int) -> list[str]:
    sentences: list[str] = []
    if n_events < FEW_EVENTS:
        sentences.append(
            f"{n_events} of {n_patients} patients have the event (or the rarest class): fewer than "
            f"{FEW_EVENTS}, so intervals are wide and small differences cannot be seen."
        )
    if n_comparisons > 1:
        sentences.append(
            f"{n_comparisons} comparisons: only the first was declared primary; read the others as "
            "descriptions, not as tests."
        )
    return sentences


def _training(study: Mapping[str, Any]) -> list[str]:
    kinds = {name: table.get("kind") for name, table in study.get("modalities", {}).items()}
    scratch = sorted(
        {
            f"{encoder['name']} ({modality})"
            for arm in study.get("arms", {}).values()
            for modality, encoder in arm.get("encoders", {}).items()
            if encoder.get("weights", "none") == "none" and kinds.get(modality) != "table"
        }
    )
    sentences: list[str] = []
    if scratch:
        sentences.append(
            f"Trained from scratch: {', '.join(scratch)}. Weights from a larger collection of "
            "images may do better."
        )
    if study.get("evaluation", {}).get("calibration", "none") == "none":
        sentences.append("Probabilities were not calibrated: read them as scores.")
    if study.get("tuning", "none") == "none":
        sentences.append("Settings were not tuned: another arm might gain more from tuning.")
    return sentences


def _data(cohort: Mapping[str, Any], n_rejected: int) -> list[str]:
    n_rows = int(cohort.get("rows", 0))
    much = [
        f"{name} ({100 * n / n_rows:.0f} %)"
        for name, n in cohort.get("missing", {}).items()
        if n_rows and n / n_rows > MUCH_MISSING
    ]
    sentences: list[str] = []
    if much:
        sentences.append(f"Often missing: {', '.join(much)}.")
    if n_rejected:
        files = "1 file" if n_rejected == 1 else f"{n_rejected} files"
        sentences.append(f"{files} could not be used; manifest.csv says which and why.")
    return sentences


def _audit(study: Mapping[str, Any], findings: Sequence[Finding]) -> list[str]:
    codes = accepted_errors(study, findings)
    if not codes:
        return []
    return [f"The author accepted findings of the audit that stop a study: {', '.join(codes)}."]


def accepted_errors(study: Mapping[str, Any], findings: Sequence[Finding]) -> list[str]:
    """Codes of findings that would have stopped the study, had the author not accepted them."""
    accepted = set(study.get("audit", {}).get("accept", ()))
    return sorted({f.code for f in findings if f.severity == "error" and f.code in accepted})
