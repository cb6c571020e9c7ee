"""Cleaning of notes: layout goes, meaning stays."""

from __future__ import annotations

import pytest

from tumorboard.transforms.note_cleaning import clean


@pytest.mark.parametrize(
    ("written", "cleaned"),
    [
        ("invasive carci-\nnoma of the left breast", "invasive carcinoma of the left breast"),
        ("a well-\ndifferentiated tumour", "a well-differentiated tumour"),
        ("HER2-\nnegative", "HER2-negative"),
        ("non-\nsmall cell", "non-small cell"),
        ("The tumour is\nnot seen.", "The tumour is not seen."),
        ("No tumour.\nLeft: benign", "No tumour.\nLeft: benign"),
        ("ER\u00a0:\t90\u2009%", "ER : 90 %"),
        ("de\ufb01nite \u2013 3\u20134 cm", "definite - 3-4 cm"),
        ("\u201cclear\u201d patient\u2019s mar\u00adgin", '"clear" patient\'s margin'),
        ("10\u2079/L", "10\u2079/L"),
        ("e\u0301", "é"),
        ("A\n-------------\nB\n=====\nC", "A\n\nB\n\nC"),
        ("Size ........ 3 cm _____ left", "Size 3 cm left"),
        ("ER +++\nPR ---\nHER2\n+", "ER +++\nPR ---\nHER2\n+"),
        ("a\r\n\r\n\r\n\r\nb", "a\n\nb"),
    ],
)
def test_layout_goes(written: str, cleaned: str) -> None:
    assert clean(written) == cleaned


def test_headers_of_pages_go_and_repeated_findings_stay() -> None:
    head = "General Pathology\nReport 12\n"
    note = (
        f"{head}A. Left node: Negative for malignancy.\nPage 1 of 3\n\f{head}"
        "B. Right node\nNegative for malignancy.\nPage 2 of 3\n\f"
        f"{head}C. Margin\nNegative for malignancy.\nD. Skin\nNegative for malignancy.\nPage 3 of 3"
    )

    cleaned = clean(note)

    assert cleaned.count("General Pathology") == 1
    assert cleaned.count("Report 12") == 1
    assert cleaned.count("Negative for malignancy.") == 4
    assert "Page" not in cleaned


def test_every_word_number_and_sign_of_a_clinical_note_stays() -> None:
    note = (
        "No LVI. ER 90%, PR <1%, Ki-67 20 %, HER2 2+ (IHC). Size 3.2 x 2.1 cm; pT2 N0(sn) M0.\n"
        "LEFT breast, 2 o'clock; R0. Gleason 3+4=7. 0/3 nodes. pH 7.4, 5-FU, T-DM1, S1-S3."
    )

    assert clean(note) == note
    assert clean(clean(note)) == clean(note)
