"""Sentences from the record."""

from __future__ import annotations

from pathlib import Path

import pytest

from tumorboard.errors import InputError, StudyError
from tumorboard.transforms.note_template import columns_of, fill

TEXT = "Tumour of the {side} {lobe} lobe, grade {grade}. Age {age} years; {type}. Seen before."
CELLS = {
    "side": ("1", "2", None, None), "lobe": ("frontal", None, "frontal", None),
    "grade": ("2", "3", "2", None), "age": ("51.5", "60", "", None),
    "type": ("oligodendroglioma", None, None, None),
}  # fmt: skip


def filled(values: dict[str, dict[str, str]]) -> tuple[str, ...]:
    return fill(
        TEXT,
        CELLS,
        values,
        lines=[2, 3, 4, 5],
        patient_id=["a", "b", "c", "d"],
        table=Path("t.csv"),
    )


def test_a_clause_without_its_cells_is_left_out() -> None:
    assert filled({"side": {"1": "left", "2": "right"}}) == (
        "Tumour of the left frontal lobe, grade 2. Age 51.5 years; oligodendroglioma. Seen before.",
        "Age 60 years; Seen before.",
        "",
        "",
    )


def test_codes_that_nobody_explained_are_listed() -> None:
    with pytest.raises(
        InputError, match=r"t.csv, column side: 1 code is not .*row 3 patient b: '2'"
    ):
        filled({"side": {"1": "left"}})


@pytest.mark.parametrize("text", ["no columns", "an {open", "a {} brace"])
def test_templates_without_columns_are_refused(text: str) -> None:
    with pytest.raises(StudyError, match="pairs of braces"):
        columns_of(text, where="template")
