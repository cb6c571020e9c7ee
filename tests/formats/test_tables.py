"""Faults T01, T02, T03, T06, T07, T14 and T15: each with a generated file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from tumorboard.errors import InputError, StudyError
from tumorboard.formats.delimited import escape_formula
from tumorboard.formats.tables import parse_numbers, read_table
from tumorboard.records import Floats

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str, *, name: str = "t.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write_file


def workbook(path: Path, fill: Callable[[xlsxwriter.Workbook], object]) -> Path:
    book = xlsxwriter.Workbook(str(path))
    fill(book)
    book.close()
    return path


# T01


@pytest.mark.parametrize(
    ("encoding", "reported"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("latin-1", "latin-1"),
    ],
)
def test_encodings_give_the_same_header_and_are_reported(
    write: Write, encoding: str, reported: str
) -> None:
    text = "id,Größe\n1,grün\n2,blau\n" + "".join(f"{i},grau\n" for i in range(3, 40))
    table = read_table(write(text, encoding=encoding))
    assert table.columns == ("id", "Größe")
    assert table.cells["Größe"][0] == "grün"
    assert table.encoding == reported
    assert f"encoding {reported}" in table.notes[0]


def test_windows_1252_is_told_from_latin_1_by_its_own_letters(write: Write) -> None:
    table = read_table(write("id,cost\n1,5 €\n", encoding="windows-1252"))
    assert (table.encoding, table.cells["cost"]) == ("windows-1252", ("5 €",))


def test_undecodable_byte_names_file_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("id,note\n1,grün\n2,ab".encode() + b"\xff" + b"c\n")
    with pytest.raises(InputError, match=r"t\.csv, line 3, column 5: byte 0xff is not utf-8"):
        read_table(path)


def test_byte_that_windows_1252_does_not_have_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"id,note\n1,a\x81b\n")
    with pytest.raises(InputError, match="line 2, column 4: byte 0x81 is not windows-1252"):
        read_table(path)


def test_unknown_encoding_and_binary_content(write: Write, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="'utf-9' is not known"):
        read_table(write("a,b\n1,2\n"), encoding="utf-9")
    (tmp_path / "zip.csv").write_bytes(b"PK\x03\x04rest")
    with pytest.raises(InputError, match="is an Excel workbook or a ZIP"):
        read_table(tmp_path / "zip.csv")
    (tmp_path / "bin.csv").write_bytes(b"a,b\n\0\x01\0\0")
    with pytest.raises(InputError, match="zero bytes"):
        read_table(tmp_path / "bin.csv")


# T02


def test_semicolon_and_decimal_comma_are_detected_and_reported(write: Write) -> None:
    table = read_table(write("id;size;n\nA;1,5;3\nB;10,25;4\nC;;5\n"))
    assert table.cells["size"] == ("1.5", "10.25", "")
    assert table.cells["n"] == ("3", "4", "5")
    assert table.delimiter == ";"
    assert table.notes[1] == "t.csv: decimal comma in 1 column: size"


def test_missing_codes_do_not_hide_a_decimal_comma(write: Write) -> None:
    path = write("id;size\nA;1,5\nB;k.A.\n")
    assert read_table(path, missing=("", "k.A.")).cells["size"] == ("1.5", "k.A.")
    assert read_table(path).cells["size"] == ("1,5", "k.A.")


def test_mixed_decimal_marks_are_an_error_with_the_row(write: Write) -> None:
    with pytest.raises(InputError, match=r"column size: .*points in row 3: '2\.5'"):
        read_table(write("id;size\nA;1,5\nB;2.5\n"))


def test_comma_that_may_mean_thousands_is_an_error(write: Write) -> None:
    path = write("id;cells\nA;1,234\nB;5,678\n")
    with pytest.raises(InputError, match=r"row 2, column cells: '1,234' may be a decimal comma"):
        read_table(path)
    assert read_table(path, decimal=",").cells["cells"] == ("1.234", "5.678")
    assert read_table(path, decimal=".").cells["cells"] == ("1,234", "5,678")


def test_another_column_can_settle_what_the_comma_means(write: Write) -> None:
    table = read_table(write("id;a;b\nA;1,234;0,5\nB;5,678;1,5\n"))
    assert table.cells["a"] == ("1.234", "5.678")


def test_quoted_decimal_comma_in_a_comma_file_is_never_fifteen(write: Write) -> None:
    table = read_table(write('id,size\nA,"1,5"\n'))
    assert table.cells["size"] == ("1,5",)
    with pytest.raises(InputError, match=r"row 2 patient A: '1,5'.*set decimal = \",\""):
        numbers(table.cells["size"], patients=["A"])


def test_delimiters(write: Write) -> None:
    assert read_table(write("a\tb\n1\t2\n")).delimiter == "\t"
    assert read_table(write("a|b\n1|2\n")).delimiter == "|"
    assert read_table(write("a b\n1,5\n", name="t.tsv")).cells["a b"] == ("1,5",)
    table = read_table(write("sep=;\na;b\n1;2\n"))
    assert (table.cells["b"], table.lines) == (("2",), (3,))
    with pytest.raises(InputError, match="could be comma or semicolon"):
        read_table(write("a,b;c\n1,2;3\n"))
    with pytest.raises(StudyError, match="expected one character"):
        read_table(write("a,b\n1,2\n"), delimiter=",,")
    with pytest.raises(StudyError, match="decimal: found 'x'"):
        read_table(write("a,b\n1,2\n"), decimal="x")


# T03


def test_ids_keep_their_zeros_in_every_kind_of_table(write: Write, tmp_path: Path) -> None:
    pl.DataFrame({"id": ["00123"], "n": [7]}).write_parquet(tmp_path / "t.parquet")

    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["id", "n"])
        sheet.write_string(1, 0, "00123")
        sheet.write_number(1, 1, 7)

    paths = [
        write("id,n\n00123,7\n"),
        tmp_path / "t.parquet",
        workbook(tmp_path / "t.xlsx", fill),
    ]
    for path in paths:
        table = read_table(path)
        assert (table.cells["id"], table.cells["n"]) == (("00123",), ("7",)), path.name


# T06


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,age,age\n1,2,3\n", r"duplicate column names: 'age' in columns 2 and 3"),
        ("id,age\n1,2\nid,age\n3,4\n", r"header is repeated in row 3"),
        ("Patients 2021,,\nid,age,sex\n1,2,f\n", r"row 1: one cell \('Patients 2021'\).*title"),
        ("Patients 2021\nid,age,sex\n1,2,f\n", r"row 1: one cell \('Patients 2021'\).*title"),
        ("id,age\n1,2\n3,4,5\n6\n", r"header has 2 columns, but row 3 has 3, row 4 has 1"),
        ("id,,age\n1,x,2\n", r"column 2 has no name but a value in row 2"),
        ("id,age,\n1,2,\n3,4,x\n", r"column 3 has no name but a value in row 3"),
        (",id,x\n5,a,1\n9,b,2\n", r"column 1 has no name but a value in row 2"),
        ('id,age\n1,"2\n3,4\n', r"line 3: not valid CSV"),
    ],
)
def test_shape_faults_name_the_row(write: Write, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_table(write(text))


def test_harmless_emptiness_is_trimmed_with_a_note(write: Write) -> None:
    table = read_table(write("\nid,age,,\n1,2,,\n\n3,4,,,,\n,,,\n\n"))
    assert table.columns == ("id", "age")
    assert table.lines == (3, 5)
    assert table.cells["age"] == ("2", "4")
    assert any("2 empty rows were skipped" in note for note in table.notes)
    assert any("after the last column" in note for note in table.notes)


def test_row_numbers_of_pandas_are_named_and_header_spaces_removed(write: Write) -> None:
    table = read_table(write(",id , age\n0,a,5\n1,b,6\n"))
    assert table.columns == ("row_number", "id", "age")
    assert any("numbers the rows" in note for note in table.notes)
    assert any("spaces around column names were removed: id, age" in n for n in table.notes)


def test_lines_count_rows_as_a_spreadsheet_does(write: Write) -> None:
    table = read_table(write('id,note\n1,"two\nlines"\n2,b\n'))
    assert table.lines == (2, 3)


# T07


def numbers(cells: Sequence[str | None], *, patients: list[str]) -> Floats:
    return parse_numbers(
        cells,
        column="age",
        lines=range(2, 2 + len(cells)),
        patient_ids=patients,
        table=Path("t.csv"),
    )


def test_numbers_and_missing_cells() -> None:
    found = numbers(["12", " 3.5 ", "-1e3", ".5", "+4.", None], patients=list("abcdef"))
    np.testing.assert_array_equal(found, [12, 3.5, -1000, 0.5, 4, np.nan])
    assert found.dtype == np.float64


@pytest.mark.parametrize(
    "cell",
    ["<5", ">89", "12 mg", "n/a", "", "inf", "-Infinity", "nan", "1e999", "1_000", "١٢", "0x10"],
)
def test_everything_else_is_an_error_with_row_and_patient(cell: str) -> None:
    with pytest.raises(InputError) as caught:
        numbers(["1", cell], patients=["a", "b"])
    message = str(caught.value)
    assert message.startswith("t.csv, column age: 1 value is not a number: ")
    assert f"row 3 patient b: {cell!r}" in message
    assert "`missing`" in message
    assert "\n" not in message


def test_at_most_ten_rows_are_listed() -> None:
    with pytest.raises(
        InputError, match=r"25 values are.*row 11 patient 9.*and 15 more\."
    ) as caught:
        numbers(["<5"] * 25, patients=[str(i) for i in range(25)])
    assert "row 12" not in str(caught.value)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_every_finite_float_survives_as_text(values: list[float]) -> None:
    found = numbers([repr(v) for v in values], patients=["p"] * len(values))
    np.testing.assert_array_equal(found, values)


# T14


def test_excel_values_become_text_without_decimal_points(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        book.add_worksheet("Empty")
        sheet = book.add_worksheet("Data")
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        minute = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet.write_row(2, 1, ["id", "n", "x", "day", "time", "ok", "sum", "text_number", "none"])
        sheet.write_string(3, 1, "007")
        sheet.write_number(3, 2, 57)
        sheet.write_number(3, 3, 0.25)
        sheet.write_datetime(3, 4, datetime(2021, 3, 4), day)
        sheet.write_datetime(3, 5, datetime(2021, 3, 4, 5, 6, 7), minute)
        sheet.write_boolean(3, 6, True)
        sheet.write_formula(3, 7, "=C4*2", None, 114)
        sheet.write_string(3, 8, "0012")
        book.add_worksheet("Other").write(0, 0, "x")
        hidden = book.add_worksheet("Hidden")
        hidden.write(0, 0, "secret")
        hidden.hide()

    table = read_table(workbook(tmp_path / "t.xlsx", fill))
    row = [table.cells[name][0] for name in table.columns]
    assert row == [
        "007",
        "57",
        "0.25",
        "2021-03-04",
        "2021-03-04 05:06:07",
        "true",
        "114",
        "0012",
        "",
    ]
    assert table.lines == (4,)
    assert table.sheet == "Data"
    assert table.notes[0] == "t.xlsx: sheet 'Data' was read"
    assert "'Other'" in table.notes[1]
    assert "'Hidden'" in table.notes[1]
    assert read_table(table.path, sheet="Data").cells == table.cells
    with pytest.raises(InputError, match=r"no sheet 'Dara'. Did you mean 'Data'"):
        read_table(table.path, sheet="Dara")


def test_excel_formula_that_failed_or_was_never_computed(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("S")
        sheet.write_row(0, 0, ["id", "n"])
        sheet.write_row(1, 0, ["a", 1])
        sheet.write_formula(2, 1, "=1/0", None, "#DIV/0!")  # pyright: ignore[reportArgumentType]
        sheet.write_formula(3, 1, "=B2", None, "")  # pyright: ignore[reportArgumentType]

    message = r"sheet 'S': cells without a value: B3: #DIV/0!, B4: formula never computed"
    with pytest.raises(InputError, match=message):
        read_table(workbook(tmp_path / "t.xlsx", fill))


def test_damaged_workbook_and_unknown_kind(write: Write, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a readable Excel workbook"):
        read_table(write("no workbook", name="t.xlsx"))
    with pytest.raises(InputError, match="not a readable Parquet file"):
        read_table(write("no parquet", name="t.parquet"))
    with pytest.raises(InputError, match=r"unknown kind of table '\.pdf'"):
        read_table(write("x", name="t.pdf"))
    with pytest.raises(InputError, match=rf"{tmp_path}: is a folder; expected a table, one file"):
        read_table(tmp_path)
    with pytest.raises(InputError, match="no such table"):
        read_table(Path("absent.csv"))


def test_parquet_types_become_text_and_null_none(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "i": [1, None],
            "f": [57.0, 0.1],
            "b": [True, False],
            "d": [date(2021, 3, 4), None],
            "t": [datetime(2021, 3, 4), datetime(2021, 3, 4, 5, 6)],
            "c": pl.Series(["x", "y"], dtype=pl.Categorical),
        }
    )
    frame.write_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert dict(table.cells) == {
        "i": ("1", None),
        "f": ("57", "0.1"),
        "b": ("true", "false"),
        "d": ("2021-03-04", None),
        "t": ("2021-03-04", "2021-03-04 05:06:00"),
        "c": ("x", "y"),
    }
    pl.DataFrame({"id": ["a"], "v": [[1, 2]]}).write_parquet(tmp_path / "l.parquet")
    with pytest.raises(InputError, match="column v: holds List"):
        read_table(tmp_path / "l.parquet")


# T15


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        (",,\n", "is empty"),
        ("id,age\n", "has a header but no rows"),
        ("id,age\n,\n\n", "has a header but no rows"),
    ],
)
def test_nothing_to_read(write: Write, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_table(write(text))


def test_empty_workbook_and_empty_parquet(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no visible sheet holds anything"):
        read_table(workbook(tmp_path / "t.xlsx", lambda book: book.add_worksheet()))
    pl.DataFrame({"id": pl.Series([], dtype=pl.String)}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="has a header but no rows"):
        read_table(tmp_path / "t.parquet")


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1),
                 min_size=3, max_size=3),
        min_size=1, max_size=8,
    )
)  # fmt: skip
def test_csv_round_trip_is_exact(
    tmp_path_factory: pytest.TempPathFactory, body: list[list[str]]
) -> None:
    import csv

    body = [[cell if cell.strip() else "x" for cell in row] for row in body]
    path = tmp_path_factory.mktemp("t") / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, quoting=csv.QUOTE_ALL)
        writer.writerow(["one", "two", "three"])
        writer.writerows(body)
    table = read_table(path, delimiter=",")
    assert [list(row) for row in zip(*table.cells.values(), strict=True)] == body


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_formulas_are_escaped_for_people(cell: str) -> None:
    assert escape_formula(cell) == f"'{cell}"


def test_plain_text_is_not_escaped() -> None:
    assert [escape_formula(cell) for cell in ("", "a=b", "1-2")] == ["", "a=b", "1-2"]


def test_a_file_that_may_not_be_read(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("id,age\n1,2\n")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"t\.csv: cannot be read \(Permission denied\)"):
        read_table(path)


@given(st.lists(st.none() | st.text(" +-.0123456789eE_nainfx,\u0661\u00a0", max_size=6)))
def test_a_long_column_is_read_as_a_short_one(cells: list[str | None]) -> None:
    def outcome(n_more: int) -> list[str] | str:
        try:
            padded = [*cells, *["1"] * n_more]
            found = numbers(padded, patients=["p"] * len(padded))
        except InputError as error:
            return str(error)
        return [repr(value) for value in found[: len(cells)].tolist()]

    assert outcome(1_000) == outcome(0)
