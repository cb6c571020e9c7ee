"""Gene symbols that a spreadsheet turned into dates or numbers, and which of them can be undone.

30.9 % of the articles whose supplements hold gene lists in Excel form have such errors (Abeysooriya
et al., PLOS Computational Biology 2021, doi 10.1371/journal.pcbi.1008984). `SEPT2` became `2-Sep`;
`MARCH1` and `MARC1` both became `1-Mar`, so that one is lost for good.
"""

from __future__ import annotations

import datetime
import re

from tumorboard.formats.hgnc import nomenclature

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
#: Month -> stems of symbols that Excel takes for it; HGNC renamed the genes for that reason.
_STEMS = {3: ("MARCH", "MARC"), 9: ("SEPT",), 10: ("OCT",), 11: ("NOV",), 12: ("DEC",)}
_DAY_MONTH = re.compile(r"(\d{1,2})[-/ .]([A-Za-z]{3,9})\.?([-/ .]\d{2,4})?")
_MONTH_DAY = re.compile(r"([A-Za-z]{3,9})\.?[-/ .](\d{1,2})")
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})([ T]00:00:00)?")
_SERIAL = re.compile(r"(\d{5})(\.0)?")
_EXPONENT = re.compile(r"\d(\.\d+)?[eE]\+?\d{1,3}")
#: Days that Excel counts from 1899-12-30; a table typed between 1999 and 2050 lies between these.
_SERIALS = (36161, 55152)
_DAY_ZERO = datetime.date(1899, 12, 30)


def damaged(name: str) -> bool:
    """Whether a name is a date or a number in place of a gene symbol."""
    return _EXPONENT.fullmatch(name) is not None or _month_and_number(name) is not None


def restored(name: str) -> tuple[str, ...]:
    """Approved symbols whose former name may have stood there; one where that can be undone."""
    found = _month_and_number(name)
    if found is None:
        return ()
    month, number = found
    previous = nomenclature().previous
    names = (f"{stem}{number}" for stem in _STEMS.get(month, ()))
    return tuple(dict.fromkeys(symbol for name in names for symbol in previous.get(name, ())))


def _month_and_number(name: str) -> tuple[int, int] | None:
    """Month and day that a date in place of a symbol names."""
    if match := _DAY_MONTH.fullmatch(name):
        return _checked(match[2], int(match[1]))
    if match := _MONTH_DAY.fullmatch(name):
        return _checked(match[1], int(match[2]))
    if match := _ISO_DATE.fullmatch(name):
        return int(match[2]), int(match[3])
    if (match := _SERIAL.fullmatch(name)) and _SERIALS[0] <= int(match[1]) <= _SERIALS[1]:
        day = _DAY_ZERO + datetime.timedelta(days=int(match[1]))
        return day.month, day.day
    return None


def _checked(word: str, number: int) -> tuple[int, int] | None:
    month = word[:3].lower()
    return (_MONTHS.index(month) + 1, number) if month in _MONTHS else None
