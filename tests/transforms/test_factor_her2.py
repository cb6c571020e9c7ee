"""HER2 by stain and by in-situ hybridisation."""

from __future__ import annotations

import pytest

from tumorboard.transforms.clinical_factors import extract_factors
from tumorboard.transforms.factor_columns import cells_of


@pytest.mark.parametrize(
    ("text", "values", "decided"),
    [
        ("HER2 negative by IHC, positive by FISH.", ["negative", "positive"], "positive"),
        ("HER2 positive by IHC, negative by FISH.", ["positive", "negative"], "negative"),
        ("HER2 positive by FISH, negative by IHC.", ["negative", "positive"], "positive"),
        ("HER2 negative by IHC but amplified by FISH.", ["negative", "positive"], "positive"),
        ("HER2 negative by IHC; FISH positive.", ["negative", "positive"], "positive"),
        ("HER2 by IHC negative, by FISH positive.", ["negative", "positive"], "positive"),
        ("HER2 2+ by IHC, negative by FISH.", ["negative"], "negative"),
        ("HER2 IHC 2+, FISH pending.", ["equivocal"], "equivocal"),
        ("HER2 FISH: not amplified.", ["negative"], "negative"),
        ("HER2 negative by IHC, ER positive.", ["negative"], "negative"),
    ],
)
def test_both_are_kept_and_in_situ_decides(text: str, values: list[str], decided: str) -> None:
    factors = [factor for factor in extract_factors(text) if factor.name == "her2"]
    assert [factor.value for factor in factors] == values
    assert cells_of(factors).categories["her2"] == (decided,)
