"""Notes from files: what is read, and what only pretends to be text."""

from __future__ import annotations

from pathlib import Path

import pytest
from docx import Document

from tumorboard.errors import InputError
from tumorboard.formats.note_files import fault_of, read_note

TEXT = "Größe 3,2 x 2,1 cm. Kein Hinweis auf Metastasen.\nER 90 %\n"


def written(tmp_path: Path, data: bytes, name: str = "note.txt") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "windows-1252"])
def test_a_note_is_read_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    assert read_note(written(tmp_path, TEXT.encode(encoding))) == TEXT


def test_a_declared_encoding_is_believed(tmp_path: Path) -> None:
    data = "Größe".encode("cp437")

    assert read_note(written(tmp_path, data), encoding="cp437") == "Größe"
    with pytest.raises(InputError, match="is not utf-8"):
        read_note(written(tmp_path, data), encoding="utf-8")


def test_two_encodings_in_one_file_are_refused(tmp_path: Path) -> None:
    data = "Größe\n".encode() + "Größe\n".encode("latin-1")

    with pytest.raises(InputError, match=r"line 2, column 3: byte 0xf6 is not utf-8"):
        read_note(written(tmp_path, data))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (rb"{\rtf1\ansi No tumour.}", "RTF"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF"),
        (b"PK\x03\x04rest", "docx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "old Word"),
        (b"\xef\xbb\xbf<!DOCTYPE html><html>", "HTML"),
        (b"Report\n<p>No tumour.</p>", "HTML"),
    ],
)
def test_another_format_named_txt_is_refused(tmp_path: Path, data: bytes, what: str) -> None:
    with pytest.raises(InputError, match=what) as error:
        read_note(written(tmp_path, data))
    assert "Save it as plain text" in str(error.value)
    assert "tumour" not in str(error.value)


def test_signs_of_comparison_are_no_html(tmp_path: Path) -> None:
    text = "Ki-67 <5 %, depth > 3 mm, a < b > c"

    assert read_note(written(tmp_path, text.encode())) == text


def test_word_is_read_where_the_name_says_so(tmp_path: Path) -> None:
    document = Document()
    document.add_paragraph("Left breast.")
    table = document.add_table(rows=1, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "ER", "90 %"
    document.save(str(tmp_path / "note.docx"))

    assert read_note(tmp_path / "note.docx") == "Left breast.\nER\t90 %"
    with pytest.raises(InputError, match="is not a Word file"):
        read_note(written(tmp_path, b"plain text", "other.docx"))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("fine\nbell\x07", "line 2: control character U\\+0007"),
        ("a\ufffdb", "U\\+FFFD"),
        ("GrÃ¶ÃŸe", "read as Windows-1252"),
        ("patientâ€™s", "read as Windows-1252"),
        ("38 Â°C", "read as Windows-1252"),
    ],
)
def test_characters_that_are_no_text_are_named(text: str, what: str) -> None:
    import re

    assert re.search(what, fault_of(text))


@pytest.mark.parametrize(
    "text", ["NÃO há metástase", "Âge: 60", "bâle", "38 °C\f\tx\r\n", "µm ≥ 2"]
)
def test_letters_of_other_languages_are_fine(text: str) -> None:
    assert fault_of(text) == ""


def test_an_empty_file_is_an_empty_note_and_a_huge_one_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_note(written(tmp_path, b" \n\t\n")) == ""
    monkeypatch.setattr("tumorboard.formats.note_files._MOST_BYTES", 10)
    with pytest.raises(InputError, match="expected a note of at most"):
        read_note(written(tmp_path, b"x" * 11))
    with pytest.raises(InputError, match="cannot be read"):
        read_note(tmp_path / "absent.txt")
