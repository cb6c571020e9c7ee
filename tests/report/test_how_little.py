import math
from dataclasses import replace

import pytest

from tumorboard.evaluation.comparison import Comparison
from tumorboard.report.contents import read_classes
from tumorboard.report.how_little import how_little, smallest_seen
from tumorboard.report.performance import ClassCount


def _difference(low: float, high: float) -> Comparison:
    return Comparison("fused", "record", "auroc", 0.0, low, high, 0.5, "t", 100)


def test_a_difference_is_detectable_at_seven_fifths_of_half_the_interval() -> None:
    # 80 % power and a two-sided 5 % test: 2.802 standard errors, a half interval is 1.960
    said = smallest_seen([_difference(-0.10, 0.10)])
    assert "of about 0.14 or more would be found in 4 of 5 studies" in said
    assert smallest_seen([]) == ""
    assert smallest_seen([_difference(math.nan, math.nan)]) == ""
    assert smallest_seen([_difference(-0.4, 0.4)]).startswith("No difference between fused and")


def test_events_width_and_difference_of_a_small_study(tmp_path, make_run) -> None:
    contents = read_classes(make_run(tmp_path, n_patients=100, n_repeats=1, n_folds=2).folder)
    said = how_little(contents)
    smallest = min(count.n_patients for count in contents.class_counts.values())
    assert said.startswith(f"How little this shows: {smallest} of 100 patients have ")
    auroc = contents.metrics["fused"]["auroc"]
    assert f"anywhere from {auroc.ci_low:.2f} to {auroc.ci_high:.2f}" in said
    assert f"a width of {auroc.ci_high - auroc.ci_low:.2f}" in said
    assert "true difference in AUROC between fused and record" in said


def test_three_patients_have_no_interval_and_a_large_study_needs_no_sentence(
    tmp_path, make_run, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = read_classes(make_run(tmp_path, n_patients=9, n_repeats=1, n_folds=2).folder)
    assert "9 patients are too few for any interval" in how_little(few)
    assert "anywhere" not in how_little(few)
    monkeypatch.setattr("tumorboard.report.how_little.FEW_EVENTS", 1)
    assert how_little(replace(few)) == ""


def test_units_are_counted_beside_their_patients_and_of_equal_classes_the_positive_is_named(
    tmp_path, make_run
) -> None:
    contents = read_classes(make_run(tmp_path, n_patients=9, n_repeats=1, n_folds=2).folder)
    no, yes = contents.classes
    study = {**contents.study, "task": {"unit": "annotation"}}
    of_units = replace(contents, study=study)
    vars(of_units)["n_units"] = {no: 90, yes: 73}
    vars(of_units)["class_counts"] = dict.fromkeys((no, yes), ClassCount(0, 0, 2))
    assert how_little(of_units).startswith(
        f"How little this shows: 73 {yes} annotations in 2 of 9 patients. "
    )
