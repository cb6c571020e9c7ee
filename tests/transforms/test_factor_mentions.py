"""Lexicons: which entry is tried where, and that precedence stays."""

from __future__ import annotations

from tumorboard.transforms.factor_mentions import find_words, first_characters, lexicon


def test_first_characters_of_words_groups_and_classes() -> None:
    assert first_characters("lung|(?:left |right )?breast") == frozenset("llrb")
    assert first_characters(r"(?<!non )seminoma|[RL]UL|o?edema") == frozenset("srloe")
    assert len(first_characters(r"\w+ectomy")) == 36


def test_the_earlier_entry_counts() -> None:
    words = lexicon({"in situ": "carcinoma in situ", "any": "carcinoma", "other": "carcin.*"})
    assert [value for value, _ in find_words(words, "Carcinoma in situ, carcinoma")] == [
        "in situ",
        "any",
    ]


def test_words_are_whole() -> None:
    words = lexicon({"er": "ER"})
    assert list(find_words(words, "over her mother")) == []
