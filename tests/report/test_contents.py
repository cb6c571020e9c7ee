import dataclasses

import numpy as np
import pytest

from tumorboard.evaluation.thresholds import choose_thresholds
from tumorboard.report.captions import captions, glossary
from tumorboard.report.contents import Contents, read_classes
from tumorboard.report.figures import write_figures
from tumorboard.study_keys import Threshold


@pytest.fixture(scope="module")
def contents(run) -> Contents:
    return read_classes(run.folder)


def test_primary_arm_and_reference_come_first(contents: Contents) -> None:
    assert contents.arms == ("fused", "record", "ultrasound", "late", "logistic")
    assert contents.primary_metric == "auroc"


def test_only_test_predictions_are_shown(contents: Contents, run) -> None:
    assert set(contents.predictions.part.tolist()) == {"test"}
    assert contents.n_patients == 180
    assert contents.n_splits == (2, 5)
    assert sum(contents.n_units.values()) == 180
    assert contents.n_events == contents.n_units["malignant"]


def test_every_fit_keeps_its_own_patients(contents: Contents) -> None:
    fits = contents.fits()
    assert {arm: len(found) for arm, found in fits.items()} == dict.fromkeys(contents.arms, 10)
    tested = np.concatenate([fit.patient for fit in fits["fused"]])
    assert np.array_equal(np.bincount(tested), np.full(180, 2))  # once in each repeat


def test_calls_use_the_threshold_of_their_own_fit(contents: Contents, run) -> None:
    chosen, _ = choose_thresholds(run.table, Threshold())
    table = contents.predictions
    row = int(np.flatnonzero((table.arm == "late") & (table.repeat == 2) & (table.fold == 3))[0])
    expected = table.probabilities[row, 1] >= chosen["late", 2, 3]
    assert contents.calls[row] == expected
    assert len(set(chosen.values())) > 20


def test_flow_and_modalities_are_of_analysed_patients(contents: Contents, run) -> None:
    flow = contents.flow()
    assert (flow.n_patients, flow.n_analysed, flow.is_explained) == (192, 180, True)
    seen = {
        patient
        for patient, names in zip(run.table.patient_id, run.table.modalities, strict=True)
        if "ultrasound" in str(names)
    }
    assert flow.modalities == {"ultrasound": len(seen), "record": 180}


def test_captions_say_how_the_numbers_were_made(contents: Contents) -> None:
    texts = captions(contents)
    assert "mean over 10 fitted models" in texts["roc"]
    assert "means over 2 repeats" in texts["confusion"]
    assert "largest sensitivity + specificity" in texts["confusion"]
    assert "Nadeau & Bengio" in dict(glossary(contents))["Interval of a difference"]
    evaluation = {**contents.study["evaluation"], "threshold": {"rule": "fixed", "at": 0.3}}
    fixed = dataclasses.replace(contents, study={**contents.study, "evaluation": evaluation})
    assert "from a probability of 0.3" in captions(fixed)["confusion"]


def test_one_split_is_described_as_one(contents: Contents) -> None:
    first = (contents.predictions.repeat == 1) & (contents.predictions.fold == 1)
    single = dataclasses.replace(
        contents, predictions=contents.predictions.take(first), calls=contents.calls[first]
    )
    assert "one fitted model" in captions(single)["roc"]
    assert "Paired resampling of patients" in dict(glossary(single))["Interval of a difference"]


def test_what_a_study_counts_is_named_after_its_column(contents: Contents) -> None:
    cohort = {**contents.study["cohort"], "patient_id": "lesion_id"}
    assert contents.counted == "patients"
    assert dataclasses.replace(contents, study={"cohort": cohort}).counted == "lesions"


def test_no_figure_without_numbers(contents: Contents, tmp_path) -> None:
    metrics = {"fused": {"auroc": contents.metrics["fused"]["auroc"]}}
    fused = contents.predictions.arm == "fused"
    bare = dataclasses.replace(
        contents,
        metrics=metrics,
        differences=(),
        histories=(),
        predictions=contents.predictions.take(fused),
        cohort={**contents.cohort, "missing": {"Age": 0}},
    )
    assert list(write_figures(bare, tmp_path)) == ["answer", "flow", "roc", "precision_recall"]
    assert len(list(tmp_path.glob("*.png"))) == 4
