"""Numbers and addresses of networks that belong to one person: D to P of Safe Harbor."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tumorboard.transforms.deidentification.spans import Span, spans_of

_I = re.IGNORECASE
_EMAIL = re.compile(r"[\w.+%-]+\s?@\s?[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(
    r"\b(?:https?://|ftp://|www\.)\S*[\w/]|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov)\b(?:/\S*\w)?",
    _I,
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
#: The first part has two digits or more: 1.2.1.3 is a heading.
_IP = re.compile(
    rf"(?<![\w.])(?=\d\d)(?:{_OCTET}\.){{3}}{_OCTET}(?![\w.]*\d)"
    rf"|\bIP(?:\s?(?:address|addr\.?|v4))?\s*[:=]?\s*(?P<number>(?:{_OCTET}\.){{3}}{_OCTET})(?![\w.]*\d)"
    r"|(?<![\w:])(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}(?![\w:])",
    _I,
)
_SSN = re.compile(
    r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"
    r"|(?:\bSSN\b|social security)[^\d\n]{0,20}(\d[\d -]{7,}\d)",
    _I,
)
_PHONE = re.compile(
    r"(?<![\w.-])(?:\+?1[-. ]?)?(?:\(\d{3}\)\s?|\d{3}[-. ])\d{3}[-. ]\d{4}"
    r"(?:\s?(?:x|ext\.?)\s?\d+)?(?![\w-])"
    r"|(?<!\w)\+\d{1,3}[-. (]*\d(?:[-. ()]{0,2}\d){6,12}(?!\w)"
)
_PHONE_LABELLED = re.compile(
    r"\b(?:tele?phone|phone|tel|fax|facsimile|pager|beeper|mobile|cell(?= ?(?:phone|no|#|:)))"
    r"(?:\s*(?:number|no\.?|#|phone))?\s*[:.#-]*\s*(?:is |at )?(?P<number>\+?\(?\d[\d() .-]{3,}\d)",
    _I,
)
#: German: an area code that begins with 0, a slash or a hyphen (030/4501234, 0171-1234567).
_PHONE_GERMAN = re.compile(
    r"(?<![\w.,/-])\(?0[1-9]\d{1,3}\)?(?:\s?/\s?\d(?:[ -]?\d){4,9}|[- ]\d{6,8})"
    r"(?![\w/]|[.,-]\d|\s?(?:cells|copies|per\b|[mµu]?[gl]\b|mm|cm))"
)
#: What such a number belongs to where it is no telephone's.
_COUNTED = re.compile(
    r"\b(?:slide|batch|block|lot|dose|accession|case|specimen|ref|reference|order)s?"
    r"(?:\s?(?:no\b\.?|number|nr\b\.?|id\b))?[\s:#.]*$",
    _I,
)
#: Without an area code and a label: "call 555-1234".
_CALL = re.compile(
    r"\b(?:call(?:ed|back)?|dial|text|reach(?:ed|able)?|contact(?:ed)?)\b[^\n\d]{0,30}?"
    r"(?<![\w.,/-])(?P<number>\d{3}[-.]\d{4})(?![\w-]|\.\d|\s?(?:m[gl]|mcg|g|units?|kcal)\b)",
    _I,
)
_EXTENSION = re.compile(r"\b(?:ext|extension)[.:]?\s?(?P<number>\d{3,6})\b", _I)
_OF = (
    "patient|pt|hospital|hosp|chart|unit|account|acct|accession|case|specimen|surgical|pathology|"
    "path|policy|plan|group|member|subscriber|insurance|beneficiary|licen[cs]e|DEA|NPI|serial|"
    "device|implant|pacemaker|model|lot|encounter|visit|report|order|requisition|passport|"
    "certificate|plate|vehicle|NHS|CHI|medicare|medicaid|health plan|national|record|tax|lab"
)
_LABELLED = re.compile(
    rf"\b(?:MRN|M\.R\.N\.?|MR\s?(?:#|no\b\.?|number)|medical record|(?:{_OF})\.?\s*(?:id\b|"
    r"identifier|identification|number|num\b\.?|nr\b\.?|no\b\.?|#|plate)(?:\s*(?:number|no\b\.?|#))?|licen[cs]e|"
    r"S/N|VIN|UDI|serial)\s*(?:number|no\b\.?|#)?\s*(?:is\s)?[:#.=(-]*\s*"
    r"(?P<number>(?=[\w/-]*\d{3}|(?:[A-Z/-]*\d){5}|\d*[A-Z]+\d{2}[A-Z]*\d{2})"
    r"[A-Z0-9][A-Z0-9/-]{3,}|"
    r"\d{2,3}(?: \d{2,3}){2,}(?!\w))",
    _I,
)
#: SN is a serial number in capitals before a number, and not a date; "SN 0/3" is sentinel nodes.
_SERIAL = re.compile(
    r"\bSN\s?[:#.]?\s?(?!(?:\d{4}-\d\d?|\d\d?-\d\d?)-\d)"
    r"(?P<number>(?=[A-Z/-]*\d{4}|(?:[A-Z-]*\d){5})[A-Z0-9][A-Z0-9-]{4,})(?!\w)"
)
#: Plates are written like blocks and codes (B-MW 1234): they take a word before.
_PLATE = re.compile(
    r"\b(?i:(?:licen[cs]e|number|registration)\s?plate|plate\s(?:no\.?|number)|kennzeichen)"
    r"\s?[:#]?\s*(?P<number>(?=[A-ZÄÖÜ0-9 -]*\d)"
    r"[A-ZÄÖÜ0-9]{1,4}(?:[- ][A-ZÄÖÜ0-9]{1,4}){1,2})(?!\w)"
)
#: Accession numbers of laboratories; markers and genes with a number behind them are none.
_ACCESSION = re.compile(
    r"(?<![\w-])(?!(?:CD|CK|IDH|TTF|HPV|ICD|CPT|PAX|SOX|MUC|HER|ER|PR|KI|CAM|AE|NCT)-?\d)"
    r"(?:[A-Z]{1,3}-?\d{2}-\d{4,6}|[A-Z]{2,3}-\d{2}-\d{3}|[A-Z]{1,2}\d{7,})(?![\w-])"
)
_PROJECT = re.compile(r"\bTCGA-\w{2}-\w{4}[\w-]*")
_TRIAL = re.compile(r"\bNCT\d{8}\b")
#: So many digits in a row are no measurement, unless a unit or a denominator follows.
_LONG = re.compile(r"(?<![\w.,/-])\d{7,}(?![\w,/-]|\.\d|\s?(?:cells|copies|/|per\b))")
_BARE_ZIP = re.compile(r"\bzip(?:\s?code)?\s*[:#]?\s*(?P<number>\d{5}(?:-\d{4})?)\b", _I)


def find_numbers(text: str) -> Iterable[Span]:
    """Mail, web and network addresses, telephone numbers, numbers of records and devices."""
    yield from spans_of(_EMAIL, text, "email")
    yield from spans_of(_URL, text, "url")
    for match in _IP.finditer(text):
        group = "number" if match["number"] else 0
        yield Span(match.start(group), match.end(group), "ip", "[IP]")
    for match in _SSN.finditer(text):
        group = 1 if match[1] else 0
        yield Span(match.start(group), match.end(group), "ssn", "[SSN]")
    yield from spans_of(_PHONE, text, "phone")
    yield from spans_of(_PHONE_LABELLED, text, "phone", group="number")
    for span in spans_of(_PHONE_GERMAN, text, "phone"):
        if not _COUNTED.search(text[max(0, span.start - 25) : span.start]):
            yield span
    yield from spans_of(_CALL, text, "phone", group="number")
    yield from spans_of(_EXTENSION, text, "phone", group="number")
    yield from spans_of(_BARE_ZIP, text, "zip", group="number")
    for pattern in (_LABELLED, _SERIAL, _PLATE):
        yield from spans_of(pattern, text, "id", group="number")
    trials = {match.start() for match in _TRIAL.finditer(text)}  # a trial is no person
    for pattern in (_ACCESSION, _PROJECT, _LONG):
        yield from (s for s in spans_of(pattern, text, "id") if s.start not in trials)
