"""Places below a state: B of Safe Harbor; and hospitals, which tell the place."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tumorboard.transforms.deidentification.clinical_words import has_clinical
from tumorboard.transforms.deidentification.name_lists import NO_NAMES, NO_RELATIVES
from tumorboard.transforms.deidentification.spans import Span, spans_of

_STATES = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|"
    "Hawaii|Idaho|Illinois|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|"
    "Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska|Nevada|New Hampshire|New Jersey|"
    "New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma|Oregon|Pennsylvania|"
    "Rhode Island|South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|"
    "West Virginia|Wisconsin|Wyoming"
)
_CODES = (
    "A[LKZR]|C[AOT]|D[CE]|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|PA|RI|S[CD]|"
    "T[NX]|UT|V[TA]|W[AVIY]"
)
_COUNTRIES = (
    "USA|Canada|Mexico|Germany|Austria|Switzerland|France|Italy|Spain|Portugal|Netherlands|Belgium|"
    "Poland|England|Scotland|Ireland|Wales|UK|Sweden|Norway|Denmark|Turkey|India|China|Japan|Australia"
)
_PLACE = r"[A-Z][a-zà-ÿ]+(?:[ -](?:[A-Z][a-zà-ÿ]+|of|on|upon|de|la))?(?: [A-Z][a-zà-ÿ]+)?"
_STREETS = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Drive|Way|Terrace|Highway|Hwy|Parkway|"
    r"Pkwy|STREET|AVENUE|ROAD|BOULEVARD|HIGHWAY)"
)
_ADDRESS = re.compile(
    r"(?<![\w.-])\d{1,5}[A-Za-z]?\s+(?:[NSEW]\.?\s+)?(?:[A-Z][\w']*\.?\s+){1,3}"
    rf"(?:{_STREETS}\b\.?|Dr\.?(?=,\s*[A-Z]))(?:,?\s*(?:Apt|Apartment|Suite|Ste|Unit)\.?\s*#?\w+)?"
)
_BOX = re.compile(r"\bP\.?\s?O\.?\s?Box\s+\d+", re.IGNORECASE)
_CITY_ZIP = re.compile(
    rf"(?:(?P<city>{_PLACE}|[A-Z]{{4,}}),?\s+)?(?:{_CODES}|{_STATES}),?\s+(?P<zip>\d{{5}}(?:-\d{{4}})?)\b"
)
_CITY_STATE = re.compile(rf"\b(?P<city>{_PLACE}), (?:{_STATES})\b")
_LIVES = re.compile(
    r"\b(?i:liv(?:es|ed|ing)|resid(?:es|ed|ing)|resident|born|raised|native|grew up|works?|worked|"
    r"working(?! diagnosis| formulation)|moved|retired|travell?ed|comes|hails)"
    r"(?:\s\w+|\swith(?:\s\w+){1,2}|\sas\san?(?:\s\w+){1,2})?\s(?i:in|of|to|from|at|near)\s(?:the\s)?"
    rf"(?:(?:town|city|village|county|suburb) of )?(?P<city>{_PLACE})"
)
_LIVES_CAPITALS = re.compile(
    r"\b(?:LIV(?:ES|ED|ING)|RESID(?:ES|ED|ING))(?: [A-Z]+)? IN (?P<city>[A-Z]{4,}(?: [A-Z]{4,})?)"
    r"(?=\s*(?:[.,;\n]|$|WITH\b|AND\b|SINCE\b))"
)
_TOWN = re.compile(rf"\b(?:town|city|village|county|suburb|parish|borough) of (?P<city>{_PLACE})")
_COUNTY = re.compile(r"\b(?P<city>(?:[A-Z][a-zà-ÿ]+ ){1,2}County)\b")
_HOSPITAL = re.compile(
    r"\b(?P<name>(?:(?:St\.?|[A-Z][A-Za-zà-ÿ'.]*[a-zà-ÿ']) (?:of |and |& )?){1,5})"
    r"(?P<kind>Hospitals?|Medical Cent(?:er|re)|Clinic|Infirmary|Cancer Cent(?:er|re)|"
    r"Health System|Hospice|Nursing Home|Healthcare|Laboratories|University|School)\b"
    r"(?: (?:of|in|at) [A-Z][a-zà-ÿ]+(?: [A-Z][a-zà-ÿ]+)?)?"
)
#: A town behind a hospital: before a state or a country ("Mercy Hospital, Springfield, IL"), where
#: the clause ends, or behind a comma where it goes on ("Mercy Hospital, Springfield on Monday").
_TOWN_WORDS = r"[A-Z][a-zà-ÿ]{2,}(?:[ -][A-Z][a-zà-ÿ]{2,})?"
_BEHIND_HOSPITAL = re.compile(
    rf"(?:(?P<comma>,)[ ]?|[ ])(?P<city>{_TOWN_WORDS})"
    rf"(?:(?P<state>,? (?:{_STATES}|{_CODES}|{_COUNTRIES})\b)|(?=\s*(?:[.;)\n]|$))"
    r"|(?(comma)(?=,?\s(?:on|for|in|by|where|who|since|from|to|after|before|at|until|during)\b"
    r"|,\s(?:[a-z]|\d|[A-Z][a-z]+[.;\n]))|(?=,\s)))"
)
_UNIVERSITY = re.compile(r"\bUniversity of (?:[A-Z][a-zà-ÿ]+ ?){1,2}(?<! )")
#: Words before "Hospital" that say nothing of which one.
_ANY_WORDS = """
The A An At In From Of Our Your His Her Their This That Outside Other Local Referring
Another Same Community General Regional University Medical Cancer Breast Oncology
Surgery Surgical Outpatient Inpatient Day Public Private Memory Pain Health Women Men
Children Date Name Clinical Genetics Referred Previous Prior Primary Care Follow Up To
By Specialist Teaching National Main Central Pathology Molecular Reference Urology Chest
Skin Melanoma Thyroid Head Neck United States
"""
_ANY = frozenset(_ANY_WORDS.split())
#: Where people live and work, and what stands in capitals behind "in" without being a town.
_NO_TOWN_WORDS = """
home house apartment nursing assisted skilled retirement group senior independent own trailer
homeless shelter rehab hospice facility housing community trust fear pain poverty squalor isolation
construction retail sales finance education healthcare medicine radiology administration
agriculture industry manufacturing law nature it january february march april may june july august
september october november december formalin saline remission term bed chair floor gym school
factory office warehouse kitchen church icu ward theatre clinic therapy prematurity
"""
_DEPARTMENT_WORDS = """
emergency radiology oncology cardiology neurology urology surgery nursing trauma intensive critical
care unit ward department division service services center centre campus main building floor north
south east west tower wing institute institution foundation trust network group system program
programme protocol guidelines board tumor tumour registry archive records laboratory lab labs bank
discharge summary letter progress admission transfer phone fax inc llc ltd corporation staff team
course visit visits medication medications stay day note notes reason
course outpatient inpatient clinic hospital ambulatory ambulance imaging medicine family internal
pediatrics paediatrics maternity rehabilitation rehab hospice pharmacy council committee english
tissue cytology genetics genomics chemotherapy radiation radiotherapy hematoxylin immunostains
immunohistochemistry stains slides blocks biopsies mammogram ultrasound mri ct pet scan xray
monday tuesday wednesday thursday friday saturday sunday january february march april may june july
august september october november december today yesterday she he they and but
"""
_DEPARTMENTS = frozenset(_DEPARTMENT_WORDS.split())
#: Fields of medicine, diagnoses and procedures by their ending.
_FIELD = re.compile(
    r"(?:ology|ectomy|oscopy|graphy|gram|itis|oma|omas|osis|iatry|iatrics|therapy|tomy|plasty|emia|"
    r"ectomies|oscopies|surgery|ation|ment|ics)\b"
)
_NO_TOWNS = NO_NAMES | frozenset(_NO_TOWN_WORDS.split())


def find_places(text: str) -> Iterable[Span]:
    """Addresses, towns with a state or behind "lives in", ZIP codes and hospitals; states stay."""
    for pattern in (_ADDRESS, _BOX, _UNIVERSITY):
        yield from spans_of(pattern, text, "place")
    for match in _CITY_ZIP.finditer(text):
        yield Span(match.start("zip"), match.end("zip"), "zip", "[ZIP]")
        if match["city"]:
            yield Span(match.start("city"), match.end("city"), "place", "[PLACE]")
    for pattern in (_CITY_STATE, _LIVES, _LIVES_CAPITALS, _TOWN, _COUNTY):
        for span in spans_of(pattern, text, "place", group="city"):
            if _is_town(text[span.start : span.end]):
                yield span
    yield from _hospitals(text)


def _hospitals(text: str) -> Iterable[Span]:
    """Hospitals that have a name, and the towns behind any."""
    for match in _HOSPITAL.finditer(text):
        words = re.findall(r"[A-Za-zà-ÿ]+", match["name"])
        first = next((i for i, word in enumerate(words) if word.capitalize() not in _ANY), -1)
        if first >= 0:
            start = match.start() + match["name"].index(words[first])
            yield Span(start, match.end(), "place", "[PLACE]")
        town = _BEHIND_HOSPITAL.match(text, match.end())
        if town is None or not _is_town(town["city"]):
            continue
        if (town["state"] or "").startswith(",") or not is_department(town["city"]):
            yield Span(town.start("city"), town.end("city"), "place", "[PLACE]")


def is_department(name: str) -> bool:
    """Whether a word behind a hospital's name is of its departments and papers, not its town."""
    words = {word.lower() for word in re.split(r"[\s-]", name)}
    is_paper = bool(words & (_DEPARTMENTS | NO_RELATIVES)) or bool(_FIELD.search(name.lower()))
    return is_paper or has_clinical(name)


def _is_town(name: str) -> bool:
    """Whether it is no state, and no word of where people live and work."""
    first = re.split(r"[\s-]", name)[0].lower()
    return not re.fullmatch(_STATES, name, re.IGNORECASE) and first not in _NO_TOWNS
