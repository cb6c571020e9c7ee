"""Which table of profiles belongs to a cohort."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tumorboard.errors import InputError
from tumorboard.formats.profile_files import find_profiles, used_files
from tumorboard.records import Cohort

IDS = ("P0", "P1")


@pytest.fixture
def other(tmp_path: Path) -> Cohort:
    """Another cohort, whose images lie in the study's folder of data."""
    for folder in ("data/rna", "other/rna"):
        (tmp_path / folder).mkdir(parents=True)
    table = tmp_path / "other" / "t.csv"
    return Cohort("o", IDS, IDS, {}, {}, (2, 3), table, tmp_path / "data", is_other=True)


def test_another_cohort_reads_what_is_beside_its_table(other: Cohort, tmp_path: Path) -> None:
    own = tmp_path / "data" / "rna" / "tpm.csv"
    own.write_text("patient,TP53\nP0,1\n")
    for name in ("other/tpm.csv", "other/rna/tpm.csv"):  # the better place comes last
        (tmp_path / name).write_text("patient,TP53\nP0,2\n")
        assert find_profiles("rna/tpm.csv", other) == tmp_path / name
    assert find_profiles("rna/tpm.csv", replace(other, is_other=False)) == own


@pytest.mark.parametrize(
    ("rows", "is_found"),
    [("X8,1\nX9,2\n", False), ("X8,1\nP1,2\n", True), ("p-1,1\nX9,2\n", True)],
    ids=["strangers", "one of them", "spelled alike"],
)
def test_the_studys_own_table_counts_where_it_knows_them(
    rows: str, is_found: bool, other: Cohort, tmp_path: Path
) -> None:
    own = tmp_path / "data" / "rna" / "tpm.csv"
    own.write_text("patient,TP53\n" + rows)
    cohort = replace(other, patient_id=("P0", "P-1") if "p-1" in rows else IDS)
    assert find_profiles("rna/tpm.csv", cohort) == (own if is_found else None)


def test_only_the_studys_own_cohort_must_have_it(other: Cohort) -> None:
    assert find_profiles("rna/tpm.csv", other) is None
    with pytest.raises(InputError, match=r"data/rna/tpm.csv or .*other/tpm.csv: no such table"):
        find_profiles("rna/tpm.csv", replace(other, is_other=False))


def test_files_of_everybody_are_used_once(tmp_path: Path) -> None:
    (tmp_path / "a.gmt").write_text("x")
    found = used_files(tmp_path, tmp_path / "a.gmt", "a.gmt", "absent.tsv", modality="rna")
    assert [(r.path, r.state, r.modality) for r in found] == [(tmp_path / "a.gmt", "used", "rna")]
