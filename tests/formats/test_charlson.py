"""Charlson's 17 categories: names, order, and codes of Quan's table 1."""

from __future__ import annotations

import pytest

from tumorboard.formats.charlson import CHARLSON

NAMES = [
    "ami", "chf", "pvd", "cevd", "dementia", "copd", "rheumd", "pud", "mld", "diab", "diabwc",
    "hp", "rend", "canc", "msld", "metacanc", "aids",
]  # fmt: skip


def test_names_and_order() -> None:
    assert CHARLSON.columns == tuple(f"charlson_{name}" for name in NAMES)
    assert list(CHARLSON.icd10) == NAMES


@pytest.mark.parametrize(
    ("code", "version", "names"),
    [
        ("410.71", 9, "ami"),
        ("411.1", 9, ""),
        ("412", 9, "ami"),
        ("404.03", 9, "chf rend"),
        ("404.01", 9, "chf"),
        ("362.34", 9, "cevd"),
        ("437.3", 9, "pvd cevd"),
        ("294.10", 9, "dementia"),
        ("714.30", 9, ""),
        ("250.80", 9, "diab"),
        ("250.40", 9, "diabwc"),
        ("583.89", 9, ""),
        ("583.7", 9, "rend"),
        ("588.1", 9, ""),
        ("173.0", 9, ""),
        ("176.0", 9, "canc"),
        ("238.6", 9, "canc"),
        ("572.2", 9, "msld"),
        ("571.2", 9, "mld"),
        ("199.1", 9, "metacanc"),
        ("042", 9, "aids"),
        ("I25.2", 10, "ami"),
        ("I25.10", 10, ""),
        ("E10.10", 10, "diab"),
        ("E11.65", 10, "diab"),
        ("E11.22", 10, "diabwc"),
        ("K70.40", 10, "msld"),
        ("K70.30", 10, "mld"),
        ("I85.01", 10, "msld"),
        ("N03.2", 10, "rend"),
        ("C91.10", 10, "canc"),
        ("C44.31", 10, ""),
        ("C78.7", 10, "metacanc"),
        ("G31.1", 10, "dementia"),
        ("B23", 10, ""),
    ],
)
def test_codes_of_the_paper(code: str, version: int, names: str) -> None:
    assert CHARLSON.names(code, version) == names.split()
