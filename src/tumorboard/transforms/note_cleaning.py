"""Notes without what printing did to them; every word, number, sign and capital stays.

What is mended: forms of one Unicode character, invisible characters, words hyphenated over a line
end, lines wrapped inside a sentence, rules of dashes, marks of pages with the headers beside them.
A line that merely repeats ("Negative for malignancy.") is kept: it speaks of another specimen.
"""

from __future__ import annotations

import re
import unicodedata

#: Typographic forms of one character; superscripts are left alone, since 10⁹ is not 109.
_FORMS = str.maketrans({
    "\N{LATIN SMALL LIGATURE FI}": "fi", "\N{LATIN SMALL LIGATURE FL}": "fl",
    "\N{LATIN SMALL LIGATURE FF}": "ff", "\N{LATIN SMALL LIGATURE FFI}": "ffi",
    "\N{LATIN SMALL LIGATURE FFL}": "ffl", "\N{MICRO SIGN}": "\N{GREEK SMALL LETTER MU}",
    "\N{LEFT SINGLE QUOTATION MARK}": "'", "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"', "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{HYPHEN}": "-", "\N{NON-BREAKING HYPHEN}": "-", "\N{FIGURE DASH}": "-",
    "\N{EN DASH}": "-", "\N{MINUS SIGN}": "-", "\N{EM DASH}": " - ",
    "\N{SOFT HYPHEN}": "", "\N{ZERO WIDTH SPACE}": "", "\N{ZERO WIDTH NON-JOINER}": "",
    "\N{ZERO WIDTH JOINER}": "", "\N{ZERO WIDTH NO-BREAK SPACE}": "", "\N{WORD JOINER}": "",
    "\N{LINE SEPARATOR}": "\n", "\N{PARAGRAPH SEPARATOR}": "\n\n", "\x85": "\n",
    "\v": "\n",
})  # fmt: skip
_RULE = re.compile(r"[\s\-_=*~.|+#]*")
_RULE_INSIDE = re.compile(r"-{5,}|[_=*~.|#]{4,}")
_PAGE = re.compile(
    r"\W*(page\s+\d+(\s*(of|/)\s*\d+)?|\d+\s*/\s*\d+\s+pages?|-\s*\d+\s*-|\(?continued"
    r"( (on|from) (the )?(next|previous) page)?\)?)\W*",
    re.IGNORECASE,
)
_SPLIT_WORD = re.compile(r"([^\W_]+)-[ \t]*\n[ \t]*([^\W\d_]+)")
_WORD = re.compile(r"[^\W\d_]+")
#: First halves that keep their hyphen at a line end: well-differentiated, non-small, left-sided.
_FIRST_HALVES = re.compile(
    "well|poorly|moderately|non|high|low|left|right|anti|post|pre|intra|extra|peri|sub|multi|semi|"
    "self|co|ex|follow|cross|half|long|short|full|thin|thick|large|small|mid|upper|lower|tumou?r|"
    "cell|lymph|mono|bi|tri|up|in|x|t|b|her|er|pr|no|one|two|three|four",
    re.IGNORECASE,
)
#: A line of a sentence, or one that denies something, is no header of a page.
_SENTENCE = re.compile(r"[.;!?]\s*$|\b(no|not|none|negative|without|absent|free)\b", re.IGNORECASE)


def clean(text: str) -> str:
    """A note as running text; line ends stay where a line is one by itself."""
    text = unicodedata.normalize("NFC", text).translate(_FORMS)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = "\n".join(_without_pages(text.replace("\f", "\n\f\n").split("\n")))
    text = _rejoined(text)
    lines = [" ".join(_RULE_INSIDE.sub(" ", line).split()) for line in text.split("\n")]
    # a single sign may be an answer ("+"), a rule is longer
    lines = ["" if len(line) > 2 and _RULE.fullmatch(line) else line for line in lines]
    return _unwrapped(lines)


def _without_pages(lines: list[str]) -> list[str]:
    """Lines without marks of pages, and without headers and footers after their first time."""
    pages: list[list[str]] = [[]]
    for line in lines:
        if line == "\f" or _PAGE.fullmatch(line.strip()):
            pages.append([])
        else:
            pages[-1].append(line)
    pages = [page for page in pages if any(line.strip() for line in page)]
    if not pages:
        return []
    for _ in range(2):  # headers, then footers as headers of pages read upwards
        common = _common(pages)
        pages = [pages[0], *(_after(page, common) for page in pages[1:])]
        pages = [page[::-1] for page in pages]
    return [line for page in pages for line in page]


def _common(pages: list[list[str]]) -> list[str]:
    """Lines that every page of several begins with, empty ones left aside."""
    common: list[str] = []
    given = [[line.strip() for line in page if line.strip()] for page in pages]
    for first, *others in zip(*given, strict=False):
        if _SENTENCE.search(first) or not others or {first} != set(others):
            break
        common.append(first)
    return common


def _after(page: list[str], header: list[str]) -> list[str]:
    """Lines of a page behind its header."""
    left = list(header)
    for i, line in enumerate(page):
        if not left:
            return page[i:]
        if line.strip():
            left.pop(0)
    return []


def _rejoined(text: str) -> str:
    """Words hyphenated over a line end as one; compound words keep their hyphen."""
    words = {word.lower() for word in _WORD.findall(text)}

    def joined(match: re.Match[str]) -> str:
        first, second = match[1], match[2]
        one = (first + second).lower()
        is_word_part = first[-1].islower() == second[0].islower() and len(first) > 1
        is_compound = bool(_FIRST_HALVES.fullmatch(first)) or not is_word_part
        return f"{first}-{second}" if is_compound and one not in words else first + second

    return _SPLIT_WORD.sub(joined, text)


def _unwrapped(lines: list[str]) -> str:
    """Lines of one sentence joined; at most one empty line on end."""
    parts: list[str] = []
    for line in lines:
        if parts and line and parts[-1] and line[0].islower() and parts[-1][-1] not in ".:;!?":
            parts[-1] += f" {line}"
        elif line or (parts and parts[-1]):
            parts.append(line)
    return "\n".join(parts).strip()
