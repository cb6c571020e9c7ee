from math import nan

import pytest

from tumorboard.evaluation.split_beside import plural, split_beside_document
from tumorboard.records import Estimate


def _document(by_patient: float, by_unit: float, **words):
    def arms(value: float):
        made = Estimate(value, value - 0.05, value + 0.05, 17, 9)
        return {"cnn": {"auroc": made, "macro_f1": made}, "other": {"auroc": made}}

    return split_beside_document(
        arms(by_patient), {**arms(by_unit), "new": {}}, n_units=25828, n_patients=17, n_classes=3,
        unit="patch", patient="case", **words,
    )  # fmt: skip


def test_the_sentence_says_what_cases_on_both_sides_were_worth() -> None:
    document = _document(0.81, 0.93)
    assert document["sentence"] == (
        "Split by patch, cnn reaches a macro AUROC of 0.93; split by case, 0.81: 0.12 of it goes "
        "with patches of the same case on both sides (25,828 patches of 17 cases)."
    )
    assert set(document["arms"]) == {"cnn", "other"}  # an arm of one split is not compared
    assert document["arms"]["cnn"]["auroc"]["difference"] == pytest.approx(0.12)
    assert list(document["arms"]["other"]) == ["auroc"]


def test_a_difference_that_is_not_positive_is_said_to_be_none() -> None:
    sentence = _document(0.81, 0.78)["sentence"]
    assert "on both sides did not raise it here (-0.03) (25,828 patches of 17 cases)" in sentence
    assert "goes with" not in sentence
    assert "That does not make the split by patch safe elsewhere." in sentence
    assert "made no difference here" in _document(0.81, 0.812)["sentence"]


def test_who_trains_is_said_where_the_splits_differ_in_it() -> None:
    document = _document(0.81, 0.93, n_training=(2, 3))
    assert document["n_training_patients"] == {"by_patient": 2, "by_unit": 3}
    said = "Who trains differs too: patches of 3 cases split by patch, of 2 split by case."
    assert document["sentence"].endswith(f"(25,828 patches of 17 cases). {said}")
    assert f"{said} That does not make" in _document(0.81, 0.7, n_training=(2, 3))["sentence"]
    assert "Who trains" not in _document(0.81, 0.93, n_training=(3, 3))["sentence"]


def test_shown_numbers_and_their_difference_agree() -> None:
    assert "of 0.93; split by case, 0.82: 0.11 of it" in _document(0.8151, 0.9349)["sentence"]


def test_an_undefined_metric_is_not_compared() -> None:
    assert "cannot be compared" in _document(nan, 0.9)["sentence"]
    assert "cannot be compared" in _document(0.8, 0.9, metric="mcc")["sentence"]


def test_metric_of_the_sentence_leads_the_table() -> None:
    document = _document(0.7, 0.8, metric="macro_f1", arm="cnn")
    assert document["metrics"][0] == "macro_f1"
    assert "cnn reaches a macro F1 of 0.80" in document["sentence"]


def test_plural_of_nouns() -> None:
    assert [plural(noun) for noun in ("patch", "case", "biopsy", "row")] == [
        "patches",
        "cases",
        "biopsies",
        "rows",
    ]
