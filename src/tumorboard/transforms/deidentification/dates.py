"""Dates but for their year, and ages over 89: C of Safe Harbor."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tumorboard.transforms.deidentification.spans import Span

_I = re.IGNORECASE
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_YEAR = r"(?P<year>(?:19|20)\d\d)(?!\d)"
_SHORT_YEAR = r"(?P<year>(?:(?:19|20)\d\d|'?\d\d)(?![\d%]))"
_DAY = r"(?P<day>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_CUE = (
    r"\b(?:on|dated?|date of \w+|since|until|seen|admitted|discharged|visit(?:ed)?|as of|received|"
    r"collected|reported|signed|taken|performed|scheduled(?: for)?|start(?:ed|ing)?|began|begun|"
    r"stopped|ended|resumed)[:.]?\s+"
)
_WRITTEN = tuple(
    re.compile(pattern, _I)
    for pattern in (
        rf"(?<![\w./-]){_DAY}[\s-]*(?:of\s+)?{_MONTH}(?:[\s,-]*{_SHORT_YEAR})?",
        rf"(?<!\w){_MONTH}[\s-]*{_DAY}(?![\d.%/])(?:[\s,-]+{_YEAR})?",
        rf"(?<!\w){_MONTH}[\s,-]*(?:of\s+)?{_YEAR}",
    )
)
_NUMBERS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?<![\w./-]){_YEAR}(?P<sep>[-/.])(?P<month>\d{{1,2}})(?P=sep)(?P<day>\d{{1,2}})(?!\d)",
        rf"(?<![\w./-])(?P<day>\d{{1,2}})(?P<sep>[-/.])(?P<month>\d{{1,2}})(?P=sep){_SHORT_YEAR}"
        r"(?![\w/-]|\.\d)",
        r"(?<![\w./-])(?P<year>(?:19|20)\d\d)(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])"
        r"(?!\w|[.,/-]\d|\s?(?:cells|copies|/|per\b))",
        r"(?<![\w./-])(?P<year>(?:19|20)\d\d)(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])"
        r"(?=T\d{4})",
    )
)
#: Months in German, French, Italian, Spanish and Dutch; "3 mars", "3 mai" and "3 mayo" take a year.
_FOREIGN_MONTH = (
    r"(?:januar[i]?|jänner|februar[i]?|märz|maerz|juni|juli|augustus|oktober|dezember|janvier|"
    r"février|avril|juin|juillet|août|septembre|octobre|novembre|décembre|gennaio|febbraio|marzo|"
    r"aprile|maggio|giugno|luglio|agosto|settembre|ottobre|dicembre|enero|febrero|abril|"
    r"junio|julio|septiembre|octubre|noviembre|diciembre|maart)"
)
_FOREIGN = re.compile(
    rf"(?<![\w./-])(?:{_DAY}\.?\s*(?:de\s+)?{_FOREIGN_MONTH}\b(?:\s+(?:de\s+|del\s+)?{_YEAR})?"
    rf"|(?:{_DAY.replace('day', 'day2')}\.?\s*)?(?:{_FOREIGN_MONTH}|mars|mai|mei|mayo)\s+"
    rf"{_YEAR.replace('year', 'year2')}"
    rf"|{_DAY.replace('day', 'day3')}\.\s*(?:April|August|September|November|Mai)\b"
    rf"(?:\s+{_YEAR.replace('year', 'year3')})?)",
    _I,
)
#: A time of day behind a date goes with it.
_TIME = re.compile(
    r"(?:T|,?\s+(?:at\s+)?)(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?"
    r"(?:\s?[ap]\.?m\b\.?|\s?(?:Z|[+-]\d\d:?\d\d)\b)?(?![:\d])|T\d{4}(?:\d\d)?Z?\b",
    _I,
)
#: Three numbers before a unit are sizes: 10/12/14 mm.
_SIZE = re.compile(r"\s?-?(?:[mcµu]m|ml|cc|x\s*\d)(?![a-z])", _I)
_MONTH_YEAR = re.compile(rf"(?<![\w./-])(?:0[1-9]|1[0-2])[/-]{_YEAR}(?![\w/-])")
#: Without a year a date looks like a count (3/14 nodes): it takes a word before, and none behind.
_DAY_MONTH = re.compile(
    rf"{_CUE}(?P<date>(?P<day>\d{{1,2}})/(?P<month>\d{{1,2}}))"
    r"(?![\w/%]|\.\d|\s*(?:of|lymph|nodes?|cores?|slides?|blocks?|positive|negative|involved|sections?|"
    r"x|cm|mm|fields?|hpf|cells|high|cycles?|courses?|weeks?|doses?|fractions?|treatments?|sessions?|"
    r"tab\w*|pills?|strength|normal|ns|ml|mg|cups?)\b)",
    _I,
)
#: A year of birth would tell an age over 89.
_BIRTH = re.compile(
    r"\b(?:DOB|D\.O\.B\.?|date of birth|birth ?date|born(?: on| in)?)\s*[:=]?\s*"
    r"(?P<date>[\d./-]{6,10}|(?:19|20)\d\d|(?:\d{1,2}\s+)?[A-Za-z]{3,9}\.?\s+(?:\d{1,2},?\s+)?\d{4})",
    _I,
)
_OLD = r"(?:9\d|1[01]\d|12[0-5])"
_AGES = tuple(
    re.compile(pattern, _I)
    for pattern in (
        rf"(?<![\w.,/-])(?P<age>{_OLD})(?=[\s-]*(?:years?|yrs?|y\.?\s?/?\s?o\b|y\b))",
        rf"\bage[ds]?(?:\s+(?:at|of|is|was)(?:\s\w+)?)?\s*[:=]?\s*(?P<age>{_OLD})(?![\w%]|\.\d|\s?%)",
        r"\b(?P<age>ninety(?:[\s-](?:one|two|three|four|five|six|seven|eight|nine))?|"
        r"one hundred(?: and \w+)?)(?=[\s-]years?)",
        rf"(?<![\w.,/-])(?P<age>{_OLD})(?=[\s-]?(?:m|f|male|female|woman|man|lady|gentleman)\b"
        r"(?<!\df)(?!\s*(?:ea|temp)))",
    )
)
#: Abbreviations that are other words in capitals: optical coherence tomography, a verb, ...
_AMBIGUOUS = frozenset({"may", "mar", "oct", "dec", "sep", "jan", "march"})


def find_dates(text: str) -> Iterable[Span]:
    """Dates; the year stays, but for dates of birth."""
    for match in _BIRTH.finditer(text):
        yield Span(match.start("date"), match.end("date"), "date", "[DATE]")
    written = (match for pattern in _WRITTEN for match in pattern.finditer(text))
    yield from (_dated(match, text) for match in written if _is_month(match, text))
    yield from (_dated(match, text) for match in _FOREIGN.finditer(text))
    numbers = (match for pattern in _NUMBERS for match in pattern.finditer(text))
    yield from (_dated(match, text) for match in numbers if _is_date(match, text))
    yield from (_dated(match, text) for match in _MONTH_YEAR.finditer(text))
    for match in _DAY_MONTH.finditer(text):
        if _is_day_and_month(match):
            yield Span(match.start("date"), match.end("date"), "date", "[DATE]")


def find_ages(text: str) -> Iterable[Span]:
    """Ages of 90 and more, which become 90+."""
    for pattern in _AGES:
        for match in pattern.finditer(text):
            yield Span(match.start("age"), match.end("age"), "age", "90+")


def _dated(match: re.Match[str], text: str) -> Span:
    years = (year for name, year in match.groupdict().items() if name.startswith("year") and year)
    year = next(years, "").lstrip("'")
    time = _TIME.match(text, match.end())
    end = time.end() if time else match.end()
    return Span(match.start(), end, "date", f"[DATE {year}]" if year else "[DATE]")


def _is_month(match: re.Match[str], text: str) -> bool:
    """Whether a word is a month here: with a capital; in capitals alone only with a year."""
    month = match["month"]
    year = match.groupdict().get("year") or ""
    if len(year) == 4:
        return True
    if month.islower() and month.lower() in _AMBIGUOUS:
        return False
    is_cued = re.search(_CUE + r"$", text[max(0, match.start() - 30) : match.start()], _I)
    return not (month.isupper() and month.lower() in _AMBIGUOUS) or bool(is_cued)


def _is_date(match: re.Match[str], text: str) -> bool:
    groups = match.groupdict()
    separator, is_short = groups.get("sep"), len(match["year"]) < 4
    if separator == "." and is_short and min(len(match["day"]), len(match["month"])) < 2:
        return False  # 1.5.0 is a version or a heading
    if is_short and _SIZE.match(text, match.end()):
        return False
    return "'" not in match["year"] and _is_day_and_month(match)


def _is_day_and_month(match: re.Match[str]) -> bool:
    """Whether two numbers are a day and a month in either order."""
    low, high = sorted((int(match["day"]), int(match["month"])))
    return 1 <= low <= 12 and 1 <= high <= 31
