"""`tumorboard evaluate`: a study file in, a run folder with its answer out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tumorboard.audit import Audited, blocking, run_checks
from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError
from tumorboard.evaluation.any_table import AnyTable, write_table
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.pairing import pairing_column
from tumorboard.evaluation.run import Run
from tumorboard.records import Estimate, Finding, Outcomes, Split
from tumorboard.report.write import write_report
from tumorboard.study import Study
from tumorboard.study_keys import Tuning
from tumorboard.training.arm_rows import refuse_empty_parts
from tumorboard.training.device import choose_device, choose_precision
from tumorboard.training.found_cohort import with_columns
from tumorboard.training.other_cohorts import OtherCohort, read_others
from tumorboard.training.plan import run_plan
from tumorboard.training.prepare import Prepared, prepare
from tumorboard.training.progress import PlanProgress
from tumorboard.training.rehearsal import refuse_without_words
from tumorboard.training.run_folder import begin, locked
from tumorboard.training.signals import ending_on_signals
from tumorboard.verbs.beside import run_beside
from tumorboard.verbs.gather import Finished, gather_evidence, subgroup_columns
from tumorboard.verbs.gather_numbers import FinishedNumbers, gather_numbers
from tumorboard.verbs.gather_segmentation import gather_segmentation
from tumorboard.verbs.held_out import (
    locked_patients,
    score_external,
    score_locked,
    with_locked_step,
)
from tumorboard.verbs.inputs import write_inputs, write_setup
from tumorboard.verbs.mask_cases import draw_cases
from tumorboard.verbs.scores import write_scores
from tumorboard.verbs.study_splits import split_study, units_apart

#: What `--fast` sets: a small version of the whole, to see that everything works.
FAST = (
    "training.epochs=2", "evaluation.folds=2", "evaluation.repeats=1", "evaluation.bootstrap=200",
)  # fmt: skip
FAST_PATIENTS_PER_CLASS = 30
FAST_IMAGE_PX = 64


def evaluate(
    study: str | Path,
    *,
    out: str | Path | None = None,
    data: str | Path | None = None,
    overrides: Sequence[str] = (),
    fresh: bool = False,
    fast: bool = False,
    log: Callable[[str], None] | None = None,
    checkpoint_every_s: float = 30.0,
) -> Run:
    """Run a study: audit, fits on every fold, metrics, comparison, report.

    Args:
        study: The study file.
        out: Run folder; `runs/<name>` where left out. The same command resumes an interrupted run.
        data: Folder that the study's file names start from; `TUMORBOARD_DATA`, else the study's
            folder.
        overrides: `key=value` settings over the study file.
        fresh: Replace a run of a changed study.
        fast: Run a small version of the whole.
        log: Where progress lines go.
        checkpoint_every_s: Shortest time between two checkpoints of a fit, in seconds.

    Raises:
        StudyError, InputError, RunError: One clear line each; nothing half written.
    """
    say = log or (lambda line: None)
    out, data = (Path(out) if out else None), (Path(data) if data else None)
    checked = load_study(Path(study), overrides=overrides, fast=fast)
    root = data_root(checked, data)
    folder = out or Path("runs") / checked.name
    with Cache(workers=checked.keys.runtime.workers) as cache:
        say(f"reading {checked.name} from {root}")
        limit = FAST_PATIENTS_PER_CLASS if fast else 0
        prepared = prepare(checked, root, cache=cache, patients_per_class=limit)
        asked, checked = checked, with_columns(checked, prepared.found)
        others = read_others(checked, root, prepared.outcomes, cache=cache)
        findings = audit(checked, prepared, others)
        subgroup_columns(checked, prepared)  # a column that is absent stops here, not after days
        held_back = locked_patients(checked, prepared)
        prepared = with_locked_step(prepared, held_back)
        splits = split_study(checked, prepared, held_back)
        refuse_empty_parts(checked, prepared, splits)
        refuse_without_words(checked, prepared, splits)
        beside = units_apart(checked, prepared, held_back)
        with locked(folder), ending_on_signals():
            device, precision = where_and_how(checked)
            resumed = begin(folder, asked, fresh=fresh, device=device, precision=precision)
            say(f"{'resuming' if resumed else 'writing'} {folder}")
            write_inputs(folder, checked, prepared, findings, root, cache)
            stop_on(findings, checked)
            write_setup(folder, checked, prepared, splits, held_back)
            _run(
                folder, checked, prepared, (splits, beside), held_back, others, findings, say,
                fast=fast, checkpoint_every_s=checkpoint_every_s,
            )  # fmt: skip
            say("writing the report")
            write_report(folder)
            return Run(folder)


def _run(
    folder: Path, study: Study, prepared: Prepared, split: tuple[Sequence[Split], Sequence[Split]],
    held_back: frozenset[str], others: Sequence[OtherCohort], findings: Sequence[Finding],
    say: Callable[[str], None], *, fast: bool, checkpoint_every_s: float,
) -> None:  # fmt: skip
    """Fits, patients that no fold has seen, and the evidence of it all."""
    splits, beside = split
    done = _fitted(folder, study, prepared, splits, beside, say, checkpoint_every_s)
    if held_back and not fast:  # a trial must not count as a look
        score_locked(folder, study, prepared, splits, held_back, say)
    score_external(folder, study, prepared, splits, others, findings, say)
    if isinstance(done, Finished):
        gather_evidence(done, others, say)
    elif study.keys.task.kind == "segmentation":
        gather_segmentation(done, others, say)
        draw_cases(done)
    else:
        gather_numbers(done, others, say)


def _fitted(
    folder: Path, study: Study, prepared: Prepared, splits: Sequence[Split],
    beside: Sequence[Split], say: Callable[[str], None], checkpoint_every_s: float,
) -> Finished | FinishedNumbers:  # fmt: skip
    """Every arm fitted and scored on the splits by patient, then on those beside them."""
    table, metrics = _fit_all(folder, study, prepared, splits, say, checkpoint_every_s)
    run_beside(
        folder, study, prepared, beside, metrics, whole=splits, say=say,
        checkpoint_every_s=checkpoint_every_s,
    )  # fmt: skip
    if isinstance(table, OutcomeTable):
        return FinishedNumbers(folder, study, prepared, splits, table, metrics)
    return Finished(folder, study, prepared, splits, table, metrics)


def load_study(path: Path, *, overrides: Sequence[str] = (), fast: bool = False) -> Study:
    """The study with `--set` and, for `--fast`, the settings of a small version."""
    study = Study.load(path, overrides=overrides)
    if not fast:
        return study
    keys = study.keys.evaluation
    has_folds = not keys.holdout and keys.folds_by == "patient"
    extra = [key for key in FAST if has_folds or "folds" not in key]
    # a small version must never pass for the study itself: the page is headed by the name
    extra.append(f'study.name="{study.name}-fast"')
    for name, table in study.modalities.items():
        size = table.get("size")
        if isinstance(size, list) and max(size) > FAST_IMAGE_PX:
            extra.append(f"modalities.{name}.size={[FAST_IMAGE_PX] * len(size)}")
    for arm in study.keys.arms:
        if "epochs" in study.keys.arms[arm].training:
            extra.append(f"arms.{arm}.training.epochs=2")
    if isinstance(study.keys.tuning, Tuning):
        extra.append("tuning.trials=2")
        extra.append(f"tuning.folds={min(study.keys.tuning.folds, 2)}")
    return Study.load(path, overrides=[*extra, *overrides])


def data_root(study: Study, data: Path | None) -> Path:
    """Folder that the study's file names start from.

    Raises:
        InputError: The folder does not exist.
    """
    named = os.environ.get("TUMORBOARD_DATA")
    here = study.path.parent
    if data is not None:
        root, where = data, "--data"
    elif (here / str(study.source.get("table", ""))).is_file() or not named:
        root, where = here, "the study's folder"
    else:
        root, where = Path(named), "TUMORBOARD_DATA"
    if not root.is_dir():
        raise InputError(
            f"{root}: no such folder ({where}). Name the folder of the data with --data DIR or "
            "in the environment variable TUMORBOARD_DATA."
        )
    return root


def audit(study: Study, prepared: Prepared, others: Sequence[OtherCohort] = ()) -> list[Finding]:
    """Findings of every check, errors first."""
    return run_checks(
        Audited(
            study,
            prepared.cohort,
            _unlocked(prepared),
            prepared.measured,
            others={other.name: (other.cohort, other.measured) for other in others},
            found=prepared.found,
        )
    )


def _unlocked(prepared: Prepared) -> Outcomes:
    """The outcomes without those of locked patients: no check may learn from them."""
    ids = prepared.cohort.patient_id
    is_open = np.asarray([patient not in prepared.locked for patient in ids], dtype=np.bool_)
    outcomes = prepared.outcomes.as_classes()
    return replace(outcomes, kept=outcomes.kept & is_open)


def stop_on(findings: Sequence[Finding], study: Study) -> None:
    """Stop where the audit found an error that the study does not accept."""
    stopping = blocking(findings, study.keys.audit.accept)
    if stopping:
        raise StudyError(
            [f"audit: {finding.code}: {finding.message}" for finding in stopping]
            + ["Mend the study, or list the code in [audit] accept; the report is then marked."]
        )


def where_and_how(study: Study) -> tuple[str, str]:
    """Device and precision that the networks of a study are trained in here."""
    device = choose_device(study.keys.runtime.device)
    images = any(
        table["kind"] in ("image", "patches", "volume") for table in study.modalities.values()
    )
    return device, str(choose_precision(study.keys.runtime.precision, device, images))


def _fit_all(
    folder: Path,
    study: Study,
    prepared: Prepared,
    splits: Sequence[Split],
    say: Callable[[str], None],
    checkpoint_every_s: float,
) -> tuple[AnyTable, Mapping[str, Mapping[str, Estimate]]]:
    n_fits = len(splits) * len(study.arms)
    with PlanProgress(n_fits, folder / "log.jsonl", say=say) as progress:
        say(f"{n_fits} fits: {len(study.arms)} arms on {len(splits)} splits")
        table = run_plan(
            study, prepared, splits, folder, progress, checkpoint_every_s=checkpoint_every_s
        )
    paired = pairing_column(study.as_tables(), table.n_rows)
    write_table(folder / "predictions.csv", table, further=paired)
    return table, write_scores(folder, study, table, splits)
