"""Sides of tumours, and of what is none."""

from __future__ import annotations

import pytest

from tumorboard.transforms.clinical_factors import extract_factors


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("Right hemiparesis. Left temporal lobe tumour.", ["left"]),
        ("Right hemiparesis from a left temporal lobe tumour.", ["left"]),
        ("Right arm weakness due to a left frontal glioma.", ["left"]),
        ("Left temporal lobe tumour, weakness of the right arm.", ["left"]),
        ("Left-sided facial droop with a mass in the right frontal lobe.", ["right"]),
        ("Right visual field defect with a mass in the left occipital lobe.", ["left"]),
        ("Left parietal mass, moves the right leg poorly.", ["left"]),
        ("Bilateral leg weakness; midline cerebellar mass.", ["midline"]),
        ("Right hemiparesis.", []),
        ("She drops things from her right hand.", []),
        ("Melanoma of the right arm.", ["right"]),
        ("Soft tissue sarcoma, left lower leg.", ["left"]),
        ("Right breast mass and left lung nodule.", ["right", "left"]),
        ("Seizures in the left temporal lobe tumor", ["left"]),
        ("Visual deficit in right occipital glioblastoma", ["right"]),
        ("weakness in left frontal tumor", ["left"]),
        ("Weakness on the left from a right frontal tumor.", ["right"]),
        ("Left arm melanoma with right axillary node metastasis.", ["left", "right"]),
        ("Melanoma of the right leg, now with left lung metastasis.", ["right", "left"]),
    ],
)
def test_the_side_of_a_sign_is_not_the_tumours(text: str, sides: list[str]) -> None:
    assert [f.value for f in extract_factors(text) if f.name == "side"] == sides
