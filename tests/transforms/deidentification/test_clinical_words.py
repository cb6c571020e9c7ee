"""Names that are also titles, and words of medicine where names and towns are looked for."""

from __future__ import annotations

import pytest

from tumorboard.transforms.deidentification import deidentify, names_in
from tumorboard.transforms.deidentification.clinical_words import has_clinical, is_clinical

#: Note -> the note without identifiers.
TITLES = {
    "Mr. Pastor denies pain.": "Mr. [NAME] denies pain.",
    "Dr. Ing recommends surgery.": "Dr. [NAME] recommends surgery.",
    "Mr. Herr denies pain.": "Mr. [NAME] denies pain.",
    "Dr. Herr, MD": "Dr. [NAME], MD",
    "Patient: Herr, Mary": "Patient: [NAME]",
    "Patient: Frau Huber": "Patient: Frau [NAME]",
    "John Herr is here": "[NAME] is here",
    "Thomas Med, MD": "[NAME], MD",
    "Herr Huber, MD": "Herr [NAME], MD",
    "Dr. Med. Huber; Dr.-Ing. Roe": "Dr. Med. [NAME]; Dr.-Ing. [NAME]",
    "DR. DENT saw her": "DR. [NAME] saw her",
    "SEEN BY DR. DENT.": "SEEN BY DR. [NAME].",
    "DR. NAT TURNER": "DR. [NAME]",
    "DR. RER. NAT. HUBER": "DR. RER. NAT. [NAME]",
}  # fmt: skip
#: What stands behind a hospital.
HOSPITALS = {
    "Mercy Hospital, Temozolomide for 6 cycles": "[PLACE], Temozolomide for 6 cycles",
    "Mercy Hospital, Letrozole since 2018": "[PLACE], Letrozole since 2018",
    "Mercy Hospital, Headache for 3 weeks": "[PLACE], Headache for 3 weeks",
    "Mercy Hospital, Invasive Ductal.": "[PLACE], Invasive Ductal.",
    "Mercy Hospital Cisplatin on day 1": "[PLACE] Cisplatin on day 1",
    "Mercy Hospital Medications on Admission": "[PLACE] Medications on Admission",
    "Oncology Clinic Visit on Monday": "Oncology Clinic Visit on Monday",
    "Mercy Hospital Springfield, IL": "[PLACE] [PLACE], IL",
    "Mercy Hospital Ulm, Germany": "[PLACE] [PLACE], Germany",
    "Mercy Hospital, Springfield on Monday": "[PLACE], [PLACE] on Monday",
}  # fmt: skip
#: Names that were learnt, and words that were not.
LEARNT = {
    "Surgeon: Invasive Ductal. Ductal carcinoma": "Surgeon: Invasive Ductal. Ductal carcinoma",
    "Patient: Poorly Differentiated": "Patient: Poorly Differentiated",
    "Oncologist: Letrozole Daily. On Letrozole": "Oncologist: Letrozole Daily. On Letrozole",
    "Patient: Temozolomide Tolerated": "Patient: Temozolomide Tolerated",
    "Dr. Ductal. Ductal carcinoma": "Dr. [NAME]. Ductal carcinoma",
    "Patient: Mary Fever. Fever of 39": "Patient: [NAME]. Fever of 39",
    "Patient: Jane Daily": "Patient: [NAME]",
    "Surgeon: Whipple": "Surgeon: [NAME]",
    "MR. TANAKA came in. TANAKA reports pain.": "MR. [NAME] came in. [NAME] reports pain.",
}  # fmt: skip
#: Numbers like a German telephone's that are none.
NUMBERS = (
    "Slide 0234-567890",
    "slide no. 0234-567890",
    "Batch 0301-123456",
    "dose 0123 456789",
    "blocks: 0234-567890",
)


@pytest.mark.parametrize("text", LEARNT)
def test_words_of_medicine_are_not_learnt(text: str) -> None:
    assert deidentify(text).text == LEARNT[text]


def test_words_of_medicine_are_no_names_for_other_notes() -> None:
    assert names_in("Dr. Ductal and Dr. Tanaka") == ("Tanaka",)
    assert deidentify("On Letrozole", learnt=["Letrozole"]).text == "On Letrozole"


def test_a_first_name_makes_a_name_of_a_word_of_medicine() -> None:
    assert is_clinical("Fever")
    assert is_clinical("DUCTAL")
    assert not is_clinical("Whipple")
    assert has_clinical("Invasive Ductal")
    assert not has_clinical("Mary Fever")


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_of_a_slide_is_no_telephone(text: str) -> None:
    assert deidentify(text).text == text


@pytest.mark.parametrize("text", HOSPITALS)
def test_words_of_medicine_behind_a_hospital_are_no_towns(text: str) -> None:
    assert deidentify(text).text == HOSPITALS[text]


@pytest.mark.parametrize("text", TITLES)
def test_a_title_with_no_name_behind_is_the_name(text: str) -> None:
    assert deidentify(text).text == TITLES[text]
