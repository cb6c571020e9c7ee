from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tumorboard.errors import InputError
from tumorboard.evaluation.prediction_table import PredictionTable, concatenate
from tumorboard.evaluation.tables import read_predictions, write_predictions


def table(positive: list[float], outcome: list[int], *, arm: str = "a", fold: int = 1):
    n = len(positive)
    ids = np.asarray([f"p{i}" for i in range(n)])
    p = np.asarray(positive, dtype=np.float64)
    return PredictionTable(
        patient_id=ids,
        unit_id=ids,
        arm=np.full(n, arm),
        repeat=np.ones(n, dtype=np.int64),
        fold=np.full(n, fold),
        part=np.full(n, "test"),
        modalities=np.full(n, "ultrasound+record"),
        outcome=np.asarray(outcome, dtype=np.int64),
        outcome_name="Classification",
        classes=("benign", "malignant"),
        probabilities=np.stack([1 - p, p], axis=1),
    )


def save(folder: Path, text: str, name: str = "model.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8, unique=True))
def test_probabilities_read_back_unchanged(tmp_path_factory, positive):
    path = tmp_path_factory.mktemp("round") / "predictions.csv"
    written = table(positive, [-1, 0, 1, 1, 0, 1, 0, -1][: len(positive)])
    write_predictions(path, written)
    read = read_predictions(path, outcome="Classification")
    assert np.array_equal(read.probabilities, written.probabilities)
    assert read.outcome.tolist() == written.outcome.tolist()
    assert (read.classes, read.outcome_name, read.arms) == (
        written.classes, "Classification", ("a",)
    )  # fmt: skip
    assert read.modalities.tolist() == written.modalities.tolist()


def test_written_columns_are_in_the_agreed_order(tmp_path):
    write_predictions(tmp_path / "p.csv", table([0.25], [1]))
    assert (tmp_path / "p.csv").read_text() == (
        "patient_id,unit_id,arm,repeat,fold,part,modalities,Classification,p_benign,p_malignant\n"
        "p0,p0,a,1,1,test,ultrasound+record,malignant,0.75,0.25\n"
    )


def test_a_foreign_table_needs_only_patient_outcome_and_probability(tmp_path):
    path = save(tmp_path, "patient_id,age,truth,p_1\n007,50,0,0.2\n008,61,1,0.9\n009,44,,0.5\n")
    read = read_predictions(path)
    assert read.patient_id.tolist() == ["007", "008", "009"]
    assert read.unit_id.tolist() == ["007", "008", "009"]
    assert (read.arms, read.outcome_name, read.classes) == (("model",), "truth", ("0", "1"))
    assert read.outcome.tolist() == [0, 1, -1]
    assert read.probabilities[0].tolist() == pytest.approx([0.8, 0.2])
    assert set(read.part) == {"test"}
    assert read.repeat.tolist() == read.fold.tolist() == [1, 1, 1]
    assert read_predictions(path, arm="theirs").arms == ("theirs",)


def test_positive_class_is_moved_last(tmp_path):
    path = save(tmp_path, "patient_id,y,p_yes,p_no\nA,yes,0.9,0.1\nB,no,0.2,0.8\nC,,0.5,0.5\n")
    read = read_predictions(path, positive="yes")
    assert read.classes == ("no", "yes")
    assert read.outcome.tolist() == [1, 0, -1]
    assert read.probabilities[:, 1].tolist() == [0.9, 0.2, 0.5]
    with pytest.raises(
        InputError, match=r"positive: 'yess' is not a class of y\. Did you mean 'yes'"
    ):
        read_predictions(path, positive="yess")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("A,1,0.2,0.8\nB,0,0.2,1.8", r"model\.csv, row 3, patient 'B': p_1 is 1\.8, expected a"),
        ("A,1,0.2,0.8\nB,0,0.2,nan", r"row 3, patient 'B': p_1 is nan"),
        ("A,1,0.2,0.8\nB,0,0.2,", r"row 3, patient 'B': p_1 is '', expected a probability"),
        ("A,1,0.2,0.8\nB,0,0.2,0.7", r"row 3, patient 'B': p_0 \+ p_1 is 0\.9, expected 1"),
        ("A,1,0.2,0.8\n\nB,x,0.2,0.8\n", r"which column is the outcome\?.*none of y does"),
        ("A,1,0.2,0.8\n\nA,1,0.2,0.8\n", r"row 4, patient 'A': unit 'A' .* is there twice"),
        ("A,1,0.2,0.8\nB,0,0.2", r"row 3: 3 cells, but the header has 4"),
        (",1,0.2,0.8", r"row 2, patient '': patient_id is empty"),
    ],
)  # fmt: skip
def test_faults_name_file_row_and_patient(tmp_path, rows, message):
    with pytest.raises(InputError, match=message):
        read_predictions(save(tmp_path, f"patient_id,y,p_0,p_1\n{rows}"))


def test_an_unknown_class_in_a_named_outcome_names_the_row(tmp_path):
    path = save(tmp_path, "patient_id,y,p_0,p_1\nA,1,0.2,0.8\nB,2,0.2,0.8\n")
    with pytest.raises(InputError, match=r"row 3, patient 'B': y is '2', but .* of 0, 1"):
        read_predictions(path, outcome="y")
    with pytest.raises(InputError, match=r"no column 'yy'\. Did you mean 'y'"):
        read_predictions(path, outcome="yy")


def test_two_candidate_outcomes_ask_for_one(tmp_path):
    path = save(tmp_path, "patient_id,y,z,p_0,p_1\nA,1,0,0.2,0.8\nB,0,1,0.2,0.8\n")
    with pytest.raises(InputError, match=r"y, z all do\. Name it with --outcome COLUMN"):
        read_predictions(path)
    assert read_predictions(path, outcome="z").outcome.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("A,1,1,test,1,0.5\nA,1,1,validation,1,0.5", r"row 3, patient 'A': the patient is in two"),
        ("A,1,1,test,1,0.5\nA,1,2,test,1,0.5", r"in the test part of two folds of arm 'model'"),
        ("A,1,0,test,1,0.5", r"fold is '0', expected a whole number from 1"),
        ("A,1,1,holdout,1,0.5", r"part is 'holdout', expected train or validation or test"),
        ("A,1,1,test,1,0.5\nA,2,1,test,0,0.5", r"row 3, patient 'A': unit 'A' has two outcomes"),
    ],
)  # fmt: skip
def test_parts_and_folds_must_be_disjoint(tmp_path, rows, message):
    path = save(tmp_path, f"patient_id,repeat,fold,part,y,p_1\n{rows}\nZ,1,1,test,0,0.5\n")
    with pytest.raises(InputError, match=message):
        read_predictions(path)


def test_tables_with_other_class_orders_are_joined_by_name(tmp_path):
    one = save(tmp_path, "patient_id,y,p_0,p_1\nA,1,0.2,0.8\nB,0,0.6,0.4\n", "one.csv")
    two = save(tmp_path, "patient_id,y,p_1,p_0\nA,1,0.7,0.3\nB,0,0.1,0.9\n", "two.csv")
    other = save(tmp_path, "patient_id,y,p_a,p_b\nA,a,0.7,0.3\nB,b,0.1,0.9\n", "other.csv")
    joined = concatenate([read_predictions(one), read_predictions(two)])
    assert joined.arms == ("one", "two")
    assert joined.outcome.tolist() == [1, 0, 1, 0]
    assert joined.probabilities[:, 1].tolist() == [0.8, 0.4, 0.7, 0.1]
    with pytest.raises(InputError, match=r"arm 'other' predicts the classes a, b, but arm 'one'"):
        concatenate([read_predictions(one), read_predictions(other)])


def test_what_is_not_a_table_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no column patient_id\. .*separated by commas"):
        read_predictions(save(tmp_path, "patient_id;y;p_1\nA;1;0.5\n"))
    with pytest.raises(InputError, match=r"no column of probabilities"):
        read_predictions(save(tmp_path, "patient_id,y\nA,1\n"))
    with pytest.raises(InputError, match=r"no predictions\. Expected a header"):
        read_predictions(save(tmp_path, "patient_id,y,p_1\n"))
    with pytest.raises(InputError, match=r"cannot be read as a CSV file in UTF-8"):
        read_predictions(tmp_path / "absent.csv")


PREDICTED = (
    "patient_id,unit_id,arm,modalities,{outcome}p_benign,p_malignant,predicted_label,threshold\n"
    "'-7,'-7,m,record,{a}0.3,0.7,benign,0.8\n"
    "'=B,'=B,m,record,{b}0.6,0.4,benign,0.8\n"
    "'C,'C,m,record,{c}0.1,0.9,malignant,0.8\n"
)


def test_what_a_model_calls_is_never_taken_for_the_truth(tmp_path):
    blank = PREDICTED.format(outcome="", a="", b="", c="")
    for text in (blank, blank.replace("predicted_label", "label")):
        with pytest.raises(InputError, match=r"no outcome column \((predicted_)?label, threshold "):
            read_predictions(save(tmp_path, text))
    known = PREDICTED.format(
        outcome="Classification,", a="malignant,", b="benign,", c="benign,"
    )  # fmt: skip
    read = read_predictions(save(tmp_path, known))
    assert read.outcome_name == "Classification"
    assert read.outcome.tolist() == [1, 0, 0]
    with pytest.raises(InputError, match=r"no outcome column, so there is nothing to compare"):
        read_predictions(save(tmp_path, "patient_id,p_0,p_1\nA,0.5,0.5\n"))
    named = save(tmp_path, "patient_id,label,p_0,p_1\nA,1,0.2,0.8\nB,0,0.7,0.3\n")
    assert read_predictions(named, outcome="label").outcome.tolist() == [1, 0]


def test_ids_quoted_against_formulas_join_those_that_are_not(tmp_path):
    known = PREDICTED.format(outcome="y,", a="malignant,", b="benign,", c="benign,")
    read = read_predictions(save(tmp_path, known))
    assert read.patient_id.tolist() == read.unit_id.tolist() == ["-7", "=B", "'C"]
