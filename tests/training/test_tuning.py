import csv
from pathlib import Path

import pytest
from small_study import make_study

from tumorboard.errors import StudyError
from tumorboard.records import Split
from tumorboard.study import Study
from tumorboard.training.prepare import Prepared
from tumorboard.training.tuning import concerns, tune_arm, with_settings

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
