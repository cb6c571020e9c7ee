"""Stages and grades."""

from __future__ import annotations

import pytest

from tumorboard.transforms.factor_stage import find_grades, find_stages


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("pT2N1M0", ["T2", "N1", "M0"]),
        ("ypT1c, N0(sn), cM0", ["T1c", "N0(sn)", "M0"]),
        ("tumor stage of p T 4, p N 0, M X, L 1", ["T4", "N0", "MX"]),
        ("pTis", ["Tis"]),
        ("Primary Tumor (pT): pT2. Regional (pN): pN1", ["T2", "N1"]),
        ("stage IIIA disease", ["IIIA"]),
        ("AJCC Stage 2b", ["IIB"]),
        ("staged as T3 N2b M0", ["T3", "N2b", "M0"]),
        ("FIGO stage IIIC", ["IIIC"]),
        ("T2 hyperintense, T4 vertebra, L1", []),
        ("early stage disease", []),
        ("3.2 cm x 2.1 cm x 1.8 cm", []),
        ("19 cm X 17 cm X 3 cm", []),
        ("19 CM X 17 CM X. 3 CM", []),
        ("pT2 cMX, 3 nodes", ["T2", "MX"]),
        ("pt2 n0 cmx", ["T2", "N0", "MX"]),
    ],
)
def test_stages(text: str, values: list[str]) -> None:
    assert [mention.value for mention in find_stages(text)] == values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("WHO grade IV", [("grade", "4")]),
        ("CNS WHO grade 3", [("grade", "3")]),
        ("Nottingham grade 2", [("grade", "2")]),
        ("Fuhrman nuclear grade 3", [("grade", "3")]),
        ("G3", [("grade", "3")]),
        ("moderately to poorly differentiated", [("grade", "3")]),
        ("high-grade glioma", [("grade_class", "high")]),
        ("Gleason 3+4=7", [("gleason_score", "3+4")]),
        ("Gleason score 4+4=7", []),
        ("grade group 2", [("grade_group", "2")]),
        ("Nottingham score: 7/9", [("nottingham_score", "7")]),
        ("grade 3 neutropenia", []),
        ("G2P1", []),
    ],
)
def test_grades(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(mention.name, mention.value) for mention in find_grades(text)] == expected
