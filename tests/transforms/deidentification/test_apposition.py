"""Names that their sentence tells."""

from __future__ import annotations

import pytest

from tumorboard.transforms.deidentification.apposition import in_apposition, in_small_letters


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Patient Hiroshi Tanaka denies it.", ["Hiroshi Tanaka"]),
        ("Wife Olga is well, son Ivan visits.", ["Olga", "Ivan"]),
        ("M. Dubois complains. J. Zorblatt-Roe says so.", ["M. Dubois", "J. Zorblatt-Roe"]),
        ("M. Omentum is clear. A. Patient denies. B. Lung presented. Patient Reports pain", []),
    ],
)
def test_names_behind_a_role_or_before_a_verb(text: str, names: list[str]) -> None:
    assert [text[span.start : span.end] for span in in_apposition(text)] == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("dr. yamamoto, dr. med. huber and mr tanaka came", ["yamamoto", "huber", "tanaka"]),
        ("dr. med. Huber; dr recommends rest; mr angiography; dr med", []),
    ],
)
def test_names_in_small_letters_behind_titles(text: str, names: list[str]) -> None:
    found = sorted(in_small_letters(text), key=lambda span: span.start)

    assert [text[span.start : span.end] for span in found] == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Referring Service: Jane Roe", ["Jane Roe"]),
        ("Ordering facility: Kowalska\nLeft breast", ["Kowalska"]),
        ("REQUESTING DEPARTMENT: KOWALSKA, J.", ["KOWALSKA, J."]),
        ("Referring Service: Mary Breast.", ["Mary Breast"]),
        ("Referring Service: Medical Oncology. Ordering facility: ENT", []),
        ("Referring Service: Neurosurgery\nREFERRING SERVICE: UROLOGY", []),
        ("REFERRING DIAGNOSIS: Syncope; Ordering site: Internal Medicine", []),
        ("Requesting site: Letrozole. Referring Department: Emergency Room", []),
    ],
)
def test_names_in_place_of_departments(text: str, names: list[str]) -> None:
    assert [text[span.start : span.end] for span in in_apposition(text)] == names
