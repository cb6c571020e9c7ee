"""`tumorboard fit`: one arm on all patients of a study, as a model folder that predicts."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from tumorboard.cache import Cache, write_text
from tumorboard.errors import RunError, StudyError, nearest
from tumorboard.prediction.model import Model
from tumorboard.records import Split
from tumorboard.report.inventory import cohort_summary
from tumorboard.report.limits import limits
from tumorboard.report.model_card import model_card
from tumorboard.study import Arm, Study
from tumorboard.training.fit import fit_arm
from tumorboard.training.fit_module import history_csv
from tumorboard.training.fitted import FittedArm
from tumorboard.training.found_cohort import with_columns
from tumorboard.training.plan import decided, training_notes
from tumorboard.training.prepare import Prepared, prepare
from tumorboard.training.progress import PlanProgress
from tumorboard.training.run_folder import environment
from tumorboard.training.signatures import with_signatures
from tumorboard.training.tuning import tune_arm
from tumorboard.verbs.evaluate import (
    FAST_IMAGE_PX,
    FAST_PATIENTS_PER_CLASS,
    audit,
    data_root,
    load_study,
    stop_on,
    where_and_how,
)
from tumorboard.verbs.held_out import locked_patients
from tumorboard.verbs.predict import rejection_line
from tumorboard.verbs.study_splits import split_everybody


def fit(
    study: str | Path,
    *,
    out: str | Path | None = None,
    arm: str = "none",
    data: str | Path | None = None,
    overrides: Sequence[str] = (),
    fast: bool = False,
    log: Callable[[str], None] | None = None,
) -> Model:
    """Fit one arm on all patients; a validation part of them chooses epoch and threshold.

    Args:
        study: The study file.
        out: Model folder; `models/<name>-<arm>` where left out.
        arm: Name of the arm; the arm of `[evaluation] primary` where "none".
        data: Folder that the study's file names start from.
        overrides: `key=value` settings over the study file.
        fast: Fit a small version.
        log: Where progress lines go.

    Raises:
        StudyError, InputError, RunError: One clear line each; the folder appears complete or not
        at all.
    """
    say = log or (lambda line: None)
    out, data = (Path(out) if out else None), (Path(data) if data else None)
    checked = load_study(Path(study), overrides=overrides, fast=fast)
    chosen = _arm(checked, arm)
    folder = out or Path("models") / f"{checked.name}-{chosen.name}"
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder}: exists already. Choose another --out, or remove it.")
    with Cache(workers=checked.keys.runtime.workers) as cache:
        limit = FAST_PATIENTS_PER_CLASS if fast else 0
        prepared = prepare(checked, data_root(checked, data), cache=cache, patients_per_class=limit)
        checked = with_columns(checked, prepared.found)
    for rejection in prepared.rejections:
        say(rejection_line(rejection))
    stop_on(audit(checked, prepared), checked)
    split = split_everybody(checked, prepared, locked_patients(checked, prepared))
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        say(f"fitting arm {chosen.name} on {len(split.parts)} patients")
        if fast:
            say(
                f"--fast: at most {FAST_PATIENTS_PER_CLASS} patients of each class, "
                f"{chosen.training.epochs} epochs, images of at most {FAST_IMAGE_PX} pixels: a "
                "trial, no model to use"
            )
        _fit_into(work / "model", checked, prepared, split, chosen, say, work)
        if folder.exists():
            folder.rmdir()
        (work / "model").rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Model(FittedArm.open(folder), folder, prepared.rejections)


def _arm(study: Study, name: str) -> Arm:
    wanted = study.primary.arm if name == "none" else name
    if wanted not in study.arms:
        raise StudyError(
            f"--arm {wanted}: not an arm of this study. {nearest(wanted, list(study.arms))}"
        )
    return study.arms[wanted]


def _fit_into(
    folder: Path,
    study: Study,
    prepared: Prepared,
    split: Split,
    arm: Arm,
    say: Callable[[str], None],
    work: Path,
) -> None:
    prepared = with_signatures(study, prepared, split)
    if study.keys.tuning != "none":
        study, arm = tune_arm(study, prepared, split, arm, work=work)
    with PlanProgress(1, work / "log.jsonl", say=say) as progress:
        progress.start(f"arm {arm.name}", arm.training.epochs)
        result = fit_arm(
            study, prepared, split, arm, checkpoint=work / "checkpoint.ckpt", tell=progress.epoch
        )
        progress.finish()
    fitted = result.fitted
    _, _, remarks = decided(study, fitted, prepared, split, masks=work / "masks")
    known = training_notes(prepared, split, fitted)
    for sentence in cast("list[str]", known["unread"]):
        say(sentence)
    fitted.notes = {**known, **remarks}
    folder.mkdir()
    fitted.write(folder)
    if result.history:
        write_text(folder / "history.csv", history_csv(result.history))
    document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    write_text(folder / "MODEL_CARD.md", _card(document, study, prepared))


def _card(document: Mapping[str, Any], study: Study, prepared: Prepared) -> str:
    counts = {name: found.present for name, found in prepared.found_measured.items()}
    found = replace(prepared.found, records=prepared.records, flow=prepared.cohort.flow)
    cohort = cohort_summary(found, prepared.found_outcomes, counts)
    device, precision = where_and_how(study)
    return model_card(
        document,
        cohort=cohort,
        environment=environment(study, device=device, precision=precision),
        limits=limits(
            study.as_tables(),
            cohort,
            (),
            n_patients=len(prepared.cohort.patients),
            n_events=_events(prepared, study.keys.task.kind),
            n_rejected=len(prepared.rejections),
            n_comparisons=0,
            unread=document["notes"]["unread"],
        ),
    )


def _events(prepared: Prepared, kind: str) -> int:
    """Patients of the positive class, or of the rarest where there are more than two.

    Of survival those with the event, of masks and of another number all.
    """
    cohort, outcomes = prepared.cohort, prepared.outcomes.as_classes()
    if kind in ("regression", "segmentation"):
        return len(cohort.patients)
    counts = [
        len({cohort.patient_id[int(row)] for row in (outcomes.target == k).nonzero()[0]})
        for k in range(len(outcomes.classes))
    ]
    return counts[-1] if len(counts) == 2 else min(counts, default=0)
