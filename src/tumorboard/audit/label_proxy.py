"""A single column, a file's name or its format that nearly gives the outcome."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tumorboard.audit import Audited, Check
from tumorboard.formats.messages import counted, listed
from tumorboard.modalities.longitudinal import MeasuredVisits
from tumorboard.records import Finding, Severity
from tumorboard.study_tasks import gene_set_targets
from tumorboard.transforms.file_separation import by_file_name, by_header, files_of_one_class
from tumorboard.transforms.patient_columns import Patients, patients_of, separations
from tumorboard.transforms.separation import Separation
from tumorboard.transforms.staging_columns import by_stage, find_stagings

#: AUROC of one column alone from which it is the label in other words.
ERROR = 0.98
#: AUROC from which it deserves a look.
WARNING = 0.90
#: Chance of such an AUROC, times the columns looked at, above which few patients explain it.
CHANCE = 0.05
#: Classes that are stages, such as "IIIb" or "0 to I".
_STAGE = re.compile(r"(stage\s*)?(0|I{1,3}|IV)[ABC]?\d?\b", re.IGNORECASE)
_WAYS = {
    "order": "its order",
    "range": "the range it lies in",
    "category": "its categories",
    "missing": "whether it is missing",
    "name": "its wording",
    "number": "the number in it",
}


class LabelProxy(Check):
    """label-proxy: a column, file name or file format that alone nearly gives the outcome.

    AUROC of one class against the rest, patients as units: a number by its order and by the range
    it lies in, categories by the share of the class among other patients with the same category
    (cross-fitted, so that many categories cannot look good by chance), and whether the value is
    missing. Error from 0.98, warning from 0.90, where chance alone would hardly do it (Mann-Whitney
    p times the number of columns below 0.05; else a note). Columns of T, N and M are also judged
    together, by the stage group that they spell (AJCC, 6th and 7th edition): where they tell more
    than each alone, and from 0.90 on an error where the outcome is named as a stage. Arms that
    read the genes of which their targets are scores get a warning, the primary arm an error.
    """

    def find(self, audited: Audited) -> list[Finding]:
        """Findings for predictors and files; one note for columns that are no predictors."""
        genes = _of_genes(audited)
        patients = patients_of(audited.cohort, audited.outcomes)
        if not patients.is_comparable:
            return genes
        predictors = audited.predictors
        findings: list[Finding] = []
        for column, modality in predictors.items():
            separator = audited.study.modalities[modality].get("separator", {})
            best = _best(
                separations(
                    audited.cohort.columns[column],
                    patients,
                    separator=str(separator.get(column, "")),
                )
            )
            if best is not None and best.auroc >= WARNING:
                findings.append(_of_column(column, modality, best, patients, len(predictors)))
        findings += _of_visits(audited, patients)
        findings += _of_stages(audited, patients)
        for name, files in audited.cohort.files.items():
            findings += _of_files(name, files, audited.cohort.root, patients)
        return [*findings, *genes, *_of_others(audited, patients)]


def _of_genes(audited: Audited) -> list[Finding]:
    """Arms that read the table of genes which their targets are scores of."""
    study = audited.study
    scores = gene_set_targets(study.keys.task)
    if not scores:
        return []
    table = study.modalities[study.keys.task.expression].get("table")
    sources = [
        name
        for name, keys in study.modalities.items()
        if keys["kind"] == "expression" and keys.get("table") == table
    ]
    arms = [name for name, arm in study.arms.items() if set(sources) & set(arm.modalities)]
    if not arms:
        return []
    leads = study.primary.arm in arms
    remedy = (
        "Name an arm without it in evaluation.primary"
        if leads
        else "Read their scores among the subsets of modalities (probe missing_modality)"
    )
    return [
        Finding(
            "label-proxy",
            "error" if leads else "warning",
            f"Arms {listed(arms)} read {' and '.join(sources)}, whose genes the targets "
            f"{listed(scores)} are computed from: with it at hand they repeat the target. "
            f"{remedy}.",
            evidence={"arms": arms, "modalities": sources, "targets": list(scores)},
        )
    ]


def _of_visits(audited: Audited, patients: Patients) -> list[Finding]:
    """Columns of visits, by every patient's latest."""
    findings: list[Finding] = []
    for measured in audited.measured.values():
        if not isinstance(measured, MeasuredVisits):
            continue
        columns = measured.latest()
        for column, cells in columns.items():
            best = _best(separations(cells, patients))
            if best is not None and best.auroc >= WARNING:
                findings.append(_of_column(column, measured.name, best, patients, len(columns)))
    return findings


def _best(found: Sequence[Separation]) -> Separation | None:
    return max(found, key=lambda separation: separation.auroc, default=None)


def _severity(best: Separation, n_tested: int) -> Severity:
    if best.p_value * n_tested >= CHANCE:
        return "note"
    return "error" if best.auroc >= ERROR else "warning"


def _evidence(best: Separation, patients: Patients) -> dict[str, object]:
    return {
        "auroc": round(best.auroc, 4),
        "macro_auroc": round(best.macro, 4),
        "class": patients.classes[best.label],
        "by": best.way,
        "p_value": best.p_value,
        "n_patients": best.n_patients,
    }


def _told(best: Separation, patients: Patients) -> str:
    return (
        f"{patients.classes[best.label]!r} from the rest with AUROC {best.auroc:.3f} "
        f"({counted(best.n_patients, 'patient')})"
    )


def _of_column(
    column: str, modality: str, best: Separation, patients: Patients, n_tested: int
) -> Finding:
    severity = _severity(best, n_tested)
    remedy = (
        f"So few patients can do that by chance (p = {best.p_value:.2g}, {n_tested} columns)."
        if severity == "note"
        else f"If it is known only with or after the outcome, remove it from modalities.{modality}."
    )
    return Finding(
        "label-proxy",
        severity,
        f"Column {column!r} alone, by {_WAYS[best.way]}, tells {_told(best, patients)}. {remedy}",
        evidence={"column": column, "modality": modality, **_evidence(best, patients)},
    )


def _of_stages(audited: Audited, patients: Patients) -> list[Finding]:
    """Predictors that spell the outcome only together: T, N and M."""
    cells = {column: audited.cohort.columns[column] for column in audited.predictors}
    stagings = find_stagings(cells)
    findings: list[Finding] = []
    for staging in stagings:
        best = by_stage(staging, cells, patients)
        if best is None or best.auroc < WARNING:
            continue
        modalities = list(dict.fromkeys(audited.predictors[name] for name in staging.names))
        severity = _severity(best, 2 * len(stagings))
        if severity == "warning" and all(map(_STAGE.match, patients.classes)):
            severity = "error"
        findings.append(
            Finding(
                "label-proxy",
                severity,
                f"Columns {', '.join(map(repr, staging.names))} together spell the stage "
                f"(AJCC): that tells {_told(best, patients)}, more than any of them alone. Remove "
                f"them from {' and '.join(f'modalities.{name}' for name in modalities)}.",
                evidence={
                    "columns": list(staging.names),
                    "modalities": modalities,
                    **_evidence(best, patients),
                    "by": "stage group",
                },
            )
        )
    return findings


def _of_files(
    modality: str, files: Sequence[tuple[Path, ...]], root: Path, patients: Patients
) -> list[Finding]:
    files = files_of_one_class(files, patients)
    if not any(files):
        return []
    findings: list[Finding] = []
    name = by_file_name(files, root, patients)
    if name is not None and name.auroc >= WARNING and _severity(name, 1) != "note":
        findings.append(
            Finding(
                "label-proxy",
                "warning",
                f"The names or folders of the files of {modality} tell {_told(name, patients)}. No "
                "network reads names, but files sorted by class are often exported apart: make "
                "sure that both were made alike and carry no burnt-in text.",
                evidence={"modality": modality, "of": "file name", **_evidence(name, patients)},
            )
        )
    found = by_header(files, patients)
    for what, best in found.items():
        if best.auroc >= WARNING and _severity(best, len(found)) != "note":
            findings.append(
                Finding(
                    "label-proxy",
                    _severity(best, len(found)),
                    f"The {what} of the files of {modality} alone tells {_told(best, patients)}. "
                    "Export the images of all classes in the same way.",
                    evidence={"modality": modality, "of": what, **_evidence(best, patients)},
                )
            )
    return findings


def _of_others(audited: Audited, patients: Patients) -> list[Finding]:
    """One note that names the columns that are rightly no predictors."""
    found: dict[str, Separation] = {}
    others = {
        column: cells
        for column, cells in audited.cohort.columns.items()
        if column not in audited.predictors and column not in audited.own_columns
    }
    for column, cells in others.items():
        best = _best(separations(cells, patients))
        if best is not None and best.auroc >= WARNING and best.p_value * len(others) < CHANCE:
            found[column] = best
    if not found:
        return []
    named = [f"{column} (AUROC {best.auroc:.3f})" for column, best in found.items()]
    return [
        Finding(
            "label-proxy",
            "note",
            f"No predictors, and rightly so: {listed(named)} alone would nearly give the outcome.",
            evidence={
                "columns": {column: round(best.auroc, 4) for column, best in found.items()},
                "n_patients": len(patients.patient_id),
            },
        )
    ]
