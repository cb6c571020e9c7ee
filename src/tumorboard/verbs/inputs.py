"""What a run folder says before anything is trained: files, counts, audit, splits, Table 1."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tumorboard.cache import Cache, write_text
from tumorboard.evaluation.pairing import pairing_label
from tumorboard.formats.split_table import write_splits
from tumorboard.records import Finding, Part, Split
from tumorboard.report.inventory import cohort_summary, write_cohort, write_manifest
from tumorboard.report.table1 import table_one, write_table_one
from tumorboard.study import Study
from tumorboard.training.prepare import Prepared
from tumorboard.training.run_folder import same_data


def write_inputs(
    folder: Path,
    study: Study,
    prepared: Prepared,
    findings: Sequence[Finding],
    root: Path,
    cache: Cache,
) -> None:
    """manifest.csv, cohort.json and audit.json: what was found, before anything is trained."""
    folder.mkdir(parents=True, exist_ok=True)
    everything = replace(prepared.found, records=prepared.records, flow=prepared.cohort.flow)
    write_manifest(folder / ".manifest.new", everything, cache, root)
    text = (folder / ".manifest.new").read_text(encoding="utf-8")
    (folder / ".manifest.new").unlink()
    same_data(folder, text)
    write_text(folder / "manifest.csv", text)
    counts = {name: found.present for name, found in prepared.found_measured.items()}
    summary = dict(cohort_summary(everything, prepared.found_outcomes, counts))
    if prepared.found.flow:  # who never became a row, so that the flow diagram adds up
        steps = prepared.found.flow
        n_patients, n_rows = sum(s.n_patients for s in steps), sum(s.n_rows for s in steps)
        summary["left_out_by_source"] = {"patients": n_patients, "rows": n_rows}
    if label := pairing_label(study.as_tables()):
        summary["pairing"] = label
    write_cohort(folder / "cohort.json", summary)
    document = [asdict(finding) for finding in findings]
    write_text(folder / "audit.json", json.dumps(document, indent=1, default=list))


def write_setup(
    folder: Path,
    study: Study,
    prepared: Prepared,
    splits: Sequence[Split],
    held_back: frozenset[str],
) -> None:
    """splits.csv and table1.json: who trains, validates and tests, and who they are."""
    locked_part: dict[str, Part] = dict.fromkeys(sorted(held_back), "locked")
    apart = [Split(0, 0, locked_part)] if held_back else []
    write_splits(folder / "splits.csv", [*splits, *apart])
    write_table_one(folder / "table1.json", first_table(study, prepared))


def first_table(study: Study, prepared: Prepared) -> dict[str, Any]:
    """Table 1: the columns of the table modalities, by outcome class; without locked patients.

    Each unit counts once: where a prediction is about a row, so is the table.
    """
    numeric, categorical = predictor_columns(study)
    if study.keys.cohort.institution != "none":
        categorical.append(study.keys.cohort.institution)
    ids = prepared.cohort.patient_id
    rows = [i for i, patient in enumerate(ids) if patient not in prepared.locked]
    cohort = prepared.cohort.take(rows)
    outcome = next(iter(prepared.outcomes.as_classes().columns.values()))
    return table_one(
        cohort.columns,
        numeric=numeric,
        categorical=list(dict.fromkeys(categorical)),
        outcome=tuple(outcome[i] for i in rows),
        patient_id=cohort.unit_id,
    )


def predictor_columns(study: Study) -> tuple[list[str], list[str]]:
    """Numeric and categorical columns of the table modalities; visits have a table of their own."""
    numeric: list[str] = []
    categorical: list[str] = []
    for table in study.modalities.values():
        if table["kind"] == "table":
            numeric += [str(column) for column in table.get("numeric", [])]
            categorical += [str(column) for column in table.get("categorical", [])]
    return list(dict.fromkeys(numeric)), list(dict.fromkeys(categorical))
