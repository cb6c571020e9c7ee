"""One folding of units for a cell and for a column."""

from __future__ import annotations

import polars as pl

from tumorboard.transforms.lab_units import folded, folded_column


def test_case_blanks_and_the_two_micro_signs_make_no_other_unit() -> None:
    cells = ["mg/dL", " MG / dl", "\u00b5mol/L", "\u03bcMOL/l", "umol/L", "", "  ", None]
    expected = ["mg/dl", "mg/dl", "\u03bcmol/l", "\u03bcmol/l", "umol/l", "", "", ""]
    assert [folded(cell) for cell in cells] == expected
    column = pl.DataFrame({"unit": cells}).select(folded_column(pl.col("unit")))["unit"]
    assert column.fill_null("").to_list() == expected
    assert column.null_count() == 3
