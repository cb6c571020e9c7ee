"""Study files as text, and `--set KEY=VALUE` over them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tumorboard.errors import InputError, StudyError
from tumorboard.study import Study
from tumorboard.study_toml import overridden, read_toml

EXAMPLE = Path(__file__).parent / "examples" / "whole.toml"


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("training.epochs=5", ["training", "epochs"], 5),
        ("training.modality_dropout = 0.5", ["training", "modality_dropout"], 0.5),
        ("study.name=other", ["study", "name"], "other"),
        ('study.name="other"', ["study", "name"], "other"),
        ("evaluation.holdout=[0.7, 0.15, 0.15]", ["evaluation", "holdout"], [0.7, 0.15, 0.15]),
        ("modalities.ultrasound.encoder=vit", ["modalities", "ultrasound", "encoder"], "vit"),
        ("cohort.missing=a=b", ["cohort", "missing"], "a=b"),
        ('arms."late".fusion=gated', ["arms", "late", "fusion"], "gated"),
        ("study.question=5\nx = 3", ["study", "question"], "5\nx = 3"),
    ],
)
def test_override(text: str, path: list[str], value: object) -> None:
    table: Any = overridden(read_toml(EXAMPLE), [text])
    for part in path:
        table = table[part]
    assert table == value
    assert type(table) is type(value)


def test_override_of_a_component_given_as_a_word() -> None:
    tables = overridden(
        {"modalities": {"ultrasound": {"encoder": "resnet"}}},
        ["modalities.ultrasound.encoder.depth=50"],
    )
    assert tables["modalities"]["ultrasound"]["encoder"] == {"name": "resnet", "depth": 50}


def test_override_reaches_the_study() -> None:
    study = Study.load(
        EXAMPLE, overrides=["training.epochs=5", "modalities.ultrasound.encoder.depth=50"]
    )
    assert study.keys.training.epochs == 5
    assert study.arms["fused"].training.epochs == 5
    assert study.arms["fused"].encoders["ultrasound"]["depth"] == 50


def test_every_faulty_override_is_named() -> None:
    with pytest.raises(StudyError) as caught:
        overridden(read_toml(EXAMPLE), ["training.epochs", "=5", "a b=3", "study.seed.x=1"])
    assert caught.value.problems == (
        "--set training.epochs: expected KEY=VALUE, such as training.epochs=5.",
        "--set =5: expected KEY=VALUE, such as training.epochs=5.",
        "--set a b=3: expected KEY=VALUE, such as training.epochs=5.",
        "--set study.seed.x: study.seed is not a table of the study.",
    )


def test_override_with_an_unknown_key_is_a_fault_of_the_study() -> None:
    with pytest.raises(StudyError, match=r"training\.epohcs: unknown key. Did you mean 'epochs'"):
        Study.load(EXAMPLE, overrides=["training.epohcs=5"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[study\n", r"not valid TOML: Expected '\]'.* \(at line 1, column 7\)"),
        (b'a = "C:\\data"\n', r"Write Windows paths with / or in single quotes\."),
        (b"[study]\nname = 1\nname = 2\n", r"not valid TOML: Cannot overwrite a value"),
    ],
)
def test_not_toml(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "study.toml").write_bytes(content)
    with pytest.raises(StudyError, match=message):
        read_toml(tmp_path / "study.toml")


def test_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_bytes(b'name = "Universit\xe4t"')
    with pytest.raises(InputError, match=r"not UTF-8 \(byte 17\). Save the study file as UTF-8"):
        read_toml(tmp_path / "study.toml")


def test_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_bytes(b"\xef\xbb\xbf[study]\nname = 'x'\n")
    assert read_toml(tmp_path / "study.toml") == {"study": {"name": "x"}}
