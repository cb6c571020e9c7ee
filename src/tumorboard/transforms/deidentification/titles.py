"""Titles before names, one or several in a row: "Prof. Dr. med.", "Frau Dr.", "PA-C"."""

from __future__ import annotations

import re

_TITLES = (
    "Drs?|Mrs?|Ms|Miss|Prof|Professor|Doctor|Nurse|Sister|Rev|Reverend|Pastor|Sir|Dame|Herrn?|Frau|"
    "Mme|Mlle|Madame|Monsieur|Señora?|Sra|Dra|Signora?|Dott|Dottoressa|Mevrouw|Meneer"
)
#: The faculty or rank behind a title: "Dr. rer. nat.", "Prof. emeritus", "Dr. h. c. mult.".
_FACULTIES = (
    r"(?:med|rer|nat|phil|dent|vet|univ|habil|mult|iur|jur|theol|ssa|h\.\s?c|Ing|Med|"
    r"[Ee]m(?:erit\w+)?)"
)
_FURTHER = rf"(?:(?:{_TITLES}|Dipl|{_FACULTIES})\b(?:\.[\s-]*|\s+))*"
_FURTHER_CAPITALS = (
    r"(?:(?:(?:DRS?|PROF|MRS?|MS|MED|RER|HABIL)\b|(?:(?<=RER )|(?<=RER\. ))NAT\b"
    r"|(?:NAT|DENT)(?=\.))\.?\s*)*"
)
TITLE = re.compile(
    rf"\b(?:{_TITLES})\b(?:\.[\s-]*|\s+){_FURTHER}"
    rf"|\b(?:DRS?|MRS|MISS|PROF|DOCTOR|HERRN?|FRAU)\b\.?\s+{_FURTHER_CAPITALS}|\b(?:MR|MS)\.\s+"
    # in small letters before a name with a capital: "dr. Huber", "prof. dr. med. Huber"
    rf"|\b(?:(?:drs?|prof|mrs)\b(?:\.\s*|\s+)|(?:mr|ms)\.\s+)(?:(?:drs?|prof)\.\s*)?{_FURTHER}(?=[A-Z])"
    # a degree before the name, where no name stands before the degree
    r"|(?:^|[:;.(]\s*|(?<![^\s(])[a-z]+\s+)(?:PA-C|NP-C|ARNP|CRNP|FNP-BC)[ \t]+(?=[A-Z])",
    re.MULTILINE,
)
_NO_FACULTY = r"(?!(?:med|rer|nat|phil|dent|vet|univ|habil|mult)\b)"
LOWER_TITLE = re.compile(
    rf"\b(?:drs?|mrs?|ms|prof)\.\s*(?:(?:dr|med|rer|nat|phil|dent|habil)\.\s*)*{_NO_FACULTY}"
    r"(?P<name>[a-z]{3,}(?:[-'][a-z]+)?)\b"
)
#: "dr", "mr" and "ms" without a full stop, before a name in small letters.
BARE_TITLE = re.compile(
    rf"\b(?:(?:[Dd]r|[Mm]rs)|(?P<mr>[Mm]r|[Mm]s))\s+{_NO_FACULTY}(?P<name>[a-z]{{3,}}(?:[-'][a-z]+)?)\b"
)
