"""The plan of a study: arms x repeats x folds, each fit finished once and kept."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from tumorboard.cache import write_text
from tumorboard.errors import InputError
from tumorboard.evaluation.any_table import AnyTable, join, read_table, write_table
from tumorboard.records import Floats, Split
from tumorboard.study import Arm, Study
from tumorboard.training.batches import derive_seed
from tumorboard.training.decision import decide_on_validation
from tumorboard.training.fit import Fit, fit_arm
from tumorboard.training.fit_module import history_csv
from tumorboard.training.fitted import FittedArm
from tumorboard.training.mask_table import decided_parts
from tumorboard.training.prepare import Prepared
from tumorboard.training.progress import PlanProgress
from tumorboard.training.signatures import with_signatures
from tumorboard.training.tuning import tune_arm
from tumorboard.training.units import average_units, unit_table
from tumorboard.training.unread_notes import unread_notes

#: File of a fit with what each network or dropout pass said of the test units.
MEMBERS = "members.npy"
#: Folder of a fit, and of a run, with the masks of test patients.
MASKS = "masks"


def fit_folder(run: Path, arm: str, split: Split) -> Path:
    """Model folder of one fit in a run folder."""
    return run / "models" / arm / f"{split.repeat}-{split.fold}"


def run_plan(
    study: Study,
    prepared: Prepared,
    splits: Sequence[Split],
    run: Path,
    progress: PlanProgress,
    *,
    checkpoint_every_s: float = 30.0,
) -> AnyTable:
    """Fit every arm on every split, keep each model with its predictions, and join the predictions.

    Args:
        study: The study.
        prepared: Its patients.
        splits: The same splits for every arm.
        run: The run folder; fits that are finished there are kept.
        progress: Told about every fit and epoch.
        checkpoint_every_s: Shortest time between two checkpoints of a fit, in seconds.
    """
    for split in splits:
        for arm in study.arms.values():
            folder = fit_folder(run, arm.name, split)
            label = f"arm {arm.name}, repeat {split.repeat}, fold {split.fold}"
            if (folder / "predictions.csv").is_file():
                progress.finish(kept=True)
                continue
            progress.start(label, arm.training.epochs)
            _fit_once(study, prepared, split, arm, folder, progress, checkpoint_every_s)
            progress.finish()
    gather_masks(run, list(study.arms), splits)
    return join(
        [
            read_table(
                fit_folder(run, arm, split) / "predictions.csv", prepared.outcomes, by=split.by
            )
            for arm in study.arms
            for split in splits
        ]
    )


def _fit_once(
    study: Study,
    prepared: Prepared,
    split: Split,
    arm: Arm,
    folder: Path,
    progress: PlanProgress,
    checkpoint_every_s: float,
) -> None:
    """One fit, written as a whole: the folder appears when everything in it is complete."""
    work = folder.with_name(f".{folder.name}.work")
    work.mkdir(parents=True, exist_ok=True)
    checkpoint = work / "checkpoint.ckpt"
    prepared = with_signatures(study, prepared, split)
    if study.keys.tuning != "none":
        study, arm = tune_arm(study, prepared, split, arm, work=work)
    fit = fit_arm(
        study,
        prepared,
        split,
        arm,
        checkpoint=checkpoint,
        tell=progress.epoch,
        checkpoint_every_s=checkpoint_every_s,
    )
    raw, table, remarks = decided(study, fit.fitted, prepared, split, masks=work / MASKS)
    known = training_notes(prepared, split, fit.fitted)
    for sentence in cast("list[str]", known["unread"]):
        progress.remark(f"arm {arm.name}: {sentence}")
    fit.fitted.notes = {**known, **remarks}
    files = {"predictions.csv": table}
    if study.keys.evaluation.calibration != "none":
        files["uncalibrated.csv"] = raw
    members = member_predictions(study, fit.fitted, prepared, split)
    _write_fit(fit, files, members, folder, work)


def decided(
    study: Study, fitted: FittedArm, prepared: Prepared, split: Split, *, masks: Path
) -> tuple[AnyTable, AnyTable, dict[str, list[str]]]:
    """Let validation patients decide what they may, and predict both parts.

    Args:
        study: The study.
        fitted: The fitted arm; takes up what is decided.
        prepared: Its patients.
        split: Which of them validate and test.
        masks: Where masks of test patients are written, of a segmentation.

    Returns:
        The predictions before calibration and after it, and remarks by what they are about.
    """
    if fitted.arm.segmented:
        table, remarks = decided_parts(study, fitted, prepared, split, folder=masks)
        return table, table, {"masks": remarks}
    raw = predict_parts(fitted, prepared, split)
    return raw, *decide_on_validation(study, fitted, raw)


def gather_masks(run: Path, arms: Sequence[str], splits: Sequence[Split]) -> None:
    """Masks of every fit under `masks/<arm>/`, one for each case; of further repeats below it."""
    for arm in arms:
        for split in splits:
            folder = fit_folder(run, arm, split) / MASKS
            if not folder.is_dir():
                continue
            own = run / MASKS / arm
            target = own if split.repeat == 1 else own / f"repeat-{split.repeat}"
            target.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.iterdir()):
                if not (target / path.name).exists():
                    _link(path, target / path.name)


def _link(path: Path, target: Path) -> None:
    """The same file under a second name; a copy where the disk knows no second names."""
    try:
        target.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, target)


def _write_fit(
    fit: Fit,
    tables: Mapping[str, AnyTable],
    members: Floats | None,
    folder: Path,
    work: Path,
) -> None:
    temporary = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    fit.fitted.write(temporary)
    if fit.history:
        write_text(temporary / "history.csv", history_csv(fit.history))
    if (work / MASKS).is_dir():
        shutil.copytree(work / MASKS, temporary / MASKS)
    if (work / "tuning.csv").is_file():
        shutil.copyfile(work / "tuning.csv", temporary / "tuning.csv")
    for name, table in tables.items():
        write_table(temporary / name, table)
    if members is not None:
        np.save(temporary / MEMBERS, members, allow_pickle=False)
    if folder.exists():
        shutil.rmtree(folder)
    temporary.rename(folder)
    shutil.rmtree(work)


def member_predictions(
    study: Study, fitted: FittedArm, prepared: Prepared, split: Split
) -> Floats | None:
    """(S, units, K) what each network (or dropout pass) says of the test units, not calibrated.

    None where there is one network and no dropout is asked for. Units are in the order of the test
    rows of predictions.csv.
    """
    passes = study.keys.evaluation.mc_dropout
    if fitted.network is None or not (passes or fitted.members):
        return None
    rows = split.rows(prepared.cohort, "test")
    present = fitted.present(prepared.measured)
    rows = rows[present[rows].any(axis=1)]
    seed = derive_seed(study.seed, fitted.arm.name, split.repeat, split.fold, "dropout")
    said = fitted.predict_members(prepared.measured, rows, dropout_passes=passes, seed=seed)
    units = [prepared.cohort.unit_id[int(r)] for r in rows]
    names = fitted.arm.modalities
    return np.stack([average_units(units, one, present[rows], names)[1] for one in said])


def predict_parts(fitted: FittedArm, prepared: Prepared, split: Split) -> AnyTable:
    """Predictions of the validation and test patients of one fit, one row per unit."""
    tables = []
    for part in ("validation", "test"):
        rows = split.rows(prepared.cohort, part)
        present = fitted.present(prepared.measured)
        rows = rows[present[rows].any(axis=1)]
        if len(rows):
            tables.append(unit_table(fitted, prepared, rows, split, part))
    if not tables:
        raise InputError(
            f"arm {fitted.arm.name}: no patient of repeat {split.repeat}, fold {split.fold} has "
            f"one of its "
            "modalities, so nothing can be predicted."
        )
    return join(tables)


def training_notes(prepared: Prepared, split: Split, fitted: FittedArm) -> Mapping[str, object]:
    """Plain facts about what a model was trained on, for its card and for prediction."""
    present = np.asarray(prepared.present(fitted.arm.modalities).any(axis=1))
    groups = prepared.outcomes.as_classes()
    every = np.arange(prepared.cohort.n_rows, dtype=np.int64)
    counts: dict[str, object] = {
        "subsets": _subsets(prepared, split, fitted),
        "unread": list(unread_notes(fitted, prepared.measured, every)),
    }
    for part in ("train", "validation"):
        rows = split.rows(prepared.cohort, part)
        rows = rows[present[rows]]
        patients = {prepared.cohort.patient_id[int(r)] for r in rows}
        labels = groups.target[rows]
        counts[part] = {
            "patients": len(patients),
            "rows": len(rows),
            "outcome": {
                name: len({prepared.cohort.patient_id[int(r)] for r in rows[labels == k]})
                for k, name in enumerate(groups.classes)
            },
        }
    return counts


def _subsets(prepared: Prepared, split: Split, fitted: FittedArm) -> dict[str, int]:
    """Training rows by the modalities that they have."""
    rows = split.rows(prepared.cohort, "train")
    names = fitted.arm.modalities
    found = Counter(
        "+".join(name for name, has in zip(names, row, strict=True) if has)
        for row in prepared.present(names)[rows]
    )
    return {subset: n for subset, n in sorted(found.items()) if subset}
