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
