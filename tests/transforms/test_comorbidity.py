"""Flags by key: shapes, versions, no hierarchy, and real admissions against another's expressions.

`tests/formats/quan_regexes.py` was written from the paper by somebody who had not seen the tables
of this package: `ELIXHAUSER_ICD9`, `ELIXHAUSER_ICD10`, `CHARLSON_ICD9`, `CHARLSON_ICD10`, each
short name -> regular expression that `re.match` finds at the start of a code without dots.
"""

from __future__ import annotations

import gzip
import importlib.util
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import polars
import pytest

from tumorboard.errors import InputError
from tumorboard.formats.charlson import CHARLSON
from tumorboard.formats.elixhauser_quan import ELIXHAUSER_QUAN
from tumorboard.transforms.comorbidity import (
    comorbidity_columns,
    comorbidity_flags,
    implausible_codes,
)

REGEXES = Path(__file__).parents[1] / "formats" / "quan_regexes.py"


def codes_of(**keys: list[tuple[str | None, int]]) -> polars.DataFrame:
    rows = [(key, code, version) for key, pairs in keys.items() for code, version in pairs]
    return polars.DataFrame(rows, schema=["key", "code", "version"], orient="row")


def ones(flags: polars.DataFrame, key: str) -> list[str]:
    row = flags.row(by_predicate=polars.col("key") == key, named=True)
    return [name for name, value in row.items() if value == 1]


def test_one_row_per_key_with_all_columns_in_order() -> None:
    frame = codes_of(b=[("250.40", 9), ("250.00", 9), ("I10", 10)], a=[("Z00", 10)], c=[(None, 9)])
    flags = comorbidity_flags(frame)
    assert flags.columns == ["key", *comorbidity_columns()]
    assert (flags.width, flags["key"].to_list()) == (1 + 31 + 29 + 17, ["a", "b", "c"])
    assert set(flags.dtypes[1:]) == {polars.Int8}
    assert ones(flags, "a") == ones(flags, "c") == []
    assert ones(flags, "b") == [
        "elixhauser_hypunc", "elixhauser_diabunc", "elixhauser_diabc",
        "elixhauser_ahrq_hyp", "elixhauser_ahrq_diabunc", "elixhauser_ahrq_diabc",
        "charlson_diab", "charlson_diabwc",
    ]  # fmt: skip


def test_no_category_suppresses_another() -> None:
    frame = codes_of(x=[("1749", 9), ("197.7", 9), ("401.9", 9), ("402.91", 9)])
    found = ones(comorbidity_flags(frame, systems=["elixhauser_quan"]), "x")
    assert found == [
        f"elixhauser_{name}" for name in ("chf", "hypunc", "hypc", "metacanc", "solidtum")
    ]


def test_a_code_counts_in_its_own_version_only() -> None:
    flags = comorbidity_flags(codes_of(nine=[("V45.1", 9)], ten=[("V45.1", 10)]))
    assert ones(flags, "nine")[0] == "elixhauser_rf"
    assert ones(flags, "ten") == []


def test_lazy_frames_and_other_keys_give_the_same() -> None:
    frame = codes_of(a=[("428.0", 9)], b=[("C50.9", 10)]).with_columns(
        key=polars.Series([20, 10]), version=polars.col("version").cast(polars.Int8)
    )
    flags = comorbidity_flags(frame.lazy(), systems=["charlson"])
    assert flags["key"].to_list() == [10, 20]
    assert flags.select("charlson_canc", "charlson_chf").rows() == [(1, 0), (0, 1)]
    assert flags.equals(comorbidity_flags(frame, systems=["charlson"]))


def test_faults() -> None:
    frame = codes_of(a=[("428.0", 9), ("70.32", 9)])
    assert implausible_codes(frame) == ["'70.32' (ICD-9)"]
    with pytest.raises(InputError, match="found 8, expected 9 or 10"):
        comorbidity_flags(frame.with_columns(version=8))
    with pytest.raises(InputError, match="found None"):
        comorbidity_flags(frame.with_columns(version=polars.lit("x")))
    with pytest.raises(InputError, match="no column 'version'"):
        comorbidity_flags(frame.drop("version"))
    with pytest.raises(InputError, match="'elix', expected some of 'elixhauser_quan'"):
        comorbidity_flags(frame, systems=["elix"])


def regexes() -> ModuleType:
    if not REGEXES.is_file():
        pytest.skip("tests/formats/quan_regexes.py, the second reading of the paper, is absent")
    spec = importlib.util.spec_from_file_location("quan_regexes", REGEXES)
    if spec is None or spec.loader is None:
        pytest.fail("tests/formats/quan_regexes.py cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def data(*names: str) -> Path:
    root = os.environ.get("TUMORBOARD_DATA")
    path = Path(root or "", *names)
    if root is None or not path.is_file():
        pytest.skip(f"TUMORBOARD_DATA does not name a folder that holds {names[0]}/")
    return path


def matching(patterns: Mapping[str, str], code: str) -> set[str]:
    return {name for name, pattern in patterns.items() if re.match(pattern, code)}


@pytest.mark.realdata
def test_every_admission_of_mimic3_cell_by_cell() -> None:
    second = regexes()
    with gzip.open(data("mimic3-demo", "DIAGNOSES_ICD.csv.gz"), "rt") as file:
        lines = [line.strip().replace('"', "").split(",") for line in file]
    at = {name.lower(): i for i, name in enumerate(lines[0])}
    pairs = [(line[at["hadm_id"]], line[at["icd9_code"]]) for line in lines[1:]]
    frame = polars.DataFrame(pairs, schema=["key", "code"], orient="row").with_columns(version=9)
    flags = comorbidity_flags(frame, systems=["elixhauser_quan", "charlson"])
    assert flags.height == 129
    for row in flags.iter_rows(named=True):
        codes = [code for key, code in pairs if key == row["key"]]
        expected: set[str] = set()
        for prefix, table in (
            ("elixhauser", second.ELIXHAUSER_ICD9),
            ("charlson", second.CHARLSON_ICD9),
        ):
            expected |= {f"{prefix}_{name}" for code in codes for name in matching(table, code)}
        assert {name for name, value in row.items() if value == 1} == expected, row["key"]


@pytest.mark.realdata
def test_every_code_of_icd10cm_2016_by_the_second_reading() -> None:
    second = regexes()
    path = data("comorbidity", "ver2016_ahrq-comformat_icd10cm_2016.txt")
    codes = set(re.findall(r'^\s*"([A-Z]\d\w+)"', path.read_text(encoding="latin-1"), re.MULTILINE))
    assert len(codes) == 69832
    faults = [
        (code, table.column)
        for table, patterns in (
            (ELIXHAUSER_QUAN, second.ELIXHAUSER_ICD10),
            (CHARLSON, second.CHARLSON_ICD10),
        )
        for compiled in [{name: re.compile(text) for name, text in patterns.items()}]
        for code in codes
        if set(table.names(code, 10))
        != {n for n, pattern in compiled.items() if pattern.match(code)}
    ]
    assert faults == []
