"""Factors of a note as cells of a table."""

from __future__ import annotations

import numpy as np

from tumorboard.transforms.clinical_factors import extract_factors
from tumorboard.transforms.factor_columns import (
    NoteCells,
    Uncertain,
    category_column,
    cells_of,
    number_column,
)


def cells(text: str, uncertain: Uncertain = "possible") -> NoteCells:
    return cells_of(extract_factors(text), uncertain=uncertain)


def test_not_mentioned_is_missing_and_denied_is_no() -> None:
    found = [cells("Headache. A 2 cm mass."), cells("Denies headache."), cells("Seen today.")]
    assert category_column(found, "headache") == (("yes",), ("no",), None)
    np.testing.assert_array_equal(number_column(found, "size_mm"), [20, np.nan, np.nan])


def test_relatives_plans_and_fears_do_not_count() -> None:
    assert cells("Mother had seizures.").categories == {}
    assert cells("Return if headache recurs.").categories == {}
    assert cells("PLAN: chemotherapy").categories == {}
    assert cells("Father had colon cancer.").categories["family_history"] == ("yes",)


def test_what_is_possible_by_setting() -> None:
    text = "Suspicious for glioblastoma. Possible seizure."
    assert cells(text).categories == {
        "histology": ("possible glioblastoma",),
        "seizure": ("possible",),
    }
    assert cells(text, "stated").categories == {"histology": ("glioblastoma",), "seizure": ("yes",)}
    assert cells(text, "left_out").categories == {}
    certain = cells("Suspicious for astrocytoma. Final diagnosis: glioblastoma.")
    assert certain.categories["histology"] == ("glioblastoma",)


def test_largest_size_last_result_and_main_stage() -> None:
    found = cells("Masses of 12 mm and 2 cm. ER negative. ER positive. pT2a N1. Stage IIIA.")
    assert found.numbers == {"size_mm": 20}
    assert found.categories["er"] == ("positive",)
    assert found.categories["t_stage"] == ("T2",)
    assert found.categories["tumor_stage"] == ("III",)


def test_treatments_of_the_past_have_their_own_column() -> None:
    found = cells("Status post chemotherapy. She underwent lobectomy of the lung.")
    assert found.categories["previous_chemotherapy"] == ("yes",)
    assert found.categories["surgery"] == ("yes",)
    assert cells("History of hypertension.").categories["hypertension"] == ("yes",)


def test_now_comes_before_then() -> None:
    found = cells("Previously 30 mm tumor. The mass is now 12 mm.")
    assert found.numbers["size_mm"] == 12
    assert cells("Mass now 20 mm (previously 42 mm).").numbers["size_mm"] == 20
