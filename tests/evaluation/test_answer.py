import math

import pytest

from tumorboard.evaluation.answer import answer, unit_word
from tumorboard.evaluation.results import Comparison

NAN = math.nan


def say(difference, low, high, *, metric="auroc", arm=("ultrasound", "record"),
reference=("record",),
        n=176, unit="patients"):  # fmt: skip
    found = Comparison("fused", "record", metric, difference, low, high, 0.01, "paired", n)
    return answer(
        found, arm_modalities=arm, reference_modalities=reference,
        kinds={"ultrasound": "image", "record": "table"}, unit=unit,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            (0.05, 0.01, 0.09),
            "Adding the ultrasound image to the record changes AUROC by +0.05 (95 % interval +0.01 "
            "to +0.09) in 176 patients.",
        ),
        (
            (-0.01, -0.05, 0.03),
            "There is no evidence that adding the ultrasound image to the record changes AUROC: "
            "-0.01 (95 % interval -0.05 to +0.03) in 176 patients.",
        ),
        (
            (-0.05, -0.09, -0.01),
            "Adding the ultrasound image to the record makes it worse: it lowers AUROC: -0.05 "
            "(95 % interval -0.09 to -0.01) in 176 patients.",
        ),
        (
            (0.004, 0.001, 0.007),  # two decimals would show an interval that touches zero
            "Adding the ultrasound image to the record changes AUROC by +0.004 (95 % interval "
            "+0.001 to +0.007) in 176 patients.",
        ),
        (
            (0.05, NAN, NAN),
            "There is no evidence that adding the ultrasound image to the record changes AUROC: "
            "+0.05 in 176 patients, without an interval (paired).",
        ),
        (
            (NAN, NAN, NAN),
            "Adding the ultrasound image to the record: AUROC cannot be compared in 176 patients "
            "(paired).",
        ),
    ],
)
def test_sentences(arguments, sentence):
    assert say(*arguments) == sentence


def test_where_lower_is_better_a_rise_is_harm():
    assert say(0.02, 0.01, 0.03, metric="brier") == (
        "Adding the ultrasound image to the record makes it worse: it raises the Brier score: "
        "+0.02 (95 % interval +0.01 to +0.03) in 176 patients."
    )
    assert say(-0.02, -0.03, -0.01, metric="brier").startswith(
        "Adding the ultrasound image to the record changes the Brier score (lower is better) by "
        "-0.02"
    )


def test_arms_that_do_not_add_to_the_reference_are_set_against_it():
    assert say(0.05, 0.01, 0.09, arm=("ultrasound",)).startswith(
        "The ultrasound image against the record changes AUROC by +0.05"
    )
    assert say(0.05, 0.01, 0.09, reference=("ultrasound", "record")).startswith(
        "fused against record changes AUROC by +0.05"
    )
    assert say(0.0, -0.01, 0.01, arm=("ultrasound",)).startswith(
        "There is no evidence that the ultrasound image against the record changes AUROC: +0.00"
    )


def test_the_unit_is_what_the_study_never_splits():
    assert say(0.05, 0.01, 0.09, n=2400, unit=unit_word("lesion_id")).endswith("in 2400 lesions.")
    assert unit_word("CaseID") == unit_word("patient_id") == "patients"
