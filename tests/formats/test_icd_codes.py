"""One spelling of codes, their shape, prefixes of two versions, and how tables are read."""

from __future__ import annotations

import re

import polars
import pytest

from tumorboard.errors import InputError, StudyError
from tumorboard.formats import icd_codes
from tumorboard.formats.icd_codes import CodeTable


def test_codes_have_one_spelling_and_keep_their_zeros() -> None:
    spelt = ["  070.32 ", "0703 2", "c50.911", "V45.1\t"]
    assert [icd_codes.normalise(code) for code in spelt] == ["07032", "07032", "C50911", "V451"]
    frame = polars.DataFrame({"code": [*spelt, None]})
    column = frame.select(icd_codes.normalised(polars.col("code")))["code"].to_list()
    assert column == [*map(icd_codes.normalise, spelt), None]


@pytest.mark.parametrize(
    ("code", "version"),
    [("250.00", 9), ("4019 ", 9), ("486", 9), ("486.", 9), ("V4511", 9), ("E880.9", 9),
     ("C50.911", 10), ("C4A.9", 10), ("T82.817A", 10), ("z992", 10), ("I10", 10), ("U07.1", 10)],
)  # fmt: skip
def test_shapes_of_codes(code: str, version: int) -> None:
    assert icd_codes.is_plausible(code, version)


def test_implausible_codes_are_listed_once() -> None:
    codes = [("70.32", 9), ("70.32", 9), ("2500.0", 9), ("C50", 9), ("428.0", 10), ("", 10)]
    codes += [("428.0", 9), ("I50.9", 10)]
    assert icd_codes.implausible(codes) == [
        "'' (ICD-10)", "'2500.0' (ICD-9)", "'428.0' (ICD-10)", "'70.32' (ICD-9)", "'C50' (ICD-9)",
    ]  # fmt: skip


def test_prefixes_match_with_and_without_dots_within_their_version() -> None:
    frame = polars.DataFrame(
        {
            "code": ["174.9", "1749", "C50.911", "c50911", "V10.3", "V103", "V103", "1740", None],
            "version": [9, 9, 10, 10, 9, 9, 10, 10, 9],
        }
    )

    def matched(*prefixes: str) -> list[bool | None]:
        version = polars.col("version")
        test = icd_codes.begins_with(polars.col("code"), version, prefixes, held=(9, 10))
        return frame.select(found=test)["found"].fill_null(value=False).to_list()

    assert matched("174", "C50.9") == [True] * 4 + [False] * 5
    assert matched("174.9") == [True, True] + [False] * 7
    assert matched("9:V10.3") == [False] * 4 + [True, True, False, False, False]
    assert matched("10:V10") == [False] * 6 + [True, False, False]


@pytest.mark.parametrize(
    ("prefix", "versions"),
    [("174", (9,)), ("C50", (10,)), ("E11", (10,)), ("50C", (9,)), ("9:V10.3", (9,)),
     ("10:e88", (10,)), ("V10", (9, 10)), ("E88", (9, 10)), ("E", (9, 10)), ("E90.1", (9, 10)),
     ("E03", (9, 10)), ("E03.9", (10,)), ("E01.2", (9, 10)), ("E05", (10,))],
)  # fmt: skip
def test_versions_that_a_prefix_fits(prefix: str, versions: tuple[int, ...]) -> None:
    assert icd_codes.versions_of(prefix) == versions


@pytest.mark.parametrize("prefix", ["", "?", "11:I10", "9:", "*", "C5*", "9:17-", "CC5"])
def test_prefixes_of_no_code(prefix: str) -> None:
    with pytest.raises(InputError, match=f"found {re.escape(repr(prefix))}, expected the begin"):
        icd_codes.versions_of(prefix)


def test_a_prefix_of_both_versions_means_the_one_that_is_there() -> None:
    frame = polars.DataFrame({"code": ["V103", "V104"], "version": [9, 10]})

    def matched(held: tuple[int, ...], *prefixes: str) -> list[str]:
        test = icd_codes.begins_with(polars.col("code"), polars.col("version"), prefixes, held=held)
        return frame.filter(polars.col("version").is_in(held) & test)["code"].to_list()

    assert matched((9,), "V10", "C50") == ["V103"]
    assert matched((10,), "V10") == ["V104"]
    assert matched((9, 10), "10:V10") == ["V104"]
    with pytest.raises(StudyError) as caught:  # whatever the codes in the table
        matched((9, 10), "V10", "174", "E88")
    assert [text[:18] for text in caught.value.problems] == [
        'cohort.icd: "V10" ', 'cohort.icd: "E88" ',
    ]  # fmt: skip
    assert 'Write "9:V10" or "10:V10"' in str(caught.value)


def test_ranges_cover_their_ends_and_keep_zeros() -> None:
    assert icd_codes.expand("410 425.4-425.6 V56") == ("410", "4254", "4255", "4256", "V56")
    assert icd_codes.expand("042-044 C08-C11") == ("042", "043", "044", "C08", "C09", "C10", "C11")
    assert icd_codes.expand("E31.21-E31.23 =278.0") == ("E3121", "E3122", "E3123", "=2780")
    with pytest.raises(InputError, match="'C08-D11'"):
        icd_codes.expand("C08-D11")


def test_a_code_is_in_every_category_that_lists_it_or_its_heading() -> None:
    table = CodeTable("x", {"a": "425", "b": "425.5 =278.0"}, {"a": "I42", "b": "I42.6"})
    assert table.columns == ("x_a", "x_b")
    assert table.names("425.5", 9) == ["a", "b"]
    assert table.names("4254", 9) == ["a"]
    assert (table.names("278.0", 9), table.names("278.02", 9)) == (["b"], [])
    assert (table.names("i42.60", 10), table.names("425.5", 10), table.names("", 9)) == (
        ["a", "b"], [], [],
    )  # fmt: skip
    with pytest.raises(InputError, match="found 11, expected 9 or 10"):
        table.names("425", 11)
