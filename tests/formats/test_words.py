from __future__ import annotations

import pytest

from tumorboard.formats.words import word_places, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No evidence of metastasis.", ["no", "evidence", "of", "metastasis"]),
        ("Mass of 3mm, 3 mm; 2.5 cm", ["mass", "of", "3", "mm", "3", "mm", "2.5", "cm"]),
        ("Stage pT2aN0, IIIA", ["stage", "pt2an0", "iiia"]),
        ("ER+ PR- HER2 3+", ["er+", "pr-", "her2", "3+"]),
        ("Gleason 3+4=7", ["gleason", "3+4", "7"]),
        ("1p/19q codeleted, 1p19q", ["1p", "19q", "codeleted", "1p", "19q"]),
        ("non-small-cell", ["non", "small", "cell"]),
        ("the patient\N{RIGHT SINGLE QUOTATION MARK}s", ["the", "patient's"]),
        ("Tumeur bénigne, Größe 4,5", ["tumeur", "bénigne", "grösse", "4,5"]),
        ("in 1998.", ["in", "1998"]),
        ("-- ... \n", []),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_words_of_words_are_the_same() -> None:
    found = words("Pleural effusion 12.5 mm, ER+, G2; HER2-positive; T1c N0 M0 -- 1p/19q.")
    assert words(" ".join(found)) == found


def test_places_of_words() -> None:
    text = "Mass: 3mm, ER+."
    found = word_places(text)
    assert [word for word, _, _ in found] == words(text)
    assert [text[start:end] for _, start, end in found] == ["Mass", "3", "mm", "ER+"]
