from pathlib import Path

import numpy as np
import pytest
from small_study import make_cohort, make_prepared, make_split, make_study

from tumorboard.evaluation.tables import PredictionTable, read_predictions
from tumorboard.evaluation.thresholds import choose_thresholds
from tumorboard.records import Split
from tumorboard.study import Study
from tumorboard.training.fit import fit_arm
from tumorboard.training.fitted import FittedArm
from tumorboard.training.plan import fit_folder, predict_parts, run_plan
from tumorboard.training.prepare import Prepared
from tumorboard.training.progress import PlanProgress
from tumorboard.training.units import average_units

Small = tuple[Study, Prepared, Split]


def test_the_rows_of_a_unit_are_averaged_by_hand() -> None:
    predictions = np.asarray([[0.2, 0.8], [0.9, 0.1], [0.4, 0.6]])
    present = np.asarray([[True, False], [False, True], [False, True]])
    units, means, first, names = average_units(
        ["b", "a", "b"], predictions, present, ("image", "record")
    )
    assert units == ["b", "a"]
    np.testing.assert_allclose(means, [[0.3, 0.7], [0.9, 0.1]])
    assert first.tolist() == [0, 1]
    assert names == ["image+record", "record"]


def test_a_plan_keeps_every_model_and_reopens_to_the_same_numbers(
    small: Small, tmp_path: Path
) -> None:
    study, prepared, split = small
    said: list[str] = []
    with PlanProgress(4, tmp_path / "log.jsonl", say=said.append, terminal=False) as progress:
        table = run_plan(study, prepared, [split], tmp_path, progress)
    assert isinstance(table, PredictionTable)
    assert table.arms == tuple(study.arms)
    for arm in study.arms:
        folder = fit_folder(tmp_path, arm, split)
        fitted = FittedArm.open(folder)
        again = predict_parts(fitted, prepared, split)
        assert isinstance(again, PredictionTable)
        own = table.take(np.flatnonzero(table.arm == arm))
        np.testing.assert_array_equal(again.probabilities, own.probabilities)
        assert fitted.threshold == next(
            iter(choose_thresholds(again, study.keys.evaluation.threshold)[0].values())
        )
        notes = fitted.notes or {}
        assert notes["train"]["patients"] == 36
        assert notes["validation"]["patients"] == 12
        assert notes["threshold"] == []
    assert not list(tmp_path.rglob("*.ckpt"))
    assert not list(tmp_path.rglob(".*"))
    written = read_predictions(
        fit_folder(tmp_path, "late", split) / "predictions.csv",
        outcome="diagnosis", positive="malignant",
    )  # fmt: skip
    np.testing.assert_array_equal(
        written.probabilities, table.take(np.flatnonzero(table.arm == "late")).probabilities
    )


def test_late_average_is_the_mean_of_its_branches(small: Small, tmp_path: Path) -> None:
    study, prepared, split = small
    fitted = fit_arm(study, prepared, split, study.arms["late"], checkpoint=tmp_path / "c").fitted
    rows = split.rows(prepared.cohort, "test")
    both = fitted.predict(prepared.measured, rows)
    network = fitted.network
    assert network is not None
    import torch

    inputs = {
        name: modality.finish(
            torch.from_numpy(np.ascontiguousarray(modality.arrays(prepared.measured[name], rows))),
            generator=None,
        )
        for name, modality in fitted.modalities.items()
    }
    present = torch.from_numpy(fitted.present(prepared.measured)[rows])
    with torch.inference_mode():
        branches = network(inputs, present).branches.double().softmax(-1)
    mean = (branches * present[..., None]).sum(1) / present.sum(1, keepdim=True)
    np.testing.assert_allclose(both, mean.numpy(), atol=1e-6)


def test_the_patient_s_rows_are_one_prediction(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    cohort = make_cohort(tmp_path, rows_per_patient=3)
    prepared, split = make_prepared(study, cohort, tmp_path), make_split(cohort)
    fitted = fit_arm(
        study, prepared, split, study.arms["logistic"], checkpoint=tmp_path / "c"
    ).fitted
    table = predict_parts(fitted, prepared, split)
    assert isinstance(table, PredictionTable)
    test = table.part == "test"
    assert sorted(table.patient_id[test]) == sorted(set(table.patient_id[test]))
    rows = split.rows(cohort, "test")
    by_row = fitted.predict(prepared.measured, rows)
    patient = str(table.patient_id[test][0])
    own = [i for i, row in enumerate(rows) if cohort.patient_id[int(row)] == patient]
    assert len(own) == 3
    np.testing.assert_allclose(table.probabilities[test][0], by_row[own].mean(axis=0))


def test_progress_says_one_line_a_minute_without_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("tumorboard.training.progress.time.monotonic", lambda: now[0])
    said: list[str] = []
    with PlanProgress(2, tmp_path / "log.jsonl", say=said.append, terminal=False) as progress:
        progress.start("arm fused, repeat 1, fold 1", 10)
        for epoch in range(1, 11):
            now[0] += 30.0
            progress.epoch(epoch, {"validation_loss": 0.5, "validation_auroc": 0.8})
        progress.finish()
    assert len(said) == 5
    assert said[0] == (
        "fit 1 of 2: arm fused, repeat 1, fold 1, epoch 2 of 10, validation auroc 0.800, "
        "about 9 min left"
    )
    log = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(log) == 12
