import math

import pytest

from tumorboard.evaluation.answer import answer, unit_word
from tumorboard.evaluation.results import Comparison

NAN = math.nan


def say(
    difference, low, high, *, metric="auroc", arm=("ultrasound", "record"), reference=("record",),
    n=176, unit="patients", margin=0.0,
):  # fmt: skip
    found = Comparison("fused", "record", metric, difference, low, high, 0.01, "paired", n)
    return answer(
        found, arm_modalities=arm, reference_modalities=reference,
        kinds={"ultrasound": "image", "record": "table"}, unit=unit,
        margin=margin,
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


@pytest.mark.parametrize(
    ("arguments", "metric", "sentence"),
    [
        ((0.05, 0.01, 0.09), "auroc", "It is superior, and so non-inferior within 0.02."),
        ((0.01, -0.01, 0.03), "auroc", "It is non-inferior within 0.02."),
        ((-0.01, -0.015, -0.005), "auroc", "It is non-inferior within 0.02, though worse."),
        ((0.01, -0.03, 0.05), "auroc", "Non-inferiority within 0.02 is not shown."),
        ((0.02, -0.02, 0.06), "auroc", "Non-inferiority within 0.02 is not shown."),
        ((-0.07, -0.09, -0.03), "auroc", "It is inferior: worse by more than 0.02."),
        ((0.01, NAN, NAN), "auroc", "Non-inferiority within 0.02 is not shown."),
        ((-0.05, -0.09, -0.01), "brier", "It is superior, and so non-inferior within 0.02."),
        ((0.0, -0.01, 0.01), "brier", "It is non-inferior within 0.02."),
        ((0.01, -0.01, 0.03), "brier", "Non-inferiority within 0.02 is not shown."),
        ((0.07, 0.03, 0.09), "log_loss", "It is inferior: worse by more than 0.02."),
    ],
)
def test_a_declared_margin_is_judged_in_a_second_sentence(arguments, metric, sentence):
    found = say(*arguments, metric=metric, margin=0.02)
    assert found == f"{say(*arguments, metric=metric)} {sentence}"


def test_an_interval_of_everything_that_can_be_is_called_so():
    assert say(0.1, -1.0, 1.0).endswith(
        "(95 % interval -1.00 to +1.00) in 176 patients. Too few folds: such an interval says next "
        "to nothing."
    )
    assert "Too few" not in say(0.1, -1.2, 1.5, metric="log_loss")


def test_a_modality_named_after_its_kind_is_named_once() -> None:
    found = Comparison("both", "record", "auroc", 0.05, 0.01, 0.09, 0.01, "paired", 20)
    said = answer(
        found, arm_modalities=("record", "patch"), reference_modalities=("record",),
        kinds={"patch": "patches", "record": "table"},
    )  # fmt: skip
    assert said.startswith("Adding the patches to the record changes")


def test_a_change_of_the_model_is_named_beside_what_was_added() -> None:
    found = Comparison("cross", "record", "auroc", -0.19, -0.55, 0.17, 0.2, "paired", 101)

    def said(*models: str) -> str:
        return answer(
            found, arm_modalities=("rna", "record"), reference_modalities=("record",),
            kinds={"rna": "expression"}, models=(models[0], models[1]),
        )  # fmt: skip

    assert said("a network", "logistic regression").startswith(
        "There is no evidence that adding the rna expression to the record, with a network in "
        "place of logistic regression, changes AUROC: -0.19"
    )
    assert "in place of" not in said("cox", "cox")
