"""`tumorboard table`: what is written, how text is made safe, what is refused."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from tumorboard.cli import app
from tumorboard.errors import InputError
from tumorboard.verbs.table import write_table

STUDY = """
[study]
name = "s"
[cohort]
source = "folder"
table = "t.csv"
patient_id = "id"
[task]
kind = "classification"
target = "y"
[modalities.record]
kind = "table"
numeric = ["x"]
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    text = "id,x,y,words\n=1+1,-5,a,@SUM(A1)\nb,1e3,b,-later\n"
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    return tmp_path / "study.toml"


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(a) for a in arguments], terminal_width=200)


def test_text_that_a_spreadsheet_would_compute_is_quoted(study: Path) -> None:
    out = study.parent / "out.csv"
    result = run("table", study, "--out", out)
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"2 rows of 2 patients, 5 columns written to {out}" in result.stdout
    with out.open(encoding="utf-8", newline="") as handle:
        first, second = csv.DictReader(handle)
    assert first["patient_id"] == "'=1+1"
    assert first["words"] == "'@SUM(A1)"
    assert second["words"] == "'-later"
    assert first["x"] == "-5"  # a number is no formula


def test_parquet_keeps_every_cell(study: Path) -> None:
    out = study.parent / "out.parquet"
    write_table(study, out=out)
    frame = pl.read_parquet(out)
    assert frame["patient_id"].to_list() == ["=1+1", "b"]
    assert frame["words"].to_list() == ["@SUM(A1)", "-later"]


def test_outputs_that_are_refused(study: Path) -> None:
    with pytest.raises(InputError, match=r"expected a file that ends in \.csv or \.parquet"):
        write_table(study, out=study.parent / "out.xlsx")
    with pytest.raises(InputError, match=r"is an input of this command"):
        write_table(study, out=study.parent / "t.csv")
    (study.parent / "t.csv").unlink()
    assert run("table", study, "--out", study.parent / "out.csv").exit_code == 2
    assert sorted(p.name for p in study.parent.iterdir()) == ["study.toml"]


def test_types_flow_and_settings_of_a_computed_table(tmp_path: Path) -> None:
    (tmp_path / "patients.csv").write_text(
        "subject_id,gender,anchor_age,anchor_year,dod\n1,F,60,2150,\n2,M,61,2150,\n", "utf-8"
    )
    (tmp_path / "admissions.csv").write_text(
        "subject_id,hadm_id,admittime,dischtime,deathtime,admission_type,hospital_expire_flag\n"
        "1,11,2150-01-01 06:00:00,2150-01-02 09:00:00,,URGENT,1\n"
        "1,12,2151-01-01 06:00:00,2151-01-02 09:00:00,,URGENT,0\n",
        "utf-8",
    )
    (tmp_path / "study.toml").write_text(
        '[study]\nname = "s"\n[cohort]\nsource = "mimic_iv"\n'
        '[modalities.record]\nkind = "table"\nnumeric = ["age"]\n',
        "utf-8",
    )
    study, out = tmp_path / "study.toml", tmp_path / "out.csv"
    result = run("table", study, "--out", out, "--data", tmp_path, "--set", "cohort.rows=admission")
    assert result.exit_code == 0, result.stderr
    assert "left out: without an admission: 1 patient, 0 rows" in result.stdout
    with out.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["hospital_expire_flag"] for row in rows] == ["1", "0"]
    assert rows[0]["admittime"] == "2150-01-01 06:00:00"
    assert float(rows[0]["length_of_stay_days"]) == 1.125
    run("table", study, "--out", out.with_suffix(".parquet"), "--data", tmp_path)
    frame = pl.read_parquet(out.with_suffix(".parquet"))
    assert frame.schema["age"] == pl.Float64
    assert frame.height == 1  # the index admission


def test_records_of_a_second_source_are_joined(study: Path) -> None:
    (study.parent / "r.csv").write_text("id,age\nb,50\nc,60\n", encoding="utf-8")
    records = 'cohort.records={source = "folder", table = "r.csv", patient_id = "id"}'
    out = study.parent / "out.csv"
    write_table(study, out=out, overrides=[records])
    with out.open(encoding="utf-8", newline="") as handle:
        assert [(row["patient_id"], row["age"]) for row in csv.DictReader(handle)] == [
            ("'=1+1", ""), ("b", "50"),
        ]  # fmt: skip
    (study.parent / "r.csv").write_text("id,age\nd,50\nc,60\n", encoding="utf-8")
    write_table(study, out=out, overrides=[records, 'evaluation.pairing="simulated"'])
    with out.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["pairing"] for row in rows} == {"simulated"}
    assert {row["record_of"] for row in rows} == {"c", "d"}
