"""Biomarkers with their results."""

from __future__ import annotations

import pytest

from tumorboard.transforms.factor_biomarkers import find_biomarkers


def results(text: str) -> dict[str, str]:
    return {mention.name: mention.value for mention in find_biomarkers(text)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ER+/PR-/HER2-", {"er": "positive", "pr": "negative", "her2": "negative"}),
        ("ER and PR positive", {"er": "positive", "pr": "positive"}),
        ("HER2 3+", {"her2": "positive", "her2_ihc": "3+"}),
        ("HER2: 1+", {"her2": "negative", "her2_ihc": "1+"}),
        ("HER2 2+ (equivocal), FISH negative", {"her2": "negative", "her2_ihc": "2+"}),
        ("HER2 2+, FISH amplified", {"her2": "positive", "her2_ihc": "2+"}),
        ("HER2 IHC 2+", {"her2": "equivocal", "her2_ihc": "2+"}),
        ("triple-negative", {"er": "negative", "pr": "negative", "her2": "negative"}),
        ("Estrogen receptor: positive (95%)", {"er": "positive", "er_percent": "95 %"}),
        ("PR <1%", {"pr": "negative", "pr_percent": "0.5 %"}),
        ("Ki-67 15-20%", {"ki67": "17.5 %"}),
        ("EGFR L858R mutation", {"egfr": "positive", "egfr_variant": "L858R"}),
        ("EGFR mutation was not detected", {"egfr": "negative"}),
        ("No ALK rearrangement or EGFR mutation", {"alk": "negative", "egfr": "negative"}),
        ("negative for EGFR and ALK; positive for KRAS G12C",
         {"egfr": "negative", "alk": "negative", "kras": "positive", "kras_variant": "G12C"}),
        ("IDH-wildtype", {"idh1": "negative"}),
        ("1p/19q codeleted, MGMT unmethylated",
         {"codeletion_1p19q": "positive", "mgmt": "negative"}),
        ("MSI-high", {"msi": "positive"}),
        ("microsatellite stable", {"msi": "negative"}),
        ("pMMR", {"msi": "negative"}),
        ("PD-L1 TPS 60%", {"pdl1_percent": "60 %"}),
        ("PD-L1 CPS 10", {"pdl1_score": "10"}),
        ("PSA 12.4 ng/ml", {"psa": "12.4 ng/ml"}),
        ("KRAS testing pending", {}),
    ],
)  # fmt: skip
def test_results(text: str, expected: dict[str, str]) -> None:
    assert results(text) == expected


def test_the_span_holds_the_evidence() -> None:
    text = "The tumour is ER positive."
    (mention,) = find_biomarkers(text)
    assert text[mention.start : mention.end] == "ER positive"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("EGFR L858R not detected.", {"egfr": "negative"}),
        ("BRAF V600E: not detected.", {"braf": "negative"}),
        ("IDH1 R132H: negative / wild-type", {"idh1": "negative"}),
        ("EGFR exon 19 deletion not detected", {"egfr": "negative"}),
        ("EGFR T790M: negative", {"egfr": "negative"}),
        ("EGFR: T790M negative", {"egfr": "negative"}),
        ("EGFR: negative for L858R and T790M", {"egfr": "negative"}),
        ("BRAF V600E: no mutation detected", {"braf": "negative"}),
        ("EGFR: no L858R mutation detected", {"egfr": "negative"}),
        ("EGFR amplification is not seen", {"egfr": "negative"}),
        ("IDH1 R132H (-)", {"idh1": "negative"}),
        ("Mutation of BRAF was not detected", {"braf": "negative"}),
        ("EGFR L858R positive, T790M negative", {"egfr": "positive", "egfr_variant": "L858R"}),
        ("EGFR T790M negative, L858R positive", {"egfr": "positive", "egfr_variant": "L858R"}),
        ("EGFR exon 19 deletion, no T790M",
         {"egfr": "positive", "egfr_variant": "exon 19 deletion"}),
        ("EGFR L858R mutation, metastasis not identified",
         {"egfr": "positive", "egfr_variant": "L858R"}),
        ("EGFR mutation positive: L858R", {"egfr": "positive", "egfr_variant": "L858R"}),
        ("EGFR L858R testing pending", {}),
        ("KRAS and BRAF: negative", {"kras": "negative", "braf": "negative"}),
        ("KRAS G12C and BRAF V600E: negative", {"kras": "negative", "braf": "negative"}),
        ("KRAS G12C, NRAS Q61R and BRAF V600E not detected",
         {"kras": "negative", "nras": "negative", "braf": "negative"}),
        ("NRAS G12D, BRAF V600E: not detected", {"nras": "negative", "braf": "negative"}),
        ("KRAS G12D, BRAF wild-type",
         {"kras": "positive", "kras_variant": "G12D", "braf": "negative"}),
        ("KRAS G12C and BRAF V600E detected",
         {"kras": "positive", "kras_variant": "G12C", "braf": "positive", "braf_variant": "V600E"}),
        ("KRAS G12D positive, BRAF V600E negative",
         {"kras": "positive", "kras_variant": "G12D", "braf": "negative"}),
        ("MGMT promoter is not methylated.", {"mgmt": "negative"}),
    ],
)  # fmt: skip
def test_a_variant_that_was_not_found_is_negative(text: str, expected: dict[str, str]) -> None:
    assert results(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HER2 0", {"her2": "negative", "her2_ihc": "0"}),
        ("HER2 IHC 0", {"her2": "negative", "her2_ihc": "0"}),
        ("HER2 IHC 0/3+", {"her2": "negative", "her2_ihc": "0"}),
        ("HER2 IHC score: 1", {"her2": "negative", "her2_ihc": "1+"}),
        ("HER2 0.9", {}),
        ("HER2 pending, 0 of 3 nodes", {}),
    ],
)
def test_a_stain_without_a_word_is_a_result(text: str, expected: dict[str, str]) -> None:
    assert results(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("EGFR mutation was ruled out.", {"egfr": "negative"}),
        ("EGFR mutation excluded.", {"egfr": "negative"}),
        ("EGFR mutation: none.", {"egfr": "negative"}),
        ("EGFR mutation: no.", {"egfr": "negative"}),
        ("EGFR mutations detected: none.", {"egfr": "negative"}),
        ("KRAS G12C: none.", {"kras": "negative"}),
        ("BRAF V600E mutation ruled out.", {"braf": "negative"}),
        ("HPV testing ordered: No.", {}),
        ("EGFR testing: none.", {}),
        ("ALK rearrangement excluded.", {"alk": "negative"}),
        ("HER2 amplification excluded.", {"her2": "negative"}),
        ("IDH mutation was ruled out.", {"idh1": "negative"}),
        ("1p/19q codeletion ruled out.", {"codeletion_1p19q": "negative"}),
        ("MSI-high excluded", {"msi": "negative"}),
        ("Microsatellite instability: not detected", {"msi": "negative"}),
        ("Microsatellite instability high", {"msi": "positive"}),
        ("EGFR mutation detected, ALK rearrangement excluded.",
         {"egfr": "positive", "alk": "negative"}),
        ("EGFR L858R mutation, brain metastases excluded.",
         {"egfr": "positive", "egfr_variant": "L858R"}),
        ("EGFR L858R positive, metastases: none.",
         {"egfr": "positive", "egfr_variant": "L858R"}),
    ],
)  # fmt: skip
def test_what_was_excluded_is_negative(text: str, expected: dict[str, str]) -> None:
    assert results(text) == expected
