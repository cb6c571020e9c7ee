"""Sizes of tumours in mm."""

from __future__ import annotations

import pytest

from tumorboard.transforms.factor_size import find_sizes


@pytest.mark.parametrize(
    ("text", "sizes_mm"),
    [
        ("A 3.2 x 2.1 x 1.8 cm mass.", [32]),
        ("Tumor size: 2 cm", [20]),
        ("15mm nodule", [15]),
        ("lesion of 8 mm x 1.2 cm", [12]),
        ("a 1,5 cm tumour", [15]),
        ("Greatest dimension: 1.3 cm.", [13]),
        ("3.2 x 2.1 x 1.8 cm", [32]),
        ("specimen measuring 20 x 15 x 3 cm with a 1.5 cm tumor 2 mm from the margin", [15]),
        ("pT1: tumor 2 cm or less in greatest dimension", []),
        ("tumor more than 4 cm", []),
        ("5 mm slices", []),
        ("the mass covers 2 cm2 at 120 mm Hg", []),
        ("two lymph nodes, the larger 1.2 cm", []),
        ("masses of 12 mm and 2 cm", [12, 20]),
        ("Right breast 1.8 cm invasive ductal carcinoma.", [18]),
        ("Breast 1.8 cm ductal carcinoma.", [18]),
        ("Left breast mastectomy 20 cm containing a tumour of 2 cm.", [20]),
        ("Breast 15 x 10 cm with a tumour of 2 cm.", [20]),
        ("Liver 4 cm HCC.", [40]),
        ("Breast 15 x 10 cm.", []),
        ("Breslow depth 1.2 mm superficial spreading melanoma.", []),
        ("Depth of invasion 5 mm squamous cell carcinoma.", []),
        ("Closest margin 4 mm invasive carcinoma anterior.", []),
        ("Sentinel lymph node: 4 mm metastatic melanoma.", []),
        ("A distance of 1.9 cm between tumor and the margin.", []),
    ],
)
def test_sizes(text: str, sizes_mm: list[float]) -> None:
    found = list(find_sizes(text))
    assert [mention.number for mention in found] == sizes_mm
    assert all(text[m.start : m.end].rstrip().endswith(("cm", "mm")) for m in found)
