"""After the fits of a study: the locked test set, scored once, and the external cohorts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from tumorboard.cohorts.locking import patient_mark
from tumorboard.errors import InputError
from tumorboard.evaluation.any_table import AnyTable, join, write_table
from tumorboard.evaluation.evidence import read_evidence, write_evidence
from tumorboard.evaluation.held_out import held_out_document, short_metrics
from tumorboard.evaluation.ledger import (
    Look,
    append_look,
    find_look,
    joint_hash,
    ledger_path,
    read_ledger,
    refuse_unwritable,
)
from tumorboard.evaluation.pairing import pairing_column
from tumorboard.prediction.fold_masks import segment_new
from tumorboard.prediction.fold_models import NewPatients, model_digests, predict_new
from tumorboard.records import Finding, FlowStep, Ints, Split
from tumorboard.study import Study
from tumorboard.training.batches import derive_seed
from tumorboard.training.other_cohorts import OtherCohort
from tumorboard.training.prepare import Prepared
from tumorboard.training.segmentation_rows import WithMasks

Say = Callable[[str], None]


def locked_patients(study: Study, prepared: Prepared) -> frozenset[str]:
    """Patients of the locked test set; none where the study sets none aside.

    Raises:
        RunError: No look could be recorded beside the study file.
    """
    if prepared.locked:
        refuse_unwritable(ledger_path(study.path))
    return prepared.locked


def with_locked_step(prepared: Prepared, locked: frozenset[str]) -> Prepared:
    """The same patients, whose flow diagram shows who was set aside."""
    if not locked:
        return prepared
    cohort = prepared.cohort
    rows = prepared.rows(set(locked))
    step = FlowStep("set aside as the locked test set", len(locked), len(rows))
    return replace(prepared, cohort=replace(cohort, flow=(*cohort.flow, step)))


def score_locked(
    run: Path,
    study: Study,
    prepared: Prepared,
    splits: Sequence[Split],
    locked: frozenset[str],
    say: Say,
) -> None:
    """Score each arm once on the locked test set and write the look into the ledger.

    Models that were scored before are not scored again: what the ledger says of them stands.
    """
    path = ledger_path(study.path)
    patients = joint_hash(sorted(locked))
    digests = {arm: joint_hash(each) for arm, each in model_digests(study, splits, run).items()}
    looks = read_ledger(path)
    known = {arm: find_look(looks, arm, models, patients) for arm, models in digests.items()}
    kept = read_evidence(run, "locked_test")
    if kept is not None and kept.get("models") == digests:
        return
    if all(known.values()):
        document: dict[str, Any] = {
            "from_ledger": True,
            "n_patients": len(locked),
            "arms": {arm: {"ensemble": look.metrics} for arm, look in known.items() if look},
            "comparison": None,
        }
    else:
        say(f"opening the locked test set: {len(locked)} patients")
        rows = prepared.rows(set(locked))
        found = _predicted(study, splits, run, prepared, rows, prepared, "locked-test")
        document = {"from_ledger": False, **_document(study, found, "locked test")}
        for arm, entry in document["arms"].items():
            if known.get(arm) is None:
                append_look(
                    path,
                    study=study.name,
                    arm=arm,
                    models=digests[arm],
                    patients=patients,
                    marks=[patient_mark(study.name, patient) for patient in sorted(locked)],
                    n_patients=document["n_patients"],
                    metrics=short_metrics(entry["ensemble"]),
                )
        _write_table(run / "locked_test.csv", study, {study.name: found})
    document |= {"models": digests, "ledger": path.name, **_counted(read_ledger(path), patients)}
    write_evidence(run, "locked_test", document)


def _counted(looks: Sequence[Look], patients: str) -> dict[str, Any]:
    """How often these patients were looked at, and by how many models."""
    own = [look for look in looks if look.patients == patients]
    per_arm = {arm: sum(look.arm == arm for look in own) for arm in {look.arm for look in own}}
    return {
        "n_looks": max(per_arm.values(), default=0),
        "n_models": len(own),
        "n_other_sets": len({look.patients for look in looks} - {patients}),
        "looks": [asdict(look) for look in own],
    }


def score_external(
    run: Path,
    study: Study,
    prepared: Prepared,
    splits: Sequence[Split],
    others: Sequence[OtherCohort],
    findings: Sequence[Finding],
    say: Say,
) -> None:
    """Score every external cohort by each fold's model and by the ensemble of an arm's models.

    People whom the audit found in the study as well are left out, and counted.
    """
    if not others:
        return
    cohorts: dict[str, Any] = {}
    predictions: dict[str, NewPatients] = {}
    for other in others:
        say(f"predicting external cohort {other.name}: {len(other.cohort.patients)} patients")
        shared = also_elsewhere(findings, other.name)
        ids = enumerate(other.cohort.patient_id)
        rows = np.asarray([i for i, p in ids if p not in shared], dtype=np.int64)
        if len(rows) == 0:
            raise InputError(
                f"evaluation.external.{other.name}: every patient is in another cohort of the "
                "study as well (patient-overlap), so nothing outside is left. Name another table."
            )
        folder = f"external-{other.name}"
        found = _predicted(study, splits, run, other, rows, prepared, folder)
        predictions[other.name] = found
        cohorts[other.name] = {
            **_document(study, found, f"external {other.name}"),
            "n_shared": len(shared),
            "rejected": [f"{r.patient_id}: {r.reason}" for r in other.rejections],
            "notes": list(other.cohort.notes),
        }
    _write_table(run / "external.csv", study, predictions)
    write_evidence(run, "external", {"cohorts": cohorts})


def also_elsewhere(findings: Sequence[Finding], cohort: str) -> frozenset[str]:
    """Patients of a cohort whom the audit found in another cohort as well."""
    shared: set[str] = set()
    for finding in findings:
        if finding.code != "patient-overlap":
            continue
        groups = cast("Sequence[Mapping[str, Any]]", finding.evidence.get("groups", ()))
        for group in groups:
            people = [(str(p["cohort"]), str(p["patient_id"])) for p in group["patients"]]
            if len({name for name, _ in people}) > 1:
                shared |= {patient for name, patient in people if name == cohort}
    return frozenset(shared)


def _predicted(
    study: Study, splits: Sequence[Split], run: Path, patients: WithMasks, rows: Ints,
    prepared: Prepared, masks: str,
) -> NewPatients:  # fmt: skip
    """Predictions of patients that no fold has seen, by the task; masks go to `masks`."""
    if study.keys.task.kind == "segmentation":
        return segment_new(study, splits, run, patients, rows, masks=masks)
    return predict_new(study, splits, run, patients, rows, prepared=prepared)


def _document(study: Study, found: NewPatients, what: str) -> dict[str, Any]:
    return held_out_document(
        found.each,
        found.ensemble,
        thresholds=found.thresholds,
        ensemble_thresholds=found.ensemble_thresholds,
        primary=study.primary,
        n_bootstrap=study.keys.evaluation.bootstrap,
        rng=np.random.default_rng(derive_seed(study.seed, what)),
    )


def _write_table(path: Path, study: Study, predictions: Mapping[str, NewPatients]) -> None:
    """Predictions by every model and by the ensembles, with the columns `cohort` and `model`."""
    tables: list[AnyTable] = []
    cohort: list[str] = []
    model: list[str] = []
    for name, found in predictions.items():
        each = found.each
        tables += [each, found.ensemble]
        cohort += [name] * (each.n_rows + found.ensemble.n_rows)
        pairs = zip(each.repeat.tolist(), each.fold.tolist(), strict=True)
        model += [f"{repeat}-{fold}" for repeat, fold in pairs]
        model += ["ensemble"] * found.ensemble.n_rows
    paired = pairing_column(study.as_tables(), len(cohort))
    further = {**paired, "cohort": cohort, "model": model}
    write_table(path, join(tables), further=further)
