"""The split by unit that `[evaluation] split_beside` asks for: run beside the one by patient."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tumorboard.evaluation.any_table import write_table
from tumorboard.evaluation.evidence import write_evidence
from tumorboard.evaluation.pairing import pairing_column
from tumorboard.evaluation.split_beside import split_beside_document
from tumorboard.records import Estimate, Split
from tumorboard.study import Study
from tumorboard.training.plan import run_plan
from tumorboard.training.prepare import Prepared
from tumorboard.training.progress import PlanProgress
from tumorboard.verbs.scores import write_scores

#: Folder of the run that holds the fits, predictions and metrics of the split by unit.
FOLDER = "split_by_unit"

Metrics = Mapping[str, Mapping[str, Estimate]]


def run_beside(
    run: Path,
    study: Study,
    prepared: Prepared,
    splits: Sequence[Split],
    by_patient: Metrics,
    *,
    whole: Sequence[Split],
    say: Callable[[str], None],
    checkpoint_every_s: float,
) -> None:
    """Fit the arms of the primary comparison by unit, and write what that split adds to them.

    Two arms show what the split does; the others would cost as much again as the study itself.

    Args:
        run: The run folder; fits, predictions and metrics go to its `split_by_unit`.
        study: The study.
        prepared: Its patients.
        splits: What `units_apart` gave; nothing is done where there are none.
        by_patient: Metrics of the split by patient.
        whole: The splits by patient.
        say: Where progress lines go.
        checkpoint_every_s: Shortest time between two checkpoints of a fit, in seconds.
    """
    if not splits:
        return
    folder = run / FOLDER
    folder.mkdir(exist_ok=True)
    study = _primary_arms(study)
    n_fits = len(splits) * len(study.arms)
    say(f"{n_fits} more fits, split by {study.keys.task.unit}: shown beside those by patient")
    with PlanProgress(n_fits, folder / "log.jsonl", say=say) as progress:
        table = run_plan(
            study, prepared, splits, folder, progress, checkpoint_every_s=checkpoint_every_s
        )
    paired = pairing_column(study.as_tables(), table.n_rows)
    write_table(folder / "predictions.csv", table, further=paired)
    by_unit = write_scores(folder, study, table, splits)
    tested = table.part == "test"
    document = split_beside_document(
        by_patient,
        by_unit,
        n_units=len(set(table.unit_id[tested].tolist())),
        n_patients=len(set(table.patient_id[tested].tolist())),
        n_classes=len(prepared.outcomes.classes),
        unit=study.keys.task.unit,
        arm=study.primary.arm,
        metric=study.primary.metric,
        n_training=(_n_training(prepared, whole[0]), _n_training(prepared, splits[0])),
    )
    write_evidence(run, "split_beside", document)


def _n_training(prepared: Prepared, split: Split) -> int:
    """Patients of whom at least one row trains."""
    ids = prepared.cohort.patient_id
    return len({ids[row] for row in split.rows(prepared.cohort, "train")})


def _primary_arms(study: Study) -> Study:
    """The study with the two arms that its first line compares."""
    named = (study.primary.arm, study.primary.reference)
    return replace(study, arms={name: study.arms[name] for name in dict.fromkeys(named)})
