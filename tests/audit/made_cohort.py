"""Generated cohorts for the audit: columns in, what the checks look at out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tumorboard.audit import Audited
from tumorboard.cohorts.selection import exclude_rows
from tumorboard.records import Cohort, Finding
from tumorboard.study import Study
from tumorboard.tasks.classification import Classification

Cells = Sequence[Any]


def make_audited(
    columns: Mapping[str, Cells], *, numeric: Sequence[str] = (), categorical: Sequence[str] = (),
    files: Sequence[Path | None] = (), patient_id: str = "patient_id", target: str = "diagnosis",
    root: Path = Path("/data"), **tables: Mapping[str, Any],
) -> Audited:  # fmt: skip
    """A study with a table modality `record`, and images if there are files."""
    text = {name: tuple(_cell(cell) for cell in cells) for name, cells in columns.items()}
    modalities: dict[str, Any] = {}
    if numeric or categorical:
        modalities["record"] = {
            "kind": "table", "numeric": list(numeric), "categorical": list(categorical),
        }  # fmt: skip
    if files or not modalities:
        modalities["scan"] = {"kind": "image", "files": "{file}", "encoder": "small_cnn"}
    study = Study.from_tables(
        {
            "study": {"name": "made"},
            "cohort": {"table": "t.csv", "patient_id": patient_id, **tables.get("cohort", {})},
            "task": {"target": target, **tables.get("task", {})},
            "modalities": modalities,
            "evaluation": tables.get("evaluation", {}),
            "audit": tables.get("audit", {}),
        },
        path=Path("study.toml"),
    )
    ids = tuple(str(cell) for cell in text[patient_id])
    paths = {"scan": tuple((path,) if path else () for path in files)} if files else {}
    cohort = Cohort(
        "made", ids, ids, text, paths, tuple(range(2, 2 + len(ids))), root / "t.csv", root
    )
    found = cohort
    cohort = exclude_rows(cohort, study.keys.cohort.exclude)
    outcomes = Classification(study.keys.task).read(cohort)
    return Audited(study, cohort, outcomes, {}, found=found)


def _cell(value: object) -> str | None:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    return str(value)


def patients(n: int, *, share: float = 0.4, seed: int = 0) -> tuple[dict[str, Cells], np.ndarray]:
    """Ids and a diagnosis, and a generator's numbers beside them; (columns, is malignant)."""
    rng = np.random.default_rng(seed)
    malignant = np.arange(n) < round(share * n)
    malignant = malignant[rng.permutation(n)]
    labels = np.where(malignant, "malignant", "benign")
    return {"patient_id": [f"P{i:04d}" for i in range(n)], "diagnosis": list(labels)}, malignant


def severities(findings: Sequence[Finding]) -> set[str]:
    """Errors and warnings; notes are no alarm."""
    return {finding.severity for finding in findings} - {"note"}
