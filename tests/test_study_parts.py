"""Parts that a study names: found, filled in, and what does not fit together."""

from __future__ import annotations

from typing import Any

import pytest

from tumorboard.errors import StudyError
from tumorboard.study_faults import Faults
from tumorboard.study_keys import CohortTable
from tumorboard.study_parts import (
    ModalityPart,
    read_component,
    read_encoder,
    read_modality,
    read_source,
)


def test_source_takes_its_own_keys_beside_ours() -> None:
    cohort = CohortTable.model_validate({"table": "p.csv", "missing": ["", "NA"], "require": []})
    resolved = read_source(cohort)
    assert resolved["table"] == "p.csv"
    assert resolved["missing"] == ["", "NA"]
    assert "require" not in resolved


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"source": "foldr", "table": "p.csv"}, r"cohort\.source: 'foldr' is not a known source"),
        (
            {"source": "bratz"},
            r"cohort\.source: 'bratz' is not a known source\. Did you mean 'brats'",
        ),
        ({}, r"cohort\.table: missing\. Add this key\."),
        ({"table": "p.csv", "patient": "x"}, r"cohort\.patient: unknown key\. Did you mean"),
        ({"table": "p.csv", "institut": "x"}, r"cohort\.institut: .* Did you mean 'institution'\?"),
    ],
)
def test_source_at_fault(table: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StudyError, match=sentence):
        read_source(CohortTable.model_validate(table))


def test_modality_at_fault_still_says_its_layout() -> None:
    faults = Faults()
    part = read_modality("scan", {"kind": "image", "siez": [1, 2]}, faults)
    assert (part.settings, part.layout) == (None, "image")
    assert "modalities.scan.siez: unknown key. Did you mean 'size'?" in faults.sentences


def test_modality_that_is_not_known_has_its_encoder_checked() -> None:
    faults = Faults()
    table = {"kind": "imag", "encoder": {"name": "resnet", "depht": 18}}
    assert read_modality("scan", table, faults) == ModalityPart()
    assert faults.sentences == [
        "modalities.scan.kind: 'imag' is not a known modality. Did you mean 'image'?",
        "modalities.scan.encoder.depht: unknown key. Did you mean 'depth'?",
    ]


def test_encoder_that_reads_another_layout() -> None:
    with pytest.raises(
        StudyError, match=r"^here: mlp reads vector, but this modality gives image\. Choose another"
    ):
        read_encoder("mlp", "image", where="here")
    assert read_encoder("mlp", None, where="here")["name"] == "mlp"


@pytest.mark.parametrize("value", [3, ["mlp"], {"widths": [3]}, {"name": 5}])
def test_component_without_a_name(value: object) -> None:
    with pytest.raises(StudyError, match=r"expected a name or a table \{name = "):
        read_component(value, "models.encoders", where="here")


def test_component_as_a_word_is_short_for_a_table() -> None:
    word = read_component("mlp", "models.encoders", where="here")
    assert word == read_component({"name": "mlp"}, "models.encoders", where="here")
    assert word["widths"] == [64, 32, 16]
