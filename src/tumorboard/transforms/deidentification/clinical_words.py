"""Words of medicine that stand with a capital where a name or a town might.

Treatments, kinds of tumour, complaints and diseases are those of the clinical factors; the lists
here add what describes a tumour, how a drug is given, and the endings of drugs.
"""

from __future__ import annotations

import re
from functools import lru_cache

from tumorboard.transforms.deidentification.name_lists import GIVEN
from tumorboard.transforms.factor_histology import find_histologies
from tumorboard.transforms.factor_history import find_history, find_symptoms
from tumorboard.transforms.factor_treatments import find_treatments

_OWN_WORDS = """
ductal lobular invasive infiltrating intraductal poorly moderately well differentiated
undifferentiated mucinous papillary follicular medullary squamous serous endometrioid urothelial
adenoid cystic neuroendocrine metaplastic anaplastic pleomorphic atypical hyperplasia dysplasia
necrosis situ grade
daily weekly monthly twice tolerated tolerating cycle cycles infusion tablet tablets dose doses
metformin insulin aspirin ibuprofen acetaminophen paracetamol lisinopril amlodipine atorvastatin
simvastatin warfarin heparin omeprazole ondansetron oxycodone morphine levothyroxine gabapentin
"""
_OWN = frozenset(_OWN_WORDS.split())
_DRUG = re.compile(
    r"(?:mab|tinib|fenib|metinib|rafenib|ciclib|parib|platin|taxel|rubicin|citabine|trexed|"
    r"lutamide|prazole|trozole|statin|mycin|cillin|sartan|carcinoma|sarcoma|blastoma)s?$"
)
#: Eponyms in the lists of the factors: people have these names.
_PEOPLE = frozenset(("whipple", "ewing", "ewings", "hodgkin", "hodgkins", "wilms", "chop"))
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_FINDERS = (find_treatments, find_histologies, find_symptoms, find_history)


@lru_cache(maxsize=4096)
def is_clinical(word: str) -> bool:
    """Whether one word is of medicine, whatever its case."""
    plain = word.lower()
    if plain in _PEOPLE:
        return False
    if plain in _OWN or _DRUG.search(plain):
        return True
    return any(
        (found.start, found.end) == (0, len(plain)) for find in _FINDERS for found in find(plain)
    )


def has_clinical(name: str) -> bool:
    """Whether a word of what looks like a name is of medicine, and none is a frequent name."""
    words = [word.lower() for word in _WORD.findall(name)]
    return not GIVEN.intersection(words) and any(map(is_clinical, words))


def is_of_medicine(name: str) -> bool:
    """Whether every word of what looks like a name is: "Invasive Ductal"; "Jane Daily" is not."""
    return all(map(is_clinical, _WORD.findall(name)))
