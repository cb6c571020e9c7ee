from pathlib import Path

import numpy as np
import torch

from tumorboard.study import Study
from tumorboard.training.fit import fit_arm
from tumorboard.training.fitted import FittedArm
from tumorboard.training.members import is_kept


def ensemble_arm(study, name: str = "record", members: int = 3) -> Study:
    tables = study.as_tables()
    tables["arms"][name]["training"]["members"] = members
    return type(study).from_tables(tables, path=study.path)


def test_members_differ_and_their_outputs_are_averaged(small, tmp_path: Path) -> None:
    study, prepared, split = small
    study = ensemble_arm(study)
    fitted = fit_arm(
        study, prepared, split, study.arms["record"], checkpoint=tmp_path / "c.ckpt"
    ).fitted
    rows = split.rows(prepared.cohort, "test")
    rows = rows[fitted.present(prepared.measured)[rows].any(axis=1)]
    each = fitted.predict_members(prepared.measured, rows)
    assert each.shape == (3, len(rows), 2)
    assert np.abs(each[0] - each[1]).max() > 1e-3
    np.testing.assert_allclose(fitted.predict(prepared.measured, rows), each.mean(axis=0))
    fitted.save(tmp_path / "model")
    again = FittedArm.open(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_members(prepared.measured, rows), each)


def test_the_first_member_is_the_network_without_an_ensemble(small, tmp_path: Path) -> None:
    study, prepared, split = small
    alone = fit_arm(study, prepared, split, study.arms["record"], checkpoint=tmp_path / "a.ckpt")
    study = ensemble_arm(study, members=2)
    both = fit_arm(study, prepared, split, study.arms["record"], checkpoint=tmp_path / "b.ckpt")
    assert alone.fitted.network is not None
    assert both.fitted.network is not None
    first = both.fitted.network.state_dict()
    for key, value in alone.fitted.network.state_dict().items():
        torch.testing.assert_close(first[key], value, rtol=0, atol=0)


def test_a_finished_member_is_taken_up_and_not_trained_again(small, tmp_path: Path) -> None:
    study, prepared, split = small
    study = ensemble_arm(study, members=2)
    checkpoint = tmp_path / "c.ckpt"
    epochs: list[int] = []

    def fit():
        return fit_arm(
            study, prepared, split, study.arms["record"], checkpoint=checkpoint,
            tell=lambda epoch, values: epochs.append(epoch),
        )  # fmt: skip

    before = fit()
    n_trained = len(epochs)
    assert is_kept(tmp_path / "member-1")
    for file in tmp_path.glob("*.ckpt"):
        file.unlink()
    after = fit()
    assert len(epochs) == n_trained
    rows = split.rows(prepared.cohort, "train")
    rows = rows[before.fitted.present(prepared.measured)[rows].any(axis=1)]
    np.testing.assert_array_equal(
        after.fitted.predict(prepared.measured, rows),
        before.fitted.predict(prepared.measured, rows),
    )
    assert after.history == before.history


def test_dropout_passes_spread_and_repeat_with_their_seed(small, tmp_path: Path) -> None:
    study, prepared, split = small
    tables = study.as_tables()
    tables["arms"]["record"]["encoders"]["record"]["dropout"] = 0.5
    study = type(study).from_tables(tables, path=study.path)
    fitted = fit_arm(
        study, prepared, split, study.arms["record"], checkpoint=tmp_path / "c.ckpt"
    ).fitted
    rows = split.rows(prepared.cohort, "test")
    rows = rows[fitted.present(prepared.measured)[rows].any(axis=1)]
    before = fitted.predict(prepared.measured, rows)
    passes = fitted.predict_members(prepared.measured, rows, dropout_passes=8, seed=3)
    assert passes.shape[0] == 8
    assert passes.std(axis=0).max() > 1e-3
    again = fitted.predict_members(prepared.measured, rows, dropout_passes=8, seed=3)
    np.testing.assert_array_equal(passes, again)
    np.testing.assert_array_equal(fitted.predict(prepared.measured, rows), before)
