"""What went into a run: manifest.csv of every file, cohort.json of every count."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tumorboard.cache import Cache, write_text
from tumorboard.formats.csv_writing import write_csv
from tumorboard.formats.delimited import escape_formula
from tumorboard.records import Bools, Cohort, FileRecord, FileState, Outcomes

_COLUMNS = ("path", "sha256", "state", "reason", "modality", "patient_id")
_STRENGTH: Mapping[FileState, int] = {"ignored": 0, "used": 1, "rejected": 2}


def write_manifest(path: Path, cohort: Cohort, cache: Cache, root: Path) -> None:
    """Write manifest.csv: every file exactly once, with its hash and what became of it.

    A file with several records keeps the strongest: rejected over used over ignored. The cohort's
    table is always there. Files that do not exist have no hash.

    Args:
        path: Where to write it.
        cohort: The patients and the records of every file.
        cache: Knows the hashes of files that did not change.
        root: Folder that paths are written relative to; files elsewhere keep their whole path.
    """
    final: dict[Path, FileRecord] = {}
    if cohort.table.is_file():
        final[cohort.table] = FileRecord(cohort.table, "used", "cohort table")
    for record in cohort.records:
        known = final.get(record.path)
        if known is None or _STRENGTH[record.state] > _STRENGTH[known.state]:
            final[record.path] = record
    rows = (
        (
            _relative(record.path, root),
            cache.sha256(record.path) if record.path.is_file() else "",
            record.state,
            escape_formula(record.reason),
            record.modality,
            escape_formula(record.patient_id),
        )
        for record in final.values()
    )
    write_csv(path, _COLUMNS, rows)


def _relative(path: Path, root: Path) -> str:
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return path.as_posix()


def cohort_summary(
    cohort: Cohort, outcomes: Outcomes, present: Mapping[str, Bools]
) -> dict[str, object]:
    """Counts of everything found, in the form of cohort.json.

    Args:
        cohort: The patients, before any selection.
        outcomes: What the task read from this cohort.
        present: Modality -> (rows,) True where the row has it.
    """
    return {
        "patients": len(cohort.patients),
        "rows": cohort.n_rows,
        "outcome": dict(outcomes.counts),
        "outcome_rows": _outcome_rows(cohort, outcomes),
        "modalities": {name: _modality(cohort, name, has) for name, has in present.items()},
        **({"annotations": dict(cohort.annotations)} if cohort.annotations else {}),
        "missing": {
            column: sum(cell is None for cell in cells) for column, cells in cohort.columns.items()
        },
        "flow": [
            {"reason": step.reason, "patients": step.n_patients, "rows": step.n_rows}
            for step in (*cohort.flow, *outcomes.flow)
        ],
        "notes": list(cohort.notes),
    }


def _outcome_rows(cohort: Cohort, outcomes: Outcomes) -> dict[str, int]:
    """Rows per label as the source writes them; per class or group where it is no column."""
    grouped = outcomes.as_classes()
    column = next(iter(grouped.columns), "")
    own = cohort.columns.get(column) if outcomes.classes else None
    labels = own or grouped.columns.get(column, ())
    return dict(sorted(Counter(label for label in labels if label).items()))


def _modality(cohort: Cohort, name: str, has: Bools) -> dict[str, int]:
    rows = [row for row, is_there in enumerate(has.tolist()) if is_there]
    files = cohort.files.get(name, ())
    of_all = [r for r in cohort.records if r.modality == name and r.state == "used"]
    return {
        "files": len({path for row in rows for path in files[row]}) if files else len(of_all),
        "patients": len({cohort.patient_id[row] for row in rows}),
    }


def write_cohort(path: Path, summary: Mapping[str, object]) -> None:
    """Write cohort.json."""
    write_text(path, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
