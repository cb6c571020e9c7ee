import pytest

from tumorboard.errors import StudyError
from tumorboard.transforms.column_patterns import expand

COLUMNS = ["patient_id", "age", "lab_50912_mean", "lab_50912_count", "lab_51006_mean", "died"]


def test_a_pattern_gives_its_columns_once_in_the_order_of_the_table() -> None:
    found = expand(["lab_51006_mean", "lab_*_mean", "age"], COLUMNS, where="here")
    assert found == ("lab_51006_mean", "lab_50912_mean", "age")


def test_a_star_never_matches_what_must_not_be_a_predictor() -> None:
    assert expand(["*e*"], COLUMNS, exclude=["died"], where="here") == (
        "patient_id", "age", "lab_50912_mean", "lab_51006_mean",
    )  # fmt: skip


def test_a_plain_name_is_left_even_where_it_is_absent() -> None:
    assert expand(["sodium"], COLUMNS, where="here") == ("sodium",)


def test_other_signs_of_a_pattern_are_letters() -> None:
    assert expand(["a.e*", "b*"], ["a.e1", "axe1", "b"], where="here") == ("a.e1", "b")


def test_a_pattern_of_nothing_is_refused() -> None:
    with pytest.raises(
        StudyError, match=r"modalities\.record\.numeric: 'labs_\*' matches no column"
    ):
        expand(["labs_*"], COLUMNS, where="modalities.record.numeric")
