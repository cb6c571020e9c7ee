"""Quan's 31 Elixhauser categories: names, order, and codes of the paper's table 2."""

from __future__ import annotations

import pytest

from tumorboard.formats.elixhauser_quan import ELIXHAUSER_QUAN
from tumorboard.formats.icd_codes import expand

NAMES = [
    "chf", "carit", "valv", "pcd", "pvd", "hypunc", "hypc", "para", "ond", "cpd", "diabunc",
    "diabc", "hypothy", "rf", "ld", "pud", "aids", "lymph", "metacanc", "solidtum", "rheumd",
    "coag", "obes", "wloss", "fed", "blane", "dane", "alcohol", "drug", "psycho", "depre",
]  # fmt: skip


def test_names_and_order() -> None:
    assert ELIXHAUSER_QUAN.columns == tuple(f"elixhauser_{name}" for name in NAMES)
    assert list(ELIXHAUSER_QUAN.icd10) == NAMES


@pytest.mark.parametrize(
    ("code", "version", "names"),
    [
        ("404.93", 9, "chf hypc rf"),
        ("402.01", 9, "chf hypc"),
        ("402.00", 9, "hypc"),
        ("425.5", 9, "chf alcohol"),
        ("426.11", 9, ""),
        ("426.13", 9, "carit"),
        ("416.9", 9, "pcd cpd"),
        ("334.1", 9, "para ond"),
        ("250.33", 9, "diabunc"),
        ("250.80", 9, "diabc"),
        ("V45.11", 9, "rf"),
        ("588.81", 9, ""),
        ("585.6", 9, "rf"),
        ("571.2", 9, "ld alcohol"),
        ("571.5", 9, "ld"),
        ("070.32", 9, "ld"),
        ("531.40", 9, ""),
        ("173.3", 9, ""),
        ("203.10", 9, ""),
        ("296.54", 9, "psycho depre"),
        ("285.9", 9, ""),
        ("V65.42", 9, "drug"),
        ("V65.4", 9, ""),
        ("I42.6", 10, "chf alcohol"),
        ("I13.2", 10, "chf hypc"),
        ("I13.11", 10, "hypc rf"),
        ("I27.82", 10, "pcd cpd"),
        ("E11.65", 10, "diabc"),
        ("E11.9", 10, "diabunc"),
        ("K70.30", 10, "ld alcohol"),
        ("C44.9", 10, ""),
        ("C50.911", 10, "solidtum"),
        ("C90.00", 10, "lymph"),
        ("C91.00", 10, ""),
        ("B23", 10, ""),
        ("F20.4", 10, "psycho depre"),
        ("F31.5", 10, "psycho depre"),
        ("F42.2", 10, ""),
        ("F17.210", 10, ""),
        ("D50.0", 10, "blane"),
    ],
)
def test_codes_of_the_paper(code: str, version: int, names: str) -> None:
    assert ELIXHAUSER_QUAN.names(code, version) == names.split()


def test_number_of_prefixes_by_category() -> None:
    """Counted by hand in the paper's table, ranges written out."""
    counts = {name: len(expand(ELIXHAUSER_QUAN.icd9[name])) for name in NAMES}
    assert (counts["chf"], counts["carit"], counts["ld"], counts["solidtum"]) == (17, 20, 25, 55)
    counts = {name: len(expand(ELIXHAUSER_QUAN.icd10[name])) for name in NAMES}
    assert (counts["chf"], counts["ond"], counts["diabc"], counts["solidtum"]) == (14, 22, 35, 70)
