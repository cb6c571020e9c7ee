"""What is said behind a biomarker."""

from __future__ import annotations

import pytest

from tumorboard.transforms.factor_verdicts import verdict


@pytest.mark.parametrize(
    ("text", "value", "variants"),
    [
        (" positive", "positive", []),
        (" not detected, 2+", "negative", []),
        (" L858R", "positive", ["L858R"]),
        (" L858R and T790M: negative", "negative", ["L858R", "T790M"]),
        (": negative for T790M", "negative", ["T790M"]),
        (" T790M negative, exon 19 deletion found", "positive", ["exon 19 deletion"]),
        (" exon 19 deletion with T790M negative", "positive", ["exon 19 deletion"]),
        (" mutated (G12V)", "positive", ["G12V"]),
        (" G12V: equivocal", "equivocal", ["G12V"]),
        (" R132H (+)", "positive", ["R132H"]),
        (" L858R mutation, T790M: none", "positive", ["L858R"]),
        (" L858R mutation and T790M: none", "positive", ["L858R"]),
        (" L858R; T790M: none", "positive", ["L858R"]),
        (" G12C: none", "negative", []),
        (" mutation: none", "negative", []),
    ],
)
def test_verdict(text: str, value: str, variants: list[str]) -> None:
    said = verdict(text)
    assert said is not None
    assert (said.value, [text[a:b] for a, b in said.variants]) == (value, variants)


@pytest.mark.parametrize("text", ["", " was sent", " V600E analysis", " mutation testing"])
def test_nothing_said(text: str) -> None:
    assert verdict(text) is None
