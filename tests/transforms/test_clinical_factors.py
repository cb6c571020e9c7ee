"""A whole note: every factor with its span, and whom, when and whether it is."""

from __future__ import annotations

import pytest

from tumorboard.transforms.clinical_factors import Factor, extract_factors

NOTE = """HISTORY OF PRESENT ILLNESS: 54-year-old woman with headache, denies nausea.
PAST MEDICAL HISTORY: Hypertension. Basal cell carcinoma.
FAMILY HISTORY: Mother with breast cancer. Diabetes in her father.
SOCIAL HISTORY: former smoker, 30 pack-years.
MRI: 3.2 x 2.1 x 1.8 cm enhancing mass in the left frontal lobe, suspicious for glioblastoma.
She underwent craniotomy with gross total resection. Prior chemotherapy for lymphoma.
PATHOLOGY: Glioblastoma, IDH-wildtype, WHO grade 4. MGMT promoter methylated. Ki-67 30%.
PLAN: radiotherapy with temozolomide. Return if seizures occur.
"""


def found(name: str, text: str = NOTE) -> list[Factor]:
    return [factor for factor in extract_factors(text) if factor.name == name]


def test_every_span_is_the_words_of_the_note() -> None:
    factors = extract_factors(NOTE)
    by_name = {f.name: NOTE[f.start : f.end] for f in factors}
    assert by_name["size_mm"] == "3.2 x 2.1 x 1.8 cm"
    assert by_name["idh1"] == "IDH-wildtype"
    assert by_name["grade"] == "WHO grade 4"
    assert all(0 <= f.start < f.end <= len(NOTE) for f in factors)
    assert [f.start for f in factors] == sorted(f.start for f in factors)


def test_tumour_of_the_note() -> None:
    assert found("size_mm")[0].number == 32
    assert [f.value for f in found("side")] == ["left"]
    assert [f.value for f in found("lobe")] == ["frontal"]
    assert [(f.value, f.code) for f in found("histology") if not f.uncertain][-1] == (
        "glioblastoma",
        "9440/3",
    )
    assert found("mgmt")[0].value == "positive"
    assert (found("ki67")[0].number, found("ki67")[0].unit) == (30, "%")


def test_negated_possible_past_planned_and_others() -> None:
    assert found("nausea")[0].negated
    assert not found("headache")[0].negated
    assert found("histology")[1].value == "glioblastoma"
    assert found("histology")[1].uncertain
    assert found("hypertension")[0].temporality == "historical"
    assert found("previous_cancer")[0].experiencer == "patient"
    assert found("family_history")[0].value == "breast cancer"
    assert found("family_history")[0].experiencer == "other"
    assert found("diabetes")[0].experiencer == "other"
    assert found("radiotherapy")[0].temporality == "hypothetical"
    assert [f.temporality for f in found("chemotherapy")] == ["historical", "hypothetical"]
    assert found("seizure")[0].temporality == "hypothetical"
    assert found("surgery")[0].temporality == "recent"
    assert found("pack_years")[0].number == 30
    assert found("smoking")[0].value == "former"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("He left the hospital against advice.", "side"),
        ("Right-handed man. Left ventricular function is normal.", "side"),
        ("T2 weighted images and T1 after contrast.", "t_stage"),
        ("Seen in the ER for pain.", "er"),
        ("EGFR testing is pending.", "egfr"),
        ("Frontal sinus is clear.", "lobe"),
        ("Grade 3 neutropenia.", "grade"),
        ("2.5 cm from the margin.", "size_mm"),
    ],
)
def test_what_is_no_factor(text: str, name: str) -> None:
    assert found(name, text) == []


def test_organs_count_beside_a_tumour_only() -> None:
    text = "The left kidney is normal. A mass in the right upper lobe of the lung."
    assert [f.value for f in found("side", text)] == ["right"]
    assert {f.value for f in found("anatomic_site", text)} == {"lung"}
    assert [f.value for f in found("side", "left frontal")] == ["left"]


def test_kinds_select() -> None:
    assert {f.kind for f in extract_factors(NOTE, kinds=("side", "grade"))} == {"side", "grade"}
    assert extract_factors("") == ()


@pytest.mark.parametrize(
    ("text", "value", "code"),
    [
        ("Non-small cell lung cancer.", "non-small cell carcinoma", "8046/3"),
        ("Small cell lung carcinoma.", "small cell carcinoma", "8041/3"),
        ("Infiltrating ductal carcinoma.", "invasive ductal carcinoma", "8500/3"),
        ("Ductal carcinoma in situ.", "ductal carcinoma in situ", "8500/2"),
        ("Clear cell renal cell carcinoma.", "clear cell renal cell carcinoma", "8310/3"),
    ],
)
def test_histology(text: str, value: str, code: str) -> None:
    assert [(f.value, f.code) for f in found("histology", text)] == [(value, code)]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Smoker: no.", ["never"]),
        ("Not a smoker.", ["never"]),
        ("non smoker", ["never"]),
        ("Tobacco use: none", ["never"]),
        ("Smoking status: former smoker", ["former"]),
        ("No longer a smoker.", ["former"]),
        ("Smoker: yes", ["current"]),
        ("Patient is a smoker.", ["current"]),
        ("Not a current smoker.", []),
        ("Smoker? No", []),
    ],
)
def test_smoking(text: str, values: list[str]) -> None:
    assert [f.value for f in found("smoking", text)] == values


def test_the_place_of_a_non_small_cell_cancer_is_stated() -> None:
    text = "Non-small cell lung cancer in the right upper lobe."
    assert {f.value for f in extract_factors(text) if not f.negated} == {
        "non-small cell carcinoma",
        "lung",
        "right",
        "upper lobe",
    }
