import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_study import make_cohort, make_prepared, make_split, make_study

from tumorboard.cohorts.splits import split_units, validate_by_unit
from tumorboard.errors import StudyError
from tumorboard.records import Split
from tumorboard.study import Study
from tumorboard.training.prepare import Prepared
from tumorboard.training.tuning import concerns, inner_splits, tune_arm, with_settings

Small = tuple[Study, Prepared, Split]
TUNING = {
    "trials": 3, "metric": "log_loss",
    "space": {
        "training.optimizer.learning_rate": {"low": 1e-6, "high": 1e-1, "log": True},
        "modalities.record.encoder.dropout": {"choices": [0.0, 0.5]},
    },
}  # fmt: skip


def trials(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_the_best_of_the_trials_is_taken_and_an_interrupted_search_goes_on(
    small: Small, tmp_path: Path
) -> None:
    _, prepared, split = small
    study = make_study(prepared.cohort.root, tuning=TUNING)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    tuned, arm = tune_arm(study, prepared, split, study.arms["record"], work=whole)
    found = trials(whole / "tuning.csv")
    best = min(found, key=lambda trial: float(trial["log_loss"]))
    rate = float(best["training.optimizer.learning_rate"])
    assert len(found) == 3
    assert arm.training.optimizer.learning_rate == pytest.approx(rate)
    assert arm.encoders["record"]["dropout"] == float(best["modalities.record.encoder.dropout"])
    assert tuned.arms["fused"] == study.arms["fused"]
    short = make_study(prepared.cohort.root, tuning={**TUNING, "trials": 1})
    tune_arm(short, prepared, split, short.arms["record"], work=parts)
    tune_arm(study, prepared, split, study.arms["record"], work=parts)
    assert trials(parts / "tuning.csv") == found


def test_only_the_keys_of_an_arm_are_searched(small: Small, tmp_path: Path) -> None:
    _, prepared, split = small
    study = make_study(prepared.cohort.root, tuning=TUNING)
    assert concerns("modalities.record.encoder.dropout", study.arms["fused"])
    assert not concerns("training.optimizer.learning_rate", study.arms["logistic"])
    same, arm = tune_arm(study, prepared, split, study.arms["logistic"], work=tmp_path)
    assert same is study
    assert arm is study.arms["logistic"]
    with pytest.raises(StudyError, match=r"tuning.space.modalities.image.size: cannot be tuned"):
        concerns("modalities.image.size", study.arms["fused"])


def test_a_setting_reaches_only_its_arm(small: Small) -> None:
    study = make_study(small[1].cohort.root)
    changed = with_settings(study, study.arms["fused"], {"training.batch_size": 4})
    assert changed.arms["fused"].training.batch_size == 4
    assert changed.arms["late"].training.batch_size == 16


def test_a_diverging_trial_is_a_failed_trial(small: Small, tmp_path: Path) -> None:
    _, prepared, split = small
    space = {"training.optimizer.learning_rate": {"choices": [1e30, 1e-3]}}
    wild = {"optimizer": {"name": "sgd"}, "epochs": 3, "stop": {"patience": 0}}
    tuning = {"trials": 6, "metric": "loss", "space": space}
    study = make_study(prepared.cohort.root, tuning=tuning, training=wild)
    _, arm = tune_arm(study, prepared, split, study.arms["record"], work=tmp_path)
    assert arm.training.optimizer.learning_rate == 1e-3
    assert 0 < len(trials(tmp_path / "tuning.csv")) < 6


def test_inner_folds_part_the_patients_that_are_not_tested(small: Small) -> None:
    study, prepared, split = small
    assert inner_splits(study, prepared, split, 0) == [split]
    inner = inner_splits(study, prepared, split, 4)
    assert inner == inner_splits(study, prepared, split, 4)
    open_rows = {r for part in ("train", "validation") for r in split.rows(prepared.cohort, part)}
    tested: list[int] = []
    for own in inner:
        parts = [own.rows(prepared.cohort, p) for p in ("train", "validation", "test")]
        assert set(np.concatenate(parts).tolist()) == open_rows
        assert len(np.concatenate(parts)) == len(open_rows)
        positive = prepared.outcomes.target[parts[2]]
        assert abs(positive.mean() - prepared.outcomes.target[sorted(open_rows)].mean()) < 0.1
        tested += parts[2].tolist()
    assert sorted(tested) == sorted(open_rows)


def test_inner_folds_never_part_what_their_split_does_not(tmp_path: Path) -> None:
    study, cohort = make_study(tmp_path), make_cohort(tmp_path, rows_per_patient=3)
    cohort = replace(cohort, unit_id=tuple(f"U{i}" for i in range(len(cohort.patient_id))))
    prepared = make_prepared(study, cohort, tmp_path)
    strata = prepared.outcomes.strata
    by_unit = split_units(
        cohort.unit_id, strata, folds=3, repeats=1, holdout=None, validation=0.2, seed=1
    )[0]
    (sparing,) = validate_by_unit(
        [make_split(cohort)], cohort.patient_id, cohort.unit_id, strata, validation=0.2, seed=1
    )
    for split in (by_unit, sparing):
        held = set(split.rows(cohort, "test").tolist())
        for own in inner_splits(study, prepared, split, 3):
            train, watched, tested = (
                set(own.rows(cohort, part).tolist()) for part in ("train", "validation", "test")
            )
            assert train
            assert watched
            assert tested
            assert not held & (train | watched | tested)
            assert len(train | watched | tested) == len(strata) - len(held)
            patients = [{cohort.patient_id[i] for i in rows} for rows in (train, watched, tested)]
            if split is sparing:  # units of training patients validate, whole patients are tested
                assert patients[0] & patients[1]
                assert not patients[2] & (patients[0] | patients[1])
