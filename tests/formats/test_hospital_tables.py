"""Tables of a hospital under any naming, in types that are named and never guessed."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from tumorboard.errors import InputError
from tumorboard.formats.hospital_tables import find_tables, required
from tumorboard.formats.table_scan import HospitalTable, Kind, read, refuse_repeated

KINDS: dict[str, Kind] = {"hadm_id": "whole", "icd_code": "text", "when": "moment", "x": "number"}
TEXT = "HADM_ID,Icd_Code,when,X\n7,0389,2150-01-02 03:04:05,1.5\n8,,2150-01-03 00:00:00,\n"


def table(folder: Path, text: str = TEXT, *, missing: tuple[str, ...] = ()) -> HospitalTable:
    (folder / "t.csv").write_text(text, encoding="utf-8")
    return find_tables(folder, ["t"], missing=missing)["t"]


@pytest.mark.parametrize(
    "name", ["hosp/T.csv.gz", "t.CSV", "icu/T.CSV.GZ", "hosp/t.parquet", "T.csv"]
)
def test_any_published_naming(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    if name.endswith("parquet"):
        pl.read_csv(TEXT.encode(), infer_schema=False).write_parquet(path)
    elif name.lower().endswith("gz"):
        path.write_bytes(gzip.compress(TEXT.encode()))
    else:
        path.write_text(TEXT, encoding="utf-8")
    frame = read(find_tables(tmp_path, ["t"])["t"], KINDS)
    assert frame["icd_code"].to_list() == ["0389", None]
    assert frame["hadm_id"].to_list() == [7, 8]
    assert frame["x"].to_list() == [1.5, None]
    assert frame["line"].to_list() == [2, 3]
    assert frame["when"].dt.to_string("%d %H:%M:%S").to_list() == ["02 03:04:05", "03 00:00:00"]


def test_two_files_for_one_table_and_no_table(tmp_path: Path) -> None:
    table(tmp_path)
    with pytest.raises(InputError, match=r"no table patients; expected patients\.csv, .* Found: t"):
        required(find_tables(tmp_path, ["t", "patients"]), "patients", tmp_path)
    (tmp_path / "hosp").mkdir()
    (tmp_path / "hosp" / "T.csv.gz").write_bytes(gzip.compress(TEXT.encode()))
    with pytest.raises(InputError, match=r"several files for one table: t: .*hosp/T\.csv\.gz"):
        find_tables(tmp_path, ["t"])
    with pytest.raises(InputError, match=r"no such folder of tables.*cohort\.tables"):
        find_tables(tmp_path / "absent", ["t"])


def test_parquet_of_other_types(tmp_path: Path) -> None:
    frame = pl.DataFrame({"hadm_id": ["7"], "icd_code": [389], "when": ["2150-01-02"], "x": [1]})
    frame.write_parquet(tmp_path / "t.parquet")
    row = read(find_tables(tmp_path, ["t"])["t"], KINDS).row(0, named=True)
    assert (row["hadm_id"], row["icd_code"], row["x"]) == (7, "389", 1.0)
    assert row["when"].isoformat() == "2150-01-02T00:00:00"


@pytest.mark.parametrize(
    ("column", "cells", "message"),
    [
        ("hadm_id", ["7", "8b"], r"hadm_id, a column of text: row 3: '8b'; expected a whole numb"),
        ("x", ["high", " "], r"column x, a column of text: row 2: 'high'; expected a number"),
        ("when", ["2150-01-02", "later"], r"when, a column of text: row 3: 'later'; expected a da"),
        ("when", [5, 6], r"another type: when: type Int64, expected a date such as"),
        ("x", [[1.0], [2.0]], r"another type: x: type List\(Float64\), expected a number"),
    ],
)
def test_parquet_cells_and_types_at_fault(
    tmp_path: Path, column: str, cells: list[object], message: str
) -> None:
    good = {"hadm_id": [7, 8], "icd_code": ["1", "2"], "when": ["2150-01-02"] * 2, "x": [1.0, 2.0]}
    pl.DataFrame({**good, column: cells}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"t\.parquet.*" + message):
        read(find_tables(tmp_path, ["t"])["t"], KINDS)


@pytest.mark.parametrize(("sign", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_another_separator_is_told_once(tmp_path: Path, sign: str, name: str) -> None:
    with pytest.raises(InputError) as caught:
        read(table(tmp_path, TEXT.replace(",", sign)), KINDS)
    text = str(caught.value)
    assert f"is it separated by {name}?" in text
    assert text.lower().count("icd_code") == 1
    assert "no column" not in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT.replace("8,,", "8b,,"), r"t\.csv, column hadm_id: row 3: '8b'; expected a whole num"),
        (TEXT.replace(",1.5", ",high"), r"column x: row 2: 'high'; expected a number"),
        (TEXT.replace("2150-01-03", "03/01/2150"), r"column when: row 3: '03/01/2150 .*; expected"),
        (TEXT.replace("2150-01-02", "02/01/2150"), r"column when: '02/01/2150 .*; expected a date"),
        (TEXT.replace("Icd_Code", "icd_cod"), r"no column icd_code; expected hadm_id, .*'icd_cod'"),
        (TEXT.replace("X", "when "), r"column when stands twice"),
        (TEXT + "9,1,2150-01-04 00:00:00,1,1,1\n", r"t\.csv: cannot be read"),
        ("", r"t\.csv: cannot be read"),
    ],
)
def test_faults_name_the_cell(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(table(tmp_path, text), KINDS)


def test_a_truncated_gz_is_refused(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i * 7919 % 104729},2150-01-01 00:00:00,1\n" for i in range(20_000))
    whole = gzip.compress((TEXT.split("\n", 1)[0] + "\n" + rows).encode())
    (tmp_path / "t.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"t\.csv\.gz.*copied completely"):
        read(find_tables(tmp_path, ["t"])["t"], KINDS)


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet"])
def test_a_table_without_rows_is_named(tmp_path: Path, name: str) -> None:
    head = TEXT.split("\n", 1)[0] + "\n\n"
    if name.endswith("parquet"):
        pl.read_csv(TEXT.encode(), infer_schema=False).clear().write_parquet(tmp_path / name)
    else:
        text = head.encode()
        (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    with pytest.raises(InputError, match=rf"{name}: has a header and no rows, but t is needed"):
        required(find_tables(tmp_path, ["t"]), "t", tmp_path)


def test_no_column_that_is_expected_itself_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(table(tmp_path, "hadm_id,icd_code,when\n7,1,2150-01-01\n"), KINDS)
    assert "Did you mean" not in str(caught.value)
    assert "Known" not in str(caught.value)


def test_declared_codes_are_missing_in_every_type(tmp_path: Path) -> None:
    text = TEXT.replace("1.5", "NA").replace("0389", "NA")
    row = read(table(tmp_path, text, missing=("", "NA")), KINDS).row(0, named=True)
    assert (row["icd_code"], row["x"]) == (None, None)


def test_repeated_and_empty_ids_name_their_rows(tmp_path: Path) -> None:
    head, first, second, _ = TEXT.split("\n")
    doubled = table(tmp_path, "\n".join([head, first, second, first, ""]))
    with pytest.raises(InputError, match=r"several rows: 7 \(rows 2, 4\)"):
        refuse_repeated(read(doubled, KINDS), "hadm_id", doubled)
    empty = table(tmp_path, "\n".join([head, first, second[1:], ""]))
    with pytest.raises(InputError, match=r"column hadm_id: empty in row 3\."):
        refuse_repeated(read(empty, KINDS), "hadm_id", empty)
