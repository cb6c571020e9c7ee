import csv
import gzip
import os
from collections import Counter
from pathlib import Path

import pytest

from tumorboard.errors import InputError
from tumorboard.formats.ajcc_staging import (
    GROUPS,
    PARTS,
    categories,
    possible_groups,
    stage_group,
    stage_groups,
)

DATA = Path(os.environ.get("TUMORBOARD_DATA", "absent"))

#: AJCC 7, Goldstraw et al. 2007, Table 3, M0: one row per T, one column per N0 to N3.
AJCC7 = """
T1a IA   IIA  IIIA IIIB
T1b IA   IIA  IIIA IIIB
T2a IB   IIA  IIIA IIIB
T2b IIA  IIB  IIIA IIIB
T3  IIB  IIIA IIIA IIIB
T4  IIIA IIIA IIIB IIIB
"""
#: AJCC 6, Mountain 1997, Table 2.
AJCC6 = """
T1 IA   IIA  IIIA IIIB
T2 IB   IIB  IIIA IIIB
T3 IIB  IIIA IIIA IIIB
T4 IIIB IIIB IIIB IIIB
"""


def table(text: str) -> list[tuple[str, str, str]]:
    rows = [line.split() for line in text.strip().splitlines()]
    return [(t, f"N{n}", group) for t, *groups in rows for n, group in enumerate(groups)]


@pytest.mark.parametrize(("t", "n", "group"), table(AJCC7))
def test_seventh_edition_without_metastases(t: str, n: str, group: str) -> None:
    assert stage_group(t, n, "M0") == group
    assert group in GROUPS


@pytest.mark.parametrize(("t", "n", "group"), table(AJCC6))
def test_sixth_edition_without_metastases(t: str, n: str, group: str) -> None:
    assert stage_group(t, n, "M0", edition=6) == group


@pytest.mark.parametrize("m", ["M1", "M1a", "M1b"])
def test_any_metastasis_is_stage_iv(m: str) -> None:
    for t in ("TX", "T1a", "T2b", "T4"):
        for n in ("N0", "N1", "N2", "N3", "NX"):
            assert stage_group(t, n, m) == stage_group(t, n, m, edition=6) == "IV"


def test_without_an_invasive_tumour_that_was_seen() -> None:
    assert stage_group("Tis", "N0", "M0") == "0"
    assert stage_group("TX", "N0", "M0") == "occult"
    assert possible_groups("Tis", "N1", "M0") == frozenset()
    assert possible_groups("T0", "N0", "M0") == frozenset()


def test_what_is_not_known_exactly_keeps_every_group() -> None:
    assert possible_groups("T2", "N0", "M0") == {"IB", "IIA"}
    assert stage_group("T2", "N0", "M0") == ""
    assert stage_group("T1", "N1", "M0") == "IIA"
    assert stage_group("T2", "N2", "M0") == "IIIA"
    assert possible_groups("T1a", "NX", "M0") == {"IA", "IIA", "IIIA", "IIIB"}
    assert possible_groups("T1a", "N0", "MX") == {"IA", "IV"}
    assert possible_groups("TX", "N1", "M0") == {"IIA", "IIB", "IIIA"}
    assert stage_group("TX", "N3", "M0") == "IIIB"


@pytest.mark.parametrize(
    ("t", "n", "m"),
    [("t2A", "n0", "m0"), ("pT2a", "cN0", "M0"), (" T2a ", "N0", "0"), ("2a", "0.0", "0")],
)
def test_spellings(t: str, n: str, m: str) -> None:
    assert stage_group(t, n, m) == "IB"


@pytest.mark.parametrize("cell", ["", "5", "N4", "T5", "T2c", "M0", "IIIA", "Not Collected", "T"])
def test_other_cells_are_no_category(cell: str) -> None:
    assert categories(cell, "T") == frozenset()


def stages(t: list[str | None], n: list[str | None], m: list[str | None]) -> list[str | None]:
    return stage_groups(
        dict(zip(PARTS, (t, n, m), strict=True)),
        {"T": "pT stage", "N": "pN stage", "M": "pM stage"},
        lines=range(2, 2 + len(t)),
        patient_ids=[f"P{i}" for i in range(len(t))],
        table=Path("clinical.csv"),
    )


def test_rows_that_are_not_known_have_no_group() -> None:
    assert stages(["T1a", None, "T2", "T2"], ["N0"] * 4, ["M0", "M0", "M0", None]) == [
        "IA", None, None, None,
    ]  # fmt: skip


def test_unknown_spellings_are_refused_by_row() -> None:
    with pytest.raises(InputError) as error:
        stages(["T1a", "T7", "Not Collected"], ["N0", "N0", "N9"], ["M0"] * 3)
    message = str(error.value)
    assert "3 cells that spell no T, N or M" in message
    assert "row 3 patient P1: pT stage 'T7'" in message
    assert "row 4 patient P2: pN stage 'N9'" in message
    assert "cohort.missing" in message


def test_combinations_without_a_group_are_refused_by_row() -> None:
    with pytest.raises(InputError, match="row 3 patient P1: Tis N2 M0"):
        stages(["T1a", "Tis"], ["N0", "N2"], ["M0", "M0"])


@pytest.mark.realdata
@pytest.mark.skipif(
    not (DATA / "nsclc-radiogenomics").is_dir(), reason="TUMORBOARD_DATA holds no patients"
)
def test_stages_of_the_radiogenomics_cohort() -> None:
    folder = DATA / "nsclc-radiogenomics"
    with (folder / "clinical.csv").open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    with gzip.open(folder / "rna_z.csv.gz", "rt", encoding="utf-8") as handle:
        with_rna = set(handle.readline().strip().split(",")[1:])
    group = {
        row["Case ID"]: stage_group(*(row[f"Pathological {part} stage"] for part in PARTS))
        for row in rows
    }
    counts = Counter(group[case] for case in with_rna)
    assert counts == {
        "0": 5, "IA": 44, "IB": 28, "IIA": 15, "IIB": 14, "IIIA": 18, "IIIB": 1, "IV": 5,
    }  # fmt: skip
    merged = [counts["0"] + counts["IA"] + counts["IB"], counts["IIA"] + counts["IIB"]]
    assert [*merged, counts["IIIA"] + counts["IIIB"] + counts["IV"]] == [77, 29, 24]
    assert Counter(group.values())[""] == 49
