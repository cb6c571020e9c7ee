"""Limits that the program can see by itself, and the sentences that only the author can give."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tumorboard.records import Finding

#: Fewer events than this make intervals wide and thresholds unstable (Collins et al. 2016).
FEW_EVENTS = 100
#: Share of missing cells above which a column is named.
MUCH_MISSING = 0.2

#: Key of `[report]` -> its heading and the items of reporting guidelines that it answers.
STATEMENTS: Mapping[str, tuple[str, str]] = {
    "background": ("Background", "TRIPOD+AI 3a, CLAIM 3"),
    "intended_use": ("Intended use and users", "TRIPOD+AI 3b, CLAIM 3, 41"),
    "equity": ("Known inequalities", "TRIPOD+AI 3c"),
    "aim": ("Aim and hypothesis", "TRIPOD+AI 4, CLAIM 4"),
    "design": ("Design and choice of the data", "TRIPOD+AI 5a, CLAIM 5"),
    "population": ("Population", "TRIPOD+AI 5a"),
    "setting": ("Setting", "TRIPOD+AI 6a"),
    "dates": ("Dates", "TRIPOD+AI 5b"),
    "eligibility": ("Eligibility", "TRIPOD+AI 6b, CLAIM 8"),
    "treatment": ("Treatment", "TRIPOD+AI 6c"),
    "outcome": ("Outcome, how and by whom it was determined", "TRIPOD+AI 8a, CLAIM 14 to 15"),
    "assessors": ("Who judged the outcome", "TRIPOD+AI 8b, CLAIM 16 to 18"),
    "blinding": ("Blinding", "TRIPOD+AI 8c"),
    "predictors": ("Choice and measurement of predictors", "TRIPOD+AI 9a to 9c"),
    "acquisition": ("Acquisition", "CLAIM 13"),
    "deidentification": ("De-identification", "CLAIM 11"),
    "sample_size": ("How the sample size was settled", "TRIPOD+AI 10, CLAIM 21"),
    "ethics": ("Ethics", "TRIPOD+AI 17"),
    "funding": ("Funding", "TRIPOD+AI 18a, CLAIM 44"),
    "conflicts": ("Conflicts of interest", "TRIPOD+AI 18b"),
    "protocol": ("Protocol", "TRIPOD+AI 18c, CLAIM 42"),
    "registration": ("Registration", "TRIPOD+AI 18d, CLAIM 34"),
    "data_availability": ("Availability of data", "TRIPOD+AI 18e, CLAIM 43"),
    "code_availability": ("Availability of code and models", "TRIPOD+AI 18f, CLAIM 43"),
    "patient_involvement": ("Involvement of patients", "TRIPOD+AI 19"),
    "interpretation": ("Interpretation", "TRIPOD+AI 25, CLAIM 41"),
    "users": ("What users must do and know", "TRIPOD+AI 27b"),
    "next_steps": ("Next steps", "TRIPOD+AI 27c"),
}
#: Kinds of modality that are no pictures, whose encoders nobody trains on larger collections.
_VECTORS = ("table", "expression", "features", "radiomics", "longitudinal")
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
    sample_size: Mapping[str, Any] | None = None,
    table_one: Mapping[str, Any] | None = None,
    metrics: Collection[str] = (),
    unread: Sequence[str] = (),
) -> list[str]:
    """Sentences about what this run cannot show.

    Args:
        study: The resolved study.
        cohort: cohort.json.
        findings: Findings of the audit.
        n_patients: Patients analysed.
        n_events: Patients of the positive class, or of the rarest one where there are several; with
            the event; all of them where the outcome is another number.
        n_rejected: Files that could not be used.
        n_comparisons: Rows of the comparison table.
        sample_size: Evidence of that name.
        table_one: table1.json, whose patients the empty cells are counted in.
        metrics: Names of the metrics of an arm.
        unread: Sentences about notes that are longer than an encoder reads.
    """
    return [
        *_design(study),
        *_size(_kind(study), n_patients, n_events, n_comparisons),
        *_too_few(sample_size or {}),
        *_masks(study, metrics),
        *_training(study),
        *_data(cohort, table_one or {}, n_rejected),
        *unread,
        *_audit(study, findings),
    ]


def _design(study: Mapping[str, Any]) -> list[str]:
    evaluation = study.get("evaluation", {})
    sentences: list[str] = []
    if not evaluation.get("external"):
        by_institution = evaluation.get("folds_by") == "institution"
        where = "a hospital unlike these" if by_institution else "another hospital"
        sentences.append(
            f"One cohort, no external test: performance in {where}, with another device or "
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


def _kind(study: Mapping[str, Any]) -> str:
    return str(study.get("task", {}).get("kind", "classification"))


def _size(kind: str, n_patients: int, n_events: int, n_comparisons: int) -> list[str]:
    sentences: list[str] = []
    if n_events < FEW_EVENTS:
        who = {
            "survival": f"{n_events} of {n_patients} patients have the event",
            "regression": f"{n_patients} patients",
            "segmentation": f"{n_patients} patients",
        }.get(kind, f"{n_events} of {n_patients} patients have the event (or the rarest class)")
        sentences.append(
            f"{who}: fewer than {FEW_EVENTS}, so intervals are wide and small differences cannot "
            "be seen."
        )
    if n_comparisons > 1:
        sentences.append(
            f"{n_comparisons} comparisons: only the first was declared primary; read the others as "
            "descriptions, not as tests."
        )
    return sentences


def _masks(study: Mapping[str, Any], metrics: Collection[str]) -> list[str]:
    """What a comparison with one reference mask cannot show."""
    if _kind(study) != "segmentation":
        return []
    sentences = [
        "One reference mask per case: how far two readers would differ was not examined, so a Dice "
        "has no ceiling to be read against."
    ]
    if any(name.startswith("hd95_") and name.endswith("_px") for name in metrics):
        sentences.append(
            "The size of a pixel or voxel is not known for some or all images: distances and "
            "volumes are in pixels or voxels (px) and do not compare with other studies."
        )
    return sentences


def _too_few(sample_size: Mapping[str, Any]) -> list[str]:
    """Arms on tables whose training part is smaller than the rules ask for."""
    n_training = round(sample_size.get("n_patients", 0) * sample_size.get("training_share", 0.0))
    return [
        f"{arm}: {found['parameters']} predictor parameters ask for {found['assumed']['required']} "
        f"patients (Riley et al. 2020, R² of 15 % of its maximum); each fit trained on about "
        f"{n_training}, so its probabilities may be too extreme."
        for arm, found in sample_size.get("arms", {}).items()
        if "assumed" in found and found["assumed"]["required"] > n_training
    ]


def _training(study: Mapping[str, Any]) -> list[str]:
    kinds = {name: table.get("kind") for name, table in study.get("modalities", {}).items()}
    scratch = sorted(
        {
            f"{encoder['name']} ({modality})"
            for arm in study.get("arms", {}).values()
            for modality, encoder in arm.get("encoders", {}).items()
            if encoder.get("weights", "none") == "none" and kinds.get(modality) not in _VECTORS
        }
    )
    sentences: list[str] = []
    if scratch:
        sentences.append(
            f"Trained from scratch: {', '.join(scratch)}. Weights from a larger collection of "
            "images may do better."
        )
    is_calibrated = study.get("evaluation", {}).get("calibration", "none") != "none"
    if _kind(study) == "classification" and not is_calibrated:
        sentences.append("Probabilities were not calibrated: read them as scores.")
    if study.get("tuning", "none") == "none":
        sentences.append("Settings were not tuned: another arm might gain more from tuning.")
    return sentences


def shares_missing(cohort: Mapping[str, Any], table_one: Mapping[str, Any]) -> dict[str, float]:
    """Column -> share without a value, of the patients of Table 1; of all rows where it is absent.

    Columns that are complete are left out.
    """
    if n := int(table_one.get("n_patients", 0)):
        empty = {c["column"]: int(c["groups"]["all"]["missing"]) for c in table_one["numeric"]}
        empty |= {c["column"]: int(c["missing"]["all"]) for c in table_one["categorical"]}
    else:
        n, empty = int(cohort.get("rows", 0)), dict[str, int](cohort.get("missing", {}))
    return {name: count / n for name, count in empty.items() if count and n}


def _data(cohort: Mapping[str, Any], table_one: Mapping[str, Any], n_rejected: int) -> list[str]:
    much = [
        f"{name} ({100 * share:.0f} %)"
        for name, share in shares_missing(cohort, table_one).items()
        if share > MUCH_MISSING
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
