"""Context of a mention: hand-written sentences, and the public test set of NegEx and ConText."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import pytest

from tumorboard.transforms.sentence_context import Context, contexts, sentences

DATA = os.environ.get("TUMORBOARD_DATA")


def context(sentence: str, concept: str) -> Context:
    start = sentence.lower().index(concept.lower())
    return contexts(sentence, [(start, start + len(concept))])[0]


@pytest.mark.parametrize(
    ("sentence", "concept", "negated"),
    [
        ("No evidence of metastasis.", "metastasis", True),
        ("The patient denies fever, chills or headache.", "headache", True),
        ("Metastasis was ruled out.", "metastasis", True),
        ("Edema is not present.", "edema", True),
        ("No fever but has a cough.", "cough", False),
        ("There is no change in the mass.", "mass", False),
        ("No increase in the nodule.", "nodule", False),
        ("Gram negative sepsis.", "sepsis", False),
        ("Margins are free of carcinoma.", "carcinoma", True),
        ("He has a headache; no nausea.", "headache", False),
        ("Seizures resolved.", "seizures", True),
        ("Negative for malignancy. Cough noted.", "cough", False),
        ("Prior radiotherapy denied.", "radiotherapy", True),
        ("Has a cough, denied fever.", "cough", False),
        ("Chemotherapy was not given.", "chemotherapy", True),
        ("Chemotherapy has not been given.", "chemotherapy", True),
        ("Chemotherapy was never given.", "chemotherapy", True),
        ("Radiotherapy is not indicated.", "radiotherapy", True),
        ("She declined radiotherapy.", "radiotherapy", True),
        ("She declined to undergo surgery.", "surgery", True),
        ("She refuses chemotherapy.", "chemotherapy", True),
        ("Chemotherapy was declined.", "chemotherapy", True),
        ("Chemotherapy was offered but declined.", "chemotherapy", True),
        ("He has not had chemotherapy.", "chemotherapy", True),
        ("He has not received radiotherapy.", "radiotherapy", True),
        ("After surgery she has not received chemotherapy.", "surgery", False),
        ("Surgery and chemotherapy were not given.", "surgery", True),
        ("Surgery was done, chemotherapy was not given.", "surgery", False),
        ("Surgery was done and chemotherapy was not given.", "surgery", False),
        ("Underwent lumpectomy, declined radiotherapy.", "lumpectomy", False),
        ("Health declined after chemotherapy.", "chemotherapy", False),
        ("She refused morphine for the pain.", "pain", False),
        ("Chemotherapy was not tolerated.", "chemotherapy", False),
        ("Hypertension: no.", "hypertension", True),
        ("Hypertension: No Diabetes: Yes", "diabetes", False),
        ("Chemotherapy: no, radiotherapy: yes.", "radiotherapy", False),
        ("Hypertension (no), diabetes (yes)", "hypertension", True),
        ("Diagnosis: no tumour.", "tumour", True),
        ("Mass (No. 3) in the breast.", "mass", False),
        ("Non-diabetic.", "diabetic", True),
        ("Seizure-free since 2018.", "seizure", True),
        ("Seizure free.", "seizure", True),
        ("Pain-free.", "pain", True),
        ("No longer pain-free.", "pain", False),
        ("Pain, free fluid in the pelvis.", "pain", False),
        ("Pain free fluid.", "pain", False),
        ("She was not given chemotherapy.", "chemotherapy", True),
        ("She was not given chemotherapy or radiotherapy.", "radiotherapy", True),
        ("She was not given chemotherapy, radiotherapy was given.", "radiotherapy", False),
        ("She was not given chemotherapy, radiotherapy was given.", "chemotherapy", True),
        ("She was not given chemotherapy and underwent mastectomy.", "mastectomy", False),
        ("She was not given chemotherapy, underwent mastectomy.", "mastectomy", False),
        ("He was not given adjuvant radiotherapy after lobectomy.", "lobectomy", False),
        ("After surgery she was not given chemotherapy.", "surgery", False),
        ("Non-neoplastic liver.", "liver", True),
        ("Non-small cell lung cancer in the right upper lobe.", "right", False),
        ("Non-enhancing left temporal tumour.", "temporal", False),
        ("Non enhancing lesion in the right frontal lobe.", "frontal", False),
    ],
)
def test_negation(sentence: str, concept: str, negated: bool) -> None:
    assert context(sentence, concept).negated is negated


@pytest.mark.parametrize(
    ("sentence", "concept"),
    [
        ("Suspicious for glioblastoma.", "glioblastoma"),
        ("Rule out metastasis.", "metastasis"),
        ("A metastasis cannot be excluded.", "metastasis"),
        ("Cannot exclude a recurrence.", "recurrence"),
        ("A recurrence must be excluded.", "recurrence"),
        ("Lymphoma versus abscess.", "abscess"),
    ],
)
def test_possible_is_not_negated(sentence: str, concept: str) -> None:
    found = context(sentence, concept)
    assert found.uncertain
    assert not found.negated


@pytest.mark.parametrize(
    ("sentence", "concept", "temporality"),
    [
        ("History of breast cancer.", "breast cancer", "historical"),
        ("Status post craniotomy in 2019.", "craniotomy", "historical"),
        ("PAST MEDICAL HISTORY: asthma, hypertension.", "hypertension", "historical"),
        ("Two-day history of fever.", "fever", "recent"),
        ("History of present illness: headache.", "headache", "recent"),
        ("Return if the headache gets worse.", "headache", "hypothetical"),
        ("Call for fever or bleeding.", "bleeding", "hypothetical"),
        ("Presents with headache.", "headache", "recent"),
        ("The mass measures 35 mm (previously 42 mm).", "35 mm", "recent"),
        ("The mass measures 35 mm (previously 42 mm).", "42 mm", "historical"),
        ("Mass now 20 mm (previously 42 mm).", "20 mm", "recent"),
        ("Mass 20 mm (42 mm previously) in the left breast.", "20 mm", "recent"),
        ("Mass 20 mm, previously 42 mm.", "20 mm", "recent"),
        ("Appendectomy (2 years ago).", "appendectomy", "historical"),
        ("Tumour (prior surgery) of the left breast.", "surgery", "historical"),
        ("Tumour (prior surgery) of the left breast.", "left", "recent"),
        ("History of asthma, presents with cough.", "cough", "recent"),
    ],
)
def test_temporality(sentence: str, concept: str, temporality: str) -> None:
    assert context(sentence, concept).temporality == temporality


@pytest.mark.parametrize(
    ("sentence", "concept", "experiencer"),
    [
        ("Mother had breast cancer.", "breast cancer", "other"),
        ("Family history of colon cancer.", "colon cancer", "other"),
        ("Lung cancer in his father.", "lung cancer", "other"),
        ("Mother with diabetes, but the patient has asthma.", "asthma", "patient"),
        ("His wife reports headache.", "headache", "patient"),
    ],
)
def test_experiencer(sentence: str, concept: str, experiencer: str) -> None:
    assert context(sentence, concept).experiencer == experiencer


def test_a_mention_does_not_negate_itself() -> None:
    sentence = "No findings to suggest malignancy."
    assert not contexts(sentence, [(0, len(sentence) - 1)])[0].negated


def test_sentences_cover_the_text_and_keep_decimals_and_titles() -> None:
    text = "Dr. Ahn saw a 2.5 cm mass.\nIt was\nfirm. No nodes.\n\n- Plan: MRI"
    parts = [text[a:b].strip() for a, b in sentences(text)]
    assert parts == ["Dr. Ahn saw a 2.5 cm mass.", "It was\nfirm.", "No nodes.", "- Plan: MRI"]
    assert "".join(text[a:b] for a, b in sentences(text)) == text


def test_capitals_end_sentences_and_text_without_stops_is_cut() -> None:
    text = "INVOLVING THE DERMIS. NO NODES. J. SMITH"
    assert [text[a:b].strip() for a, b in sentences(text)][:2] == [
        "INVOLVING THE DERMIS.",
        "NO NODES.",
    ]
    long = "no " * 4000
    parts = sentences(long)
    assert max(b - a for a, b in parts) <= 1500
    assert "".join(long[a:b] for a, b in parts).strip() == long.strip()


def span_in(sentence: str, concept: str) -> tuple[int, int] | None:
    """Place of the concept, which stands in capitals in its sentence."""
    words = [re.escape(word) for word in concept.split()]
    capitals = r"\s+".join(re.escape(word.upper()) for word in concept.split())
    match = re.search(capitals, sentence) or re.search(r"\s+".join(words), sentence, re.IGNORECASE)
    return match.span() if match else None


def f1(truth: list[bool], found: list[bool]) -> float:
    both = sum(t and f for t, f in zip(truth, found, strict=True))
    return 2 * both / (sum(truth) + sum(found))


@pytest.mark.realdata
def test_context_sentences() -> None:
    path = Path(DATA or "", "context-sentences", "sentences.csv")
    if DATA is None or not path.is_file():
        pytest.skip("TUMORBOARD_DATA does not name a folder that holds context-sentences/")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    found = [
        contexts(row["sentence"], [span])[0] if span else Context()
        for row in rows
        for span in [span_in(row["sentence"], row["concept"])]
    ]
    assert len(found) == 1591
    negated = f1([r["negation"] == "Negated" for r in rows], [c.negated for c in found])
    past = f1(
        [r["temporality"] == "Historical" for r in rows],
        [c.temporality == "historical" for c in found],
    )
    hypothetical = f1(
        [r["temporality"] == "Not particular" for r in rows],
        [c.temporality == "hypothetical" for c in found],
    )
    other = f1(
        [r["experiencer"] != "Patient" for r in rows], [c.experiencer == "other" for c in found]
    )
    assert negated >= 0.97
    assert past >= 0.65
    assert hypothetical >= 0.90
    assert other >= 0.75
