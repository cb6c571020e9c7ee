"""Treatments that were refused, are planned, or have been stopped."""

from __future__ import annotations

import pytest

from tumorboard.transforms.clinical_factors import extract_factors
from tumorboard.transforms.factor_columns import cells_of


def told(text: str) -> dict[str, str]:
    """Class of each treatment -> no, hypothetical, historical or recent; of several the last."""
    return {
        f.name: "no" if f.negated else f.temporality
        for f in extract_factors(text)
        if f.kind == "treatment"
    }


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Radiotherapy was considered but not given.", ["radiotherapy"]),
        ("Radiotherapy was considered, but was never started.", ["radiotherapy"]),
        ("Chemotherapy-naive.", ["chemotherapy"]),
        ("Chemo-na\u00efve.", ["chemotherapy"]),
        ("Chemo naive patient.", ["chemotherapy"]),
        ("Chemotherapy was recommended but the patient refused.", ["chemotherapy"]),
        ("Surgery was offered, however she declined.", ["surgery"]),
        ("Chemotherapy was discussed and refused.", ["chemotherapy"]),
        ("Chemotherapy with cisplatin was not given.", ["chemotherapy"]),
        ("Chemotherapy (cisplatin) was not given.", ["chemotherapy"]),
        ("Planned surgery was cancelled.", ["surgery"]),
    ],
)
def test_refused_or_not_given(text: str, names: list[str]) -> None:
    assert told(text) == dict.fromkeys(names, "no")
    # of chemotherapy with cisplatin no mention is left that affirms it
    assert cells_of(extract_factors(text)).categories == dict.fromkeys(names, ("no",))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Craniotomy planned.", ["surgery"]),
        ("Surgery planned for June.", ["surgery"]),
        ("Mastectomy is scheduled.", ["surgery"]),
        ("Radiotherapy pending.", ["radiotherapy"]),
        ("Radiotherapy is pending approval.", ["radiotherapy"]),
        ("Radiotherapy to the left breast is planned.", ["radiotherapy"]),
        ("Chemotherapy to start.", ["chemotherapy"]),
        ("Chemotherapy to start next week.", ["chemotherapy"]),
        ("Chemotherapy will be given.", ["chemotherapy"]),
        ("Lung cancer, to start chemotherapy.", ["chemotherapy"]),
        ("Awaiting surgery.", ["surgery"]),
        ("Surgery and radiotherapy are planned.", ["surgery", "radiotherapy"]),
        ("Adjuvant chemotherapy planned.", ["treatment_setting", "chemotherapy"]),
        ("Chemoradiotherapy scheduled for next week.", ["radiotherapy", "chemotherapy"]),
    ],
)
def test_planned(text: str, names: list[str]) -> None:
    assert told(text) == dict.fromkeys(names, "hypothetical")


@pytest.mark.parametrize(
    "text",
    [
        "Tamoxifen started, was stopped.",
        "Letrozole discontinued.",
        "Tamoxifen was stopped because of hot flushes.",
        "Tamoxifen therapy has been discontinued.",
        "She discontinued letrozole in 2020.",
    ],
)
def test_stopped(text: str) -> None:
    assert told(text) == {"hormone_therapy": "historical"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tamoxifen was not stopped.", {"hormone_therapy": "recent"}),
        ("Tamoxifen was stopped and restarted in May.", {"hormone_therapy": "recent"}),
        ("Tamoxifen will be continued.", {"hormone_therapy": "recent"}),
        ("Tamoxifen to be stopped.", {"hormone_therapy": "recent"}),
        ("Prednisone started and stopped smoking.", {"steroids": "recent"}),
        ("Surgery was recommended and performed in May.", {"surgery": "recent"}),
        ("Surgery was considered successful.", {"surgery": "recent"}),
        ("Tamoxifen was advised and taken for 5 years.", {"hormone_therapy": "recent"}),
        ("Adjuvant radiotherapy was proposed; she received 50 Gy.",
         {"treatment_setting": "recent", "radiotherapy": "recent"}),
        ("Radiotherapy was proposed; she received chemotherapy.",
         {"radiotherapy": "hypothetical", "chemotherapy": "recent"}),
        ("Surgery tolerated well, biopsy pending.", {"surgery": "recent"}),
        ("Lumpectomy, pending pathology.", {"surgery": "recent"}),
        ("She went on to start chemotherapy.", {"chemotherapy": "recent"}),
        ("Tumor resected, margins negative.", {"surgery": "recent"}),
        ("Sentinel lymph node biopsy was negative.", {"surgery": "recent"}),
        ("Chemotherapy was not tolerated.", {"chemotherapy": "recent"}),
        ("She underwent surgery and declined.", {"surgery": "recent"}),
        ("Tamoxifen stopped, cisplatin started.",
         {"hormone_therapy": "historical", "chemotherapy": "recent"}),
        ("Surgery was done and radiotherapy is planned.",
         {"surgery": "recent", "radiotherapy": "hypothetical"}),
        ("Underwent lumpectomy and radiotherapy planned.",
         {"surgery": "recent", "radiotherapy": "hypothetical"}),
        ("Status post chemotherapy, surgery planned.",
         {"chemotherapy": "historical", "surgery": "hypothetical"}),
        ("Right mastectomy, radiation recommended.",
         {"surgery": "recent", "radiotherapy": "hypothetical"}),
        ("Gross total resection, adjuvant chemoradiation planned.",
         {"surgery": "recent", "treatment_setting": "hypothetical",
          "radiotherapy": "hypothetical", "chemotherapy": "hypothetical"}),
        ("Lumpectomy, then radiotherapy planned.",
         {"surgery": "recent", "radiotherapy": "hypothetical"}),
        ("Craniotomy, temozolomide to start.",
         {"surgery": "recent", "chemotherapy": "hypothetical"}),
        ("Surgery, radiotherapy and chemotherapy are planned.",
         {"surgery": "hypothetical", "radiotherapy": "hypothetical",
          "chemotherapy": "hypothetical"}),
        ("After surgery she was not given chemotherapy.",
         {"surgery": "recent", "chemotherapy": "no"}),
        ("Chemotherapy was recommended but the patient refused surgery.",
         {"chemotherapy": "hypothetical", "surgery": "no"}),
        ("Chemotherapy was given and surgery was not offered.",
         {"chemotherapy": "recent", "surgery": "no"}),
    ],
)  # fmt: skip
def test_what_is_said_of_another_stays_there(text: str, expected: dict[str, str]) -> None:
    assert told(text) == expected


def test_only_treatments_are_planned() -> None:
    found = cells_of(extract_factors("Left breast mass 2 cm, mastectomy planned."))
    assert found.numbers == {"size_mm": 20}
    assert found.categories == {"side": ("left",), "anatomic_site": ("breast",)}
