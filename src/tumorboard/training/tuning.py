"""The inner loop of nested cross-validation: search settings on validation patients of one fold."""

from __future__ import annotations

import csv
import io
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorboard.cache import write_text
from tumorboard.cohorts.splits import split_patients, validate_by_unit
from tumorboard.errors import RunError, StudyError
from tumorboard.evaluation.scores import LOSS_OF, score_units
from tumorboard.records import Part, Split
from tumorboard.study import Arm, Study
from tumorboard.study_keys import LOWER_IS_BETTER, Tuning
from tumorboard.training.arm_rows import rows_of
from tumorboard.training.batches import derive_seed
from tumorboard.training.fit import fit_arm
from tumorboard.training.fitted import FittedArm
from tumorboard.training.prepare import Prepared
from tumorboard.training.signatures import with_signatures
from tumorboard.training.units import average_units

if TYPE_CHECKING:
    import optuna


def tune_arm(
    study: Study, prepared: Prepared, split: Split, arm: Arm, *, work: Path
) -> tuple[Study, Arm]:
    """Search the study's space for one arm on one split and take up the best settings.

    A trial is a whole fit on the training patients, scored on the validation patients of the same
    fold; with `tuning.folds` it is one such fit for each inner fold, scored on the part that the
    fold leaves out. Test patients take no part. The search is Optuna's TPE (Bergstra et al.,
    NeurIPS 2011), kept in a journal file, so that an interrupted search goes on.

    Returns:
        The study and the arm with the best settings; unchanged where no key of the space concerns
        the arm.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    tuning = study.keys.tuning
    if not isinstance(tuning, Tuning):
        return study, arm
    space = {key: bounds for key, bounds in tuning.space.items() if concerns(key, arm)}
    if not space:
        return study, arm
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        storage = JournalStorage(JournalFileBackend(str(work / "tuning.journal")))
    search = optuna.create_study(
        storage=storage,
        study_name=arm.name,
        load_if_exists=True,
        direction="minimize" if tuning.metric in LOWER_IS_BETTER else "maximize",
    )
    parts = (study.seed, arm.name, split.repeat, split.fold, "tuning")
    inner = inner_splits(study, prepared, split, tuning.folds)
    ended = [trial for trial in search.get_trials() if trial.state.is_finished()]
    for number in range(len(ended), tuning.trials):
        # a sampler seeded by the trial's number gives the same search after an interruption
        search.sampler = optuna.samplers.TPESampler(seed=derive_seed(*parts, number))
        trial = search.ask()
        values = {key: _suggest(trial, key, bounds) for key, bounds in space.items()}
        tried = with_settings(study, arm, values)
        _try(
            search,
            trial,
            lambda s=tried, n=number: _trial_score(s, prepared, inner, arm.name, tuning, work, n),
        )
    if not any(t.state == optuna.trial.TrialState.COMPLETE for t in search.get_trials()):
        raise RunError(
            f"arm {arm.name}, repeat {split.repeat}, fold {split.fold}: none of the "
            f"{tuning.trials} trials of the tuning came to an end. Narrow tuning.space."
        )
    _write_trials(work / "tuning.csv", search, list(space), tuning.metric)
    tuned = with_settings(study, arm, dict(search.best_params))
    logging.getLogger("tumorboard").info(
        "arm %s, repeat %d, fold %d: best of %d trials %s", arm.name, split.repeat, split.fold,
        tuning.trials, search.best_params,
    )  # fmt: skip
    return tuned, tuned.arms[arm.name]


def _try(search: optuna.Study, trial: optuna.Trial, fit: Callable[[], float]) -> None:
    """Score one trial; settings that diverge are a failed trial, not the end of the study."""
    import math

    import optuna

    try:
        value = fit()
    except RunError as error:
        logging.getLogger("tumorboard").warning("trial %d failed: %s", trial.number, error)
        value = math.nan
    if math.isfinite(value):
        search.tell(trial, value)
    else:
        search.tell(trial, state=optuna.trial.TrialState.FAIL)


def concerns(key: str, arm: Arm) -> bool:
    """Whether a key of the space changes this arm.

    Raises:
        StudyError: The key cannot be tuned.
    """
    head, *rest = key.split(".")
    if head == "training" and rest:
        return arm.baseline is None
    if head == "modalities" and len(rest) == 3 and rest[1] == "encoder":
        return rest[0] in arm.encoders
    if (
        head == "arms"
        and len(rest) >= 3
        and rest[1] in ("fusion", "baseline", "training", "encoders")
    ):
        return rest[0] == arm.name
    raise StudyError(
        f"tuning.space.{key}: cannot be tuned. Expected training.<key>, "
        f"modalities.<name>.encoder.<key>, "
        "arms.<name>.fusion.<key> or arms.<name>.baseline.<key>."
    )


def with_settings(study: Study, arm: Arm, values: Mapping[str, Any]) -> Study:
    """The same study with settings of one arm replaced."""
    tables = study.as_tables()
    own = tables["arms"][arm.name]
    for key, value in values.items():
        head, *rest = key.split(".")
        if head == "training":
            path = ["training", *rest]
        elif head == "modalities":
            path = ["encoders", rest[0], rest[2]]
        else:
            path = rest[1:]
        table: Any = own
        for name in path[:-1]:
            table = table[name]
        table[path[-1]] = value
    return Study.from_tables(tables, path=study.path)


def _suggest(trial: optuna.Trial, key: str, bounds: Mapping[str, Any]) -> Any:
    if "choices" in bounds:
        return trial.suggest_categorical(key, bounds["choices"])
    if set(bounds) - {"low", "high", "log", "step"} or not {"low", "high"} <= set(bounds):
        raise StudyError(
            f"tuning.space.{key}: found {dict(bounds)}, expected {{low, high}} with log or step, "
            f"or {{choices}}."
        )
    low, high, log = bounds["low"], bounds["high"], bool(bounds.get("log", False))
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(key, low, high, log=log, step=bounds.get("step", 1))
    return trial.suggest_float(key, low, high, log=log, step=bounds.get("step"))


def inner_splits(study: Study, prepared: Prepared, split: Split, folds: int) -> list[Split]:
    """What a trial is fitted and scored on: the split itself, or folds of its training patients.

    Every arm and trial of a split has the same inner folds. What the split never parts (patients,
    or units) they do not part either, so that none of its test rows is among them.
    """
    if not folds:
        return [split]
    cohort, keys = prepared.cohort, study.keys.evaluation
    rows = np.concatenate([split.rows(cohort, part) for part in ("train", "validation")])
    units = [cohort.unit_id[int(row)] for row in rows]
    ids = units if split.by == "unit" else [cohort.patient_id[int(row)] for row in rows]
    strata, seed = prepared.outcomes.strata[rows], (study.seed, split.repeat, split.fold)
    inner = split_patients(
        ids, strata, folds=folds, repeats=1, holdout=None, validation=keys.validation,
        seed=derive_seed(*seed, "inner folds"),
        classes=prepared.outcomes.classes or prepared.outcomes.groups,
        spared=1 if split.validating else 2, word=split.by,
    )  # fmt: skip
    if split.validating:  # too few patients to spare whole ones: inside as outside
        inner = validate_by_unit(
            inner, ids, units, strata, validation=keys.validation,
            seed=derive_seed(*seed, "inner validation"),
        )  # fmt: skip
    return [replace(each, by=split.by) for each in inner]


def _trial_score(
    study: Study, prepared: Prepared, inner: Sequence[Split], arm: str, tuning: Tuning, work: Path,
    number: int,
) -> float:  # fmt: skip
    """Mean score over the inner folds; NaN as soon as one of them is not defined."""
    part = "test" if tuning.folds else "validation"
    checkpoint = work / f"trial-{number}.ckpt"
    scores = [_score_on(study, prepared, fold, part, arm, tuning, checkpoint) for fold in inner]
    return sum(scores) / len(scores)


def _score_on(
    study: Study, prepared: Prepared, split: Split, part: Part, arm: str, tuning: Tuning,
    checkpoint: Path,
) -> float:  # fmt: skip
    """Score of one fit on patients of a part of its split."""
    chosen = study.arms[arm]
    # settings are chosen by one network each; the ensemble is trained once they are chosen
    single = chosen.training.model_copy(update={"members": 1})
    chosen = replace(chosen, training=single)
    prepared = with_signatures(study, prepared, split)
    fit = fit_arm(study, prepared, split, chosen, checkpoint=checkpoint)
    checkpoint.unlink(missing_ok=True)
    rows = rows_of(prepared, split, chosen, part)
    fitted: FittedArm = fit.fitted
    _, means, first, _ = average_units(
        [prepared.cohort.unit_id[int(r)] for r in rows],
        fitted.predict(prepared.measured, rows),
        fitted.present(prepared.measured)[rows],
        chosen.modalities,
    )
    # losses of other settings (gamma, smoothing, class weights) are other scales: log loss is one
    kind = study.keys.task.kind
    metric = LOSS_OF[kind] if tuning.metric == "loss" else tuning.metric
    names = fitted.task.columns(fitted.classes)
    return score_units(kind, metric, prepared.outcomes.target[rows[first]], means, names)


def _write_trials(path: Path, search: optuna.Study, keys: list[str], metric: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["trial", *keys, metric])
    for trial in search.get_trials():
        if trial.value is not None:
            writer.writerow([trial.number, *(trial.params[key] for key in keys), trial.value])
    write_text(path, text.getvalue())
