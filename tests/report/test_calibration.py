"""The section on calibration: its lead, tables and figure."""

from dataclasses import replace

import pytest

from tumorboard.evaluation.calibration import calibration_document
from tumorboard.evaluation.evidence import read_evidence, write_evidence
from tumorboard.report.calibration import section
from tumorboard.report.contents import read_classes


def test_no_evidence_no_section(make_run, tmp_path):
    run = make_run(tmp_path, n_patients=40, arms=("fused", "record"))
    assert section(read_classes(run.folder)) is None


@pytest.mark.parametrize("classes", [("benign", "malignant"), ("a", "b", "c<i>")])
def test_section_shows_the_numbers_of_the_evidence(make_run, tmp_path, classes):
    run = make_run(tmp_path, n_patients=90, arms=("fused", "record"), classes=classes)
    sharp = run.table.probabilities**2
    raw = replace(run.table, probabilities=sharp / sharp.sum(axis=1, keepdims=True))
    document = calibration_document(run.table, uncalibrated=raw)
    write_evidence(run.folder, "calibration", document)
    made = section(read_classes(run.folder))
    assert made is not None
    slope = document["arms"]["fused"]["classes"][classes[-1]]["slope"]["value"]
    assert f"slope is {slope:.2f}" in made.lead
    assert f"<td>{slope:.2f}<small>" in made.html
    before = document["arms"]["record"]["before"]["classes"][classes[-1]]["ece"]
    assert f"<td>{before:.3f}</td>" in made.html
    assert "<i>" not in made.html
    n = 1 if len(classes) == 2 else 3
    assert made.html.count("<svg") == n
    names = ["calibration"] if n == 1 else [f"calibration_{k}" for k in (1, 2, 3)]
    for name in names:
        assert (run.folder / "figures" / f"{name}.png").is_file()
    assert ("ECE of the likeliest class" in made.html) == (n == 3)


def test_undefined_measures_are_said(make_run, tmp_path):
    run = make_run(tmp_path, n_patients=40, arms=("fused", "record"))
    document = calibration_document(run.table)
    for arm in document["arms"].values():
        found = arm["classes"]["malignant"]
        found["slope"] = {"value": float("nan"), "ci_low": float("nan"), "ci_high": float("nan")}
        found["smooth"] = None
    write_evidence(run.folder, "calibration", document)
    assert read_evidence(run.folder, "calibration") is not None
    made = section(read_classes(run.folder))
    assert made is not None
    assert "slope cannot be computed" in made.lead
    assert "What the fitted calibration changed" not in made.html


def test_an_interval_from_no_slope_to_twice_the_right_one_judges_nothing(make_run, tmp_path):
    run = make_run(tmp_path, n_patients=40, arms=("fused", "record"))
    document = calibration_document(run.table)
    for arm in document["arms"].values():
        arm["classes"]["malignant"]["slope"] = {"value": 1.0, "ci_low": -0.2, "ci_high": 2.2}
    write_evidence(run.folder, "calibration", document)
    made = section(read_classes(run.folder))
    assert made is not None
    assert "too wide an interval to judge the spread by" in made.lead
