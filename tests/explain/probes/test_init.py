"""Every fitted model of a run is tried: what is written, and what must not change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tumorboard.errors import StudyError
from tumorboard.evaluation.probe_table import ProbeTable, read_probes
from tumorboard.evaluation.tables import read_predictions
from tumorboard.explain.probes import probe_units, run_probes
from tumorboard.training.plan import fit_folder


@pytest.fixture(scope="module")
def table(run) -> ProbeTable:
    joined = run_probes(run.study, run.prepared, [run.split], run.folder)
    assert joined is not None
    return joined


def test_inputs_as_they_were_give_the_predictions_of_the_run(run, table: ProbeTable) -> None:
    for arm in run.study.arms:
        path = fit_folder(run.folder, arm, run.split) / "predictions.csv"
        known = read_predictions(path, outcome="diagnosis", positive="malignant")
        known = known.take(known.part == "test")
        again = table.of(arm, "none")
        np.testing.assert_array_equal(again.predictions.probabilities, known.probabilities)
        np.testing.assert_array_equal(again.predictions.unit_id, known.unit_id)
        assert (again.strength == 0).all()


def test_an_arm_shown_one_of_two_modalities_predicts_as_for_a_patient_who_lacks_the_other(
    run, table: ProbeTable
) -> None:
    for arm in ("fused", "late"):
        fitted = run.fitted(arm)
        shown = table.of(arm, "missing_modality")
        assert set(shown.predictions.modalities.tolist()) == {"image", "record"}
        assert set(shown.strength.tolist()) == {1.0}
        for name, other in (("image", "record"), ("record", "image")):
            part = shown.take(shown.predictions.modalities == name).predictions
            order = {p: i for i, p in enumerate(run.cohort.patient_id)}
            rows = np.asarray([order[p] for p in part.patient_id.tolist()])
            assert run.prepared.present(("image", "record"))[rows].all()
            lacking = replace(
                run.prepared.measured[other],
                present=np.zeros(run.cohort.n_rows, dtype=bool),
            )
            alone = fitted.predict({**run.prepared.measured, other: lacking}, rows)
            np.testing.assert_allclose(part.probabilities, alone, atol=1e-12)


def test_arms_that_a_probe_refuses_have_only_inputs_as_they_were(table: ProbeTable) -> None:
    for arm in ("record", "logistic"):
        rows = table.take(table.predictions.arm == arm)
        assert set(rows.probe.tolist()) == {"none"}
    assert set(table.probe.tolist()) == {"none", "missing_modality", "noise"}


def test_strong_noise_is_flagged_and_only_where_there_is_an_image(table: ProbeTable) -> None:
    noisy = table.of("fused", "noise")
    strong = noisy.take(noisy.strength == 0.4)
    has_image = np.asarray(["image" in m for m in strong.predictions.modalities.tolist()])
    np.testing.assert_array_equal(strong.flagged == "image", has_image)
    assert has_image.any()
    assert not has_image.all()


def test_finished_fits_are_kept_and_the_table_reads_back(run, table: ProbeTable) -> None:
    said: list[str] = []
    again = run_probes(run.study, run.prepared, [run.split], run.folder, say=said.append)
    assert said == []
    assert again is not None
    np.testing.assert_array_equal(again.predictions.probabilities, table.predictions.probabilities)
    path = run.folder / "probes.csv"
    reread = read_probes(path, outcome="diagnosis", positive="malignant")
    np.testing.assert_array_equal(reread.probe, table.probe)
    np.testing.assert_array_equal(reread.strength, table.strength)
    np.testing.assert_array_equal(reread.flagged, table.flagged)
    header = path.read_text(encoding="utf-8").splitlines()[0]
    assert header == (
        "patient_id,unit_id,arm,repeat,fold,part,modalities,probe,strength,flagged,diagnosis,"
        "p_benign,p_malignant"
    )


def test_no_probe_writes_nothing(run, tmp_path) -> None:
    from small_study import make_study

    study = make_study(run.folder, evaluation={"probes": []})
    assert run_probes(study, run.prepared, [run.split], tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_unknown_names_are_refused_with_the_nearest(tmp_path) -> None:
    from small_study import make_study

    with pytest.raises(StudyError, match=r"evaluation\.probes: 'blurr' is not a known probe.*blur"):
        make_study(tmp_path, evaluation={"probes": ["blurr"]})
    with pytest.raises(StudyError, match=r"evaluation\.probes: 'blur' is named twice"):
        make_study(tmp_path, evaluation={"probes": ["blur", "blur"]})


def test_units_of_strengths() -> None:
    assert probe_units(["rotation"]) == {"rotation": "degrees"}
