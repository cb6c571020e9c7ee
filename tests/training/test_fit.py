from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_study import make_cohort, make_prepared, make_split, make_study

from tumorboard.errors import RunError, StudyError
from tumorboard.records import Split
from tumorboard.study import Study
from tumorboard.training.arm_rows import refuse_empty_parts
from tumorboard.training.device import choose_device, choose_precision
from tumorboard.training.fit import fit_arm, fit_modalities
from tumorboard.training.prepare import Prepared

Small = tuple[Study, Prepared, Split]


class Killed(BaseException):
    """Stands for a process that ends at once."""


def test_resuming_after_any_epoch_gives_the_same_model(small: Small, tmp_path: Path) -> None:
    study, prepared, split = small
    rows = split.rows(prepared.cohort, "test")
    arm = study.arms["fused"]
    straight = fit_arm(study, prepared, split, arm, checkpoint=tmp_path / "a.ckpt")
    expected = straight.fitted.predict(prepared.measured, rows)
    for killed_at in (1, 3):
        checkpoint = tmp_path / f"killed-{killed_at}.ckpt"

        def kill(epoch: int, values: dict[str, float], at: int = killed_at) -> None:
            if epoch == at + 1:
                raise Killed

        with pytest.raises(Killed):
            fit_arm(
                study, prepared, split, arm, checkpoint=checkpoint, tell=kill, checkpoint_every_s=0
            )
        resumed = fit_arm(study, prepared, split, arm, checkpoint=checkpoint)
        assert resumed.history == straight.history
        np.testing.assert_array_equal(resumed.fitted.predict(prepared.measured, rows), expected)


def test_fits_with_equal_seeds_are_equal_and_other_seeds_differ(
    small: Small, tmp_path: Path
) -> None:
    study, prepared, split = small
    arm = study.arms["record"]
    rows = split.rows(prepared.cohort, "test")
    predictions = [
        fit_arm(study, prepared, s, arm, checkpoint=tmp_path / "c").fitted.predict(
            prepared.measured, rows
        )
        for s in (split, split, replace(split, fold=2))
    ]
    np.testing.assert_array_equal(predictions[0], predictions[1])
    assert np.abs(predictions[0] - predictions[2]).max() > 1e-6


def test_test_patients_never_reach_a_fit(small: Small, tmp_path: Path) -> None:
    study, prepared, split = small
    cohort = prepared.cohort
    test = set(split.rows(cohort, "test").tolist())
    age = [("-5000" if i in test else cell) for i, cell in enumerate(cohort.columns["age"])]
    columns = {**cohort.columns, "age": tuple(age)}
    flipped = np.where([i in test for i in range(cohort.n_rows)], 1 - prepared.outcomes.target,
                       prepared.outcomes.target)  # fmt: skip
    changed_cohort = replace(cohort, columns=columns)
    changed = make_prepared(study, changed_cohort, tmp_path)
    changed = replace(changed, outcomes=replace(changed.outcomes, target=flipped))
    rows = split.rows(cohort, "train")
    for name in ("record", "logistic"):
        arm = study.arms[name]
        before = fit_arm(study, prepared, split, arm, checkpoint=tmp_path / "b").fitted
        after = fit_arm(study, changed, split, arm, checkpoint=tmp_path / "a").fitted
        np.testing.assert_array_equal(
            before.predict(prepared.measured, rows), after.predict(changed.measured, rows)
        )


def test_early_stopping_keeps_the_best_epoch(small: Small, tmp_path: Path) -> None:
    _, prepared, split = small
    overridden = make_study(
        prepared.cohort.root,
        training={"epochs": 30, "optimizer": {"learning_rate": 0.05},
                  "stop": {"metric": "log_loss", "patience": 2}},
    )  # fmt: skip
    fit = fit_arm(overridden, prepared, split, overridden.arms["record"], checkpoint=tmp_path / "c")
    losses = [entry["validation_log_loss"] for entry in fit.history]
    best = int(np.argmin(losses))
    assert len(losses) == best + 3 < 30
    rows = split.rows(prepared.cohort, "validation")
    predicted = fit.fitted.predict(prepared.measured, rows)
    chance = predicted[np.arange(len(rows)), prepared.outcomes.target[rows].astype(np.int64)]
    assert -np.log(chance).mean() == pytest.approx(losses[best], abs=1e-6)


def test_a_loss_that_is_not_finite_names_the_patients(small: Small, tmp_path: Path) -> None:
    _, prepared, split = small
    wild = make_study(
        prepared.cohort.root,
        training={"epochs": 3, "optimizer": {"name": "sgd", "learning_rate": 1e30}},
    )
    with pytest.raises(
        RunError, match=r"The loss is .*nan.* in epoch \d, batch \d, with patients P"
    ):
        fit_arm(wild, prepared, split, wild.arms["record"], checkpoint=tmp_path / "c")


def test_a_watched_metric_without_both_classes_is_an_error(small: Small, tmp_path: Path) -> None:
    _, prepared, split = small
    watching = make_study(prepared.cohort.root, training={"stop": {"metric": "auroc"}})
    benign = {
        patient
        for patient, target in zip(
            prepared.cohort.patient_id, prepared.outcomes.target, strict=True
        )
        if target == 0
    }
    parts = {
        patient: ("train" if part == "validation" and patient not in benign else part)
        for patient, part in split.parts.items()
    }
    with pytest.raises(RunError, match=r"validation auroc is nan.*may lack a class"):
        fit_arm(
            watching, prepared, replace(split, parts=parts), watching.arms["record"],
            checkpoint=tmp_path / "c",
        )  # fmt: skip


def test_rows_of_one_patient_weigh_as_one_patient(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    cohort = make_cohort(tmp_path, rows_per_patient=3)
    prepared = make_prepared(study, cohort, tmp_path)
    single_cohort = cohort.take(range(0, cohort.n_rows, 3))
    single = make_prepared(study, single_cohort, tmp_path)
    split = make_split(cohort)
    arm = study.arms["logistic"]
    many = fit_arm(study, prepared, split, arm, checkpoint=tmp_path / "m").fitted
    one = fit_arm(study, single, split, arm, checkpoint=tmp_path / "s").fitted
    rows = np.arange(single_cohort.n_rows)
    np.testing.assert_allclose(
        many.predict(single.measured, rows), one.predict(single.measured, rows), atol=1e-5
    )


def test_a_modality_absent_in_all_training_patients_is_named(small: Small, tmp_path: Path) -> None:
    study, prepared, split = small
    files = {"image": ((),) * prepared.cohort.n_rows}
    without = make_prepared(study, replace(prepared.cohort, files=files), tmp_path)
    with pytest.raises(
        StudyError, match=r"modalities.image: no training patient of repeat 1, fold 1"
    ):
        fit_modalities(study, without, split, study.arms["fused"])


def test_device_and_precision_words() -> None:
    assert choose_device("cpu") == "cpu"
    if not torch.cuda.is_available():
        with pytest.raises(RunError, match="torch sees no CUDA GPU"):
            choose_device("cuda")
    assert choose_precision("auto", "cpu", has_images=False) == "32-true"
    assert choose_precision("bf16", "cpu", has_images=True) == "bf16-mixed"


def test_a_patient_weighs_the_same_whoever_shares_the_batch(tmp_path: Path) -> None:
    """Patients of nine rows and of one row share the loss in halves, at any batch size."""
    from tumorboard.training.batches import epoch_order, loss_weights

    ids = tuple([f"one{i}" for i in range(200)] + [f"nine{i % 200}" for i in range(1800)])
    rows = np.arange(2000)
    weight = loss_weights(ids, rows, n_rows=2000)
    target = np.zeros(2000, np.int64)
    order = epoch_order(rows, target=target, weight=weight, sampler="shuffle", seed=1)
    for size in (4, 16):
        mass = [weight[b][b < 200].sum() / len(b) for b in np.split(order, 2000 // size)]
        assert sum(mass) / (2000 / size) == pytest.approx(0.5, abs=1e-9)


def test_the_weighted_sampler_gives_classes_equal_mass(tmp_path: Path) -> None:
    study = make_study(tmp_path, training={"epochs": 1, "sampler": "weighted"})
    cohort = make_cohort(tmp_path, rows_per_patient=3)
    prepared = make_prepared(study, cohort, tmp_path)
    seen: list[np.ndarray] = []

    from tumorboard.training.module import ArmModule

    original = ArmModule._row_loss

    def watching(self, logits, batch):
        if self.training:
            seen.append(batch.weight.numpy())
        return original(self, logits, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ArmModule, "_row_loss", watching)
        fit_arm(
            study, prepared, make_split(cohort), study.arms["record"], checkpoint=tmp_path / "c"
        )
    assert {float(w) for batch in seen for w in batch} == {1.0}


def test_an_arm_without_validation_patients_is_named(small: Small, tmp_path: Path) -> None:
    study, prepared, split = small
    files = {
        "image": tuple(
            paths if split.parts[patient] != "validation" else ()
            for paths, patient in zip(
                prepared.cohort.files["image"], prepared.cohort.patient_id, strict=True
            )
        )
    }
    alone = make_study(prepared.cohort.root, arms={"image": {"modalities": ["image"]}})
    without = make_prepared(study, replace(prepared.cohort, files=files), tmp_path)
    with pytest.raises(StudyError, match=r"arms.image: no validation patient of repeat 1, fold 1"):
        fit_arm(alone, without, split, alone.arms["image"], checkpoint=tmp_path / "c")


def test_resuming_where_a_fit_stops_early_trains_no_epoch_more(
    small: Small, tmp_path: Path
) -> None:
    _, prepared, split = small
    study = make_study(
        prepared.cohort.root,
        training={"epochs": 30, "optimizer": {"learning_rate": 0.05}, "stop": {"patience": 2}},
    )
    arm = study.arms["record"]
    straight = fit_arm(study, prepared, split, arm, checkpoint=tmp_path / "a")
    last = len(straight.history)

    def kill(epoch: int, values: dict[str, float]) -> None:
        if epoch == last:
            raise Killed

    checkpoint = tmp_path / "b"
    with pytest.raises(Killed):
        fit_arm(study, prepared, split, arm, checkpoint=checkpoint, tell=kill, checkpoint_every_s=0)
    resumed = fit_arm(study, prepared, split, arm, checkpoint=checkpoint)
    assert resumed.history == straight.history


def test_a_fold_without_validation_patients_of_an_arm_stops_before_the_first_fit(small) -> None:
    study, prepared, split = small
    present = prepared.measured["image"].present.copy()
    present[split.rows(prepared.cohort, "validation")] = False
    image = replace(prepared.measured["image"], present=present)
    measured = {**prepared.measured, "image": image}
    tables = study.as_tables()
    tables["arms"]["image"] = {"modalities": ["image"]}
    study = type(study).from_tables(tables, path=study.path)
    with pytest.raises(StudyError, match=r"arms.image: no validation patient of repeat 1, fold 1"):
        refuse_empty_parts(study, replace(prepared, measured=measured), [split])
