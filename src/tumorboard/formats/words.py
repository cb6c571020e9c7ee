"""Words of a clinical text, as vocabularies and word vectors count them."""

from __future__ import annotations

import re
import unicodedata

#: What counts as one word, the longest meaning first: a sum of grades (3+4), the arm of a
#: chromosome (1p, 19q), a number with its decimals, a word with its digits (pt2a, her2) and with
#: the sign that says positive or negative (er+, pr-), which is no hyphen before another word.
_WORD = re.compile(
    r"\d+\+\d+(?!\d)"
    r"|\d{1,2}[pq](?![^\W\d_])"
    r"|\d+(?:[.,]\d+)*\+?(?!\w)|\d+(?:[.,]\d+)*"
    r"|[^\W\d_][^\W_]*(?:'[^\W\d_]+)?(?:\+|-(?![\w-]))?"
)


def words(text: str) -> list[str]:
    """Words, numbers and stages of a text in their order, lower case, without punctuation.

    A number and its unit are two words however they are written (3mm, 3 mm); a stage, a marker or
    a gene is one (pT2aN0, HER2, ER+, 3+4). No word is left out for being short or frequent: "no"
    changes what a note says.
    """
    plain = unicodedata.normalize("NFKC", text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return _WORD.findall(plain.casefold())


def word_places(text: str) -> list[tuple[str, int, int]]:
    """Each word with its start and one past its end in the text as it stands."""
    found = ((match.group(), *match.span()) for match in _WORD.finditer(text))
    return [(words(raw)[0], start, end) for raw, start, end in found if words(raw)]
