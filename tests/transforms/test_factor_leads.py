"""What stands before a biomarker."""

from __future__ import annotations

import pytest

from tumorboard.transforms.factor_biomarkers import find_biomarkers


def results(text: str) -> dict[str, str]:
    return {mention.name: mention.value for mention in find_biomarkers(text)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Test for EGFR mutation.", {}),
        ("Tested for EGFR mutation and ALK rearrangement.", {}),
        ("Test for mutation in EGFR.", {}),
        ("Test for microsatellite instability.", {}),
        ("Awaiting IDH1 mutation.", {}),
        ("Awaiting results of EGFR mutation.", {}),
        ("EGFR mutation results are pending.", {}),
        ("EGFR mutation requested.", {}),
        ("Tested for EGFR mutation: positive.", {"egfr": "positive"}),
        ("Testing for EGFR mutation was negative.", {"egfr": "negative"}),
        ("Tested positive for EGFR mutation.", {"egfr": "positive"}),
        ("Awaiting IDH1 mutation; MGMT methylated.", {"mgmt": "positive"}),
        ("Tested for EGFR mutation, none was found.", {}),
        ("Tested for EGFR mutation, results: pending.", {}),
        ("Tested for EGFR L858R mutation.", {}),
        ("Tested for EGFR mutation, found to have pneumonia.", {}),
        ("Tested for EGFR mutation, positive for lung cancer.", {}),
        ("Tested for EGFR mutation and found to have L858R.",
         {"egfr": "positive", "egfr_variant": "L858R"}),
    ],
)  # fmt: skip
def test_what_was_asked_for_is_no_result(text: str, expected: dict[str, str]) -> None:
    assert results(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Molecular testing for BRAF mutation was positive for V600E.",
         {"braf": "positive", "braf_variant": "V600E"}),
        ("Tested for EGFR and found L858R mutation.",
         {"egfr": "positive", "egfr_variant": "L858R"}),
        ("Screening for EGFR revealed an exon 19 deletion.",
         {"egfr": "positive", "egfr_variant": "exon 19 deletion"}),
        ("Sequenced for KRAS: G12D.", {"kras": "positive", "kras_variant": "G12D"}),
        ("Tested for ALK rearrangement, which was found.", {"alk": "positive"}),
        ("Assessment for ER 90%", {"er": "positive", "er_percent": "90 %"}),
    ],
)  # fmt: skip
def test_a_result_behind_what_was_asked_for(text: str, expected: dict[str, str]) -> None:
    assert results(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Seen in ER, negative work-up.", {}),
        ("Seen in the ER, negative work-up.", {}),
        ("Sent to our local ER, positive troponin.", {}),
        ("Presented at ER with negative CT.", {}),
        ("Converted from ER positive to ER negative.", {"er": "negative"}),
        ("Loss in ER expression, ER 5%.", {"er": "positive", "er_percent": "5 %"}),
        ("Seen in ER/PR positive tumours.", {"er": "positive", "pr": "positive"}),
        ("ER, negative.", {"er": "negative"}),
    ],
)
def test_an_emergency_room_is_no_receptor(text: str, expected: dict[str, str]) -> None:
    assert results(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sequencing ruled out EGFR mutation.", {"egfr": "negative"}),
        ("No EGFR mutation; ALK rearrangement detected.", {"egfr": "negative", "alk": "positive"}),
        ("No EGFR mutation but KRAS G12C mutation.",
         {"egfr": "negative", "kras": "positive", "kras_variant": "G12C"}),
    ],
)  # fmt: skip
def test_denied_before(text: str, expected: dict[str, str]) -> None:
    assert results(text) == expected
