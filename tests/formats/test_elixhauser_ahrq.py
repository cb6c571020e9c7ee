"""AHRQ's 29 categories: every code of the format file, and examples of ICD-9-CM."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tumorboard.formats.elixhauser_ahrq import ELIXHAUSER_AHRQ

NAMES = [
    "chf", "valv", "pcd", "pvd", "hyp", "para", "ond", "cpd", "diabunc", "diabc", "hypothy", "rf",
    "ld", "pud", "aids", "lymph", "metacanc", "solidtum", "rheumd", "coag", "obes", "wloss",
    "fed", "blane", "dane", "alcohol", "drug", "psycho", "depre",
]  # fmt: skip

#: Label of the format file -> our names. The combined labels are set apart by the analysis program.
LABELS = {
    "CHF": "chf", "VALVE": "valv", "PULMCIRC": "pcd", "PERIVASC": "pvd", "PARA": "para",
    "NEURO": "ond", "CHRNLUNG": "cpd", "DM": "diabunc", "DMCX": "diabc", "HYPOTHY": "hypothy",
    "RENLFAIL": "rf", "LIVER": "ld", "ULCER": "pud", "AIDS": "aids", "LYMPH": "lymph",
    "METS": "metacanc", "TUMOR": "solidtum", "ARTH": "rheumd", "COAG": "coag", "OBESE": "obes",
    "WGHTLOSS": "wloss", "LYTES": "fed", "BLDLOSS": "blane", "ANEMDEF": "dane",
    "ALCOHOL": "alcohol", "DRUG": "drug", "PSYCH": "psycho", "DEPRESS": "depre", "NONE": "",
    "HTN": "hyp", "HTNCX": "hyp", "HTNPREG": "hyp", "HTNWOCHF": "hyp", "HTNWCHF": "chf hyp",
    "HRENWORF": "hyp", "HRENWRF": "hyp rf", "HHRWOHRF": "hyp", "HHRWCHF": "chf hyp",
    "HHRWRF": "hyp rf", "HHRWHRF": "chf hyp rf", "OHTNPREG": "hyp",
}  # fmt: skip


def read_format() -> Mapping[str, str]:
    """Code -> our names, space between them, of the SAS format file."""
    root = os.environ.get("TUMORBOARD_DATA")
    path = Path(root or "", "comorbidity", "ver2016_ahrq-comformat_icd10cm_2016.txt")
    if root is None or not path.is_file():
        pytest.skip("TUMORBOARD_DATA does not name a folder that holds comorbidity/")
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="latin-1"), flags=re.DOTALL)
    text = text[text.index("$RCOMFMT") : text.index("Other")]
    found: dict[str, str] = {}
    for codes, label in re.findall(r'((?:"[^"]+"\s*,?\s*)+)=\s*"([^"]*)"', text):
        found |= dict.fromkeys(re.findall(r'"([^"]+)"', codes), LABELS[label.upper()])
    return found


def test_names_and_order() -> None:
    assert ELIXHAUSER_AHRQ.columns == tuple(f"elixhauser_ahrq_{name}" for name in NAMES)
    assert list(ELIXHAUSER_AHRQ.icd10) == NAMES


@pytest.mark.realdata
def test_every_code_of_the_format_file() -> None:
    table = read_format()
    assert len(table) == 69832
    faults = {
        code: (names, ELIXHAUSER_AHRQ.names(code, 10))
        for code, names in table.items()
        if ELIXHAUSER_AHRQ.names(code, 10) != names.split()
    }
    assert faults == {}


@pytest.mark.realdata
def test_codes_that_the_file_does_not_hold_follow_those_that_begin_like_them() -> None:
    """A group of an unknown code must be the group of every known code below some prefix of it."""
    table = read_format()
    rng = np.random.default_rng(3)
    known = list(table)
    for row in rng.integers(0, len(known), 500):
        code = known[row][: rng.integers(3, 7)] + "0123456789XA"[rng.integers(12)]
        for name in set(ELIXHAUSER_AHRQ.names(code, 10)) - set(table.get(code, "").split()):
            below = [
                {name in names.split() for known, names in table.items() if known.startswith(stem)}
                for stem in (code[:length] for length in range(3, len(code) + 1))
            ]
            assert {True} in below, code


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("398.91", "chf"),
        ("402.91", "chf hyp"),
        ("404.93", "chf hyp rf"),
        ("404.12", "hyp rf"),
        ("403.90", "hyp"),
        ("425.4", ""),
        ("427.31", ""),
        ("415.0", ""),
        ("415.19", "pcd"),
        ("278.02", ""),
        ("278.01", "obes"),
        ("585.2", ""),
        ("585.6", "rf"),
        ("V45.11", "rf"),
        ("202.40", ""),
        ("203.81", "lymph"),
        ("176.0", ""),
        ("209.36", "solidtum"),
        ("199.2", ""),
        ("532.40", ""),
        ("532.41", "pud"),
        ("249.41", "diabc"),
        ("250.03", "diabunc"),
        ("285.21", "dane"),
        ("285.1", ""),
        ("311", "depre"),
        ("296.20", "psycho"),
        ("780.39", "ond"),
        ("042", "aids"),
    ],
)
def test_icd9_codes_of_version_3_7(code: str, names: str) -> None:
    assert ELIXHAUSER_AHRQ.names(code, 9) == names.split()
