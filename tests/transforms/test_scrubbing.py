"""Statements that are cut out of notes, and what looks like them and stays."""

from __future__ import annotations

import pytest

from tumorboard.errors import StudyError
from tumorboard.transforms.scrubbing import Scrubber


@pytest.mark.parametrize(
    ("name", "text", "left"),
    [
        ("t_stage", "Stage: pT2a N0 MX", "Stage: N0 MX"),
        ("t_stage", "T2N0M0", "N0M0"),
        ("t_stage", "pT3a,N2,MX and ypT0", ",N2,MX and"),
        ("t_stage", "pTNM: pT1: Tumor 2 cm or less. pN0: none", "pTNM: . pN0: none"),
        ("t_stage", "extends into fat (pT3).", "extends into fat ( )."),
        ("t_stage", "stage T: 2, T stage 3b", ","),
        ("t_stage", "Primary tumour (pT): pT4b", "Primary tumour"),
        ("t_stage", "pTl, PT 2, pT1(m), Tis, pt3a, t2n0m0", ", , , , , n0m0"),
        ("n_stage", "T2 N1mi M0, pN0(sn), NX, T2 NO MX, t2n0m0", "T2 M0, , , T2 MX, t2 m0"),
        ("m_stage", "T2 N1 M0, cM1a, MX", "T2 N1 , ,"),
        ("stage", "AJCC stage IIIA; Stage group: II, FIGO IIIC, Dukes B", "; , ,"),
        ("grade", "WHO grade II, G3, high-grade, Gleason 3+4=7", ", , ,"),
        ("grade", "Nottingham grade 2 of 3; poorly differentiated", ";"),
        ("side", "Left breast, right-sided; bilateral", "breast, ;"),
        ("/bra[fs]\\w*/", "BRAFV600E and KRAS", "and KRAS"),
    ],
)
def test_statements_go(name: str, text: str, left: str) -> None:
    assert Scrubber([name]).scrub(text)[0].strip() == left


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "t_stage",
            "T2-weighted, T1 FLAIR, T2 signal, T12 vertebra, CT 2, HT29, Test 2, CD3 T cell",
        ),
        ("n_stage", "No 3, in 2 nodes, CN V, N = 30. NO TUMOR, NO METASTASIS"),
        ("m_stage", "1 M, mm 0, BM 1, am, MOST"),
        ("stage", "staging CT, stages, at this stage"),
        ("grade", "fever, upgrade, graded, G1 phase cells"),
        ("side", "upright, leftover, alright"),
    ],
)
def test_what_looks_alike_stays(name: str, text: str) -> None:
    assert Scrubber([name]).scrub(text) == (text, 0)


def test_statements_are_counted_and_lines_kept() -> None:
    assert Scrubber(["t_stage", "n_stage"]).scrub("T2 N1\nleft  lung\npT2") == ("\nleft lung\n", 3)
    assert Scrubber([]).scrub("T2  N1") == ("T2  N1", 0)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(
        StudyError, match=r"'t_stag' is not a known statement. Did you mean 't_stage'"
    ):
        Scrubber(["t_stag"])
    with pytest.raises(StudyError, match="no regular expression"):
        Scrubber(["/(/"])
