"""`tumorboard factors`: notes in, a table and a page out, without names."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tumorboard.cli import app
from tumorboard.errors import InputError, StudyError
from tumorboard.verbs.factors import write_factors

NOTE = """Dr. Anna Miller saw the patient on 03/04/2019, MRN: 12345678.
A 3.2 x 2.1 cm mass in the left frontal lobe, suspicious for glioblastoma.
Denies headache. Mother had breast cancer. ER positive.
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUMORBOARD_CACHE", str(tmp_path / "cache"))


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(a) for a in arguments], terminal_width=200)


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "factors.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_a_note(tmp_path: Path) -> None:
    (tmp_path / "P1.txt").write_text(NOTE, encoding="utf-8")
    out = tmp_path / "out"
    result = run("factors", tmp_path / "P1.txt", "--out", out)
    assert (result.exit_code, result.stderr) == (0, "")
    rows = {row["name"]: row for row in rows_of(out)}
    assert (rows["size_mm"]["number"], rows["size_mm"]["unit"]) == ("32", "mm")
    assert rows["size_mm"]["patient_id"] == "P1"
    assert rows["headache"]["negated"] == "true"
    assert rows["histology"]["uncertain"] == "true"
    assert rows["family_history"]["experiencer"] == "other"
    assert rows["er"]["text"] == "ER positive"
    html = (out / "factors.html").read_text("utf-8")
    for words in (html, (out / "factors.csv").read_text("utf-8"), result.stdout):
        assert not any(secret in words for secret in ("Miller", "12345678", "03/04/2019"))
    assert "Identifiers removed: " in result.stdout


def test_a_table_of_one_patient(tmp_path: Path) -> None:
    table = tmp_path / "notes.csv"
    table.write_text("patient_id,note\n7,Seizure-free since 2018.\n", encoding="utf-8")
    result = run("factors", table, "--column", "note", "--out", tmp_path / "out")
    assert (result.exit_code, result.stderr) == (0, "")
    (row,) = rows_of(tmp_path / "out")
    assert (row["patient_id"], row["name"], row["negated"]) == ("7", "seizure", "true")


def test_a_table_with_a_column_of_notes(tmp_path: Path) -> None:
    table = tmp_path / "notes.csv"
    with table.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerows([["patient_id", "age", "note"], ["=A", "5", NOTE], ["b", "6", ""]])
        writer.writerow(["c", "7", "There is a nodule of 12 mm in the right upper lobe."])
    report = write_factors(table, out=tmp_path / "out")
    assert [note.patient_id for note in report.notes] == ["=A", "b", "c"]
    assert "1 note without text (no note): line 3." in report.lines
    assert [r["kind"] for r in rows_of(tmp_path / "out") if r["patient_id"] == "b"] == ["no note"]
    assert report.exit_code == 0
    assert rows_of(tmp_path / "out")[0]["patient_id"] == "'=A"
    named = write_factors(table, out=tmp_path / "two", column="note", patient_id="patient_id")
    assert named.notes == report.notes
    with pytest.raises(InputError, match=r"no column 'nota' \(--column\). Did you mean 'note'"):
        write_factors(table, out=tmp_path / "out", column="nota")


def test_identifiers_that_the_table_knows_are_taken_out(tmp_path: Path) -> None:
    table = tmp_path / "notes.csv"
    with table.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["patient_id", "surname", "ward_no", "note"])
        writer.writerow(
            ["a", "Zorblatt", "W-77", "Zorblatt of W-77 has a 12 mm nodule, left lung."]
        )
        writer.writerow(["b", "", "", "A 9 mm nodule in the right lung of this long-time smoker."])
    out = tmp_path / "out"
    options = ("--known-identifiers", "surname", "--known-identifiers", "ward_no")
    result = run("factors", table, "--out", out, "--column", "note", *options)
    assert (result.exit_code, result.stderr) == (0, "")
    for words in (
        (out / "factors.html").read_text("utf-8"),
        (out / "factors.csv").read_text("utf-8"),
    ):
        assert "Zorblatt" not in words
        assert "W-77" not in words
    assert "Identifiers removed: id 1, name 1." in result.stdout
    with pytest.raises(InputError, match=r"no column 'name' \(--known-identifiers\)"):
        write_factors(table, out=out, column="note", known_identifiers=["name"])
    with pytest.raises(InputError, match="--known-identifiers names columns of a table"):
        write_factors(tmp_path, out=out, known_identifiers=["surname"])


def test_a_folder_with_a_file_that_is_no_note(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "P2.txt").write_text(NOTE, encoding="utf-8")
    (folder / "P10.txt").write_text("Headache.", encoding="utf-8")
    (folder / "P3.txt").write_bytes(b"{\\rtf1 hello}")
    result = run("factors", folder, "--out", tmp_path / "out")
    assert result.exit_code == 3
    assert "rejected: P3.txt" in result.stdout
    assert [row["patient_id"] for row in rows_of(tmp_path / "out")][-1] == "P10"


def test_what_a_folder_holds_besides_notes_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    (folder / "older").mkdir(parents=True)
    (folder / "A1.txt").write_text(NOTE, encoding="utf-8")
    (folder / "A2.txt").write_text(" \n", encoding="utf-8")
    (folder / "A5.txt").write_text("Nothing.", encoding="utf-8")
    (folder / "A3.pdf").write_bytes(b"%PDF")
    (folder / "A4.md").write_text("Headache.", encoding="utf-8")
    (folder / ".hidden").write_text("x", encoding="utf-8")
    for _ in range(2):  # what the first run wrote is no note that the second misses
        result = run("factors", folder, "--out", folder)
        assert result.exit_code == 3
        assert (
            "rejected: 3 entries not read, being no notes: A3.pdf, A4.md, older/. " in result.stdout
        )
        assert "1 note without text (no note): A2.txt." in result.stdout
        assert "in 2 notes: " in result.stdout
    kinds = {row["patient_id"]: row["kind"] for row in rows_of(folder)}
    assert (kinds["A2"], kinds["A5"]) == ("no note", "no factor")
    html = (folder / "factors.html").read_text("utf-8")
    assert "This patient has no note." in html
    assert "A3.pdf" in html


def test_what_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(b"%PDF")
    with pytest.raises(InputError, match="expected a note"):
        write_factors(tmp_path / "x.pdf", out=tmp_path / "out")
    with pytest.raises(InputError, match="holds no note"):
        write_factors(tmp_path, out=tmp_path / "out")
    with pytest.raises(StudyError, match="go together"):
        write_factors(tmp_path, out=tmp_path / "out", llm_model="m")
    assert not (tmp_path / "out").exists()
