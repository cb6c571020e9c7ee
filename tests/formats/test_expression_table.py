"""Tables of gene expression: FAULTS R04, R06 and R08, and what a cell may be."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.formats.expression_table import Orientation, Scale, near_ids, read_expression

GENES = ("TP53", "EGFR", "KRAS")
PATIENTS = ("P1", "P2", "P3", "P4")
VALUES = np.arange(12.0).reshape(4, 3) + 0.5


def write(folder: Path, lines: list[str], name: str = "rna.csv") -> Path:
    path = folder / name
    text = "\n".join(lines) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def by_patient(folder: Path, name: str = "rna.csv", mark: str = ",") -> Path:
    rows = [mark.join((p, *map(str, row))) for p, row in zip(PATIENTS, VALUES, strict=True)]
    return write(folder, [mark.join(("id", *GENES)), *rows], name)


def by_gene(folder: Path, *more: str) -> Path:
    rows = [",".join((g, *map(str, row))) for g, row in zip(GENES, VALUES.T, strict=True)]
    return write(folder, [",".join(("gene", *PATIENTS)), *rows, *more])


def read(path: Path, orientation: Orientation = "auto", scale: Scale = "tpm"):
    return read_expression(path, PATIENTS, orientation=orientation, scale=scale)


@pytest.mark.parametrize(
    ("name", "mark"), [("a.csv", ","), ("a.tsv", "\t"), ("a.csv.gz", ","), ("a.txt", ";")]
)
def test_either_way_round_gives_patients_in_rows(name: str, mark: str, tmp_path: Path) -> None:
    for path in (by_patient(tmp_path, name, mark), by_gene(tmp_path)):
        found = read(path)
        assert (found.patients, found.genes) == (PATIENTS, GENES)
        np.testing.assert_array_equal(found.values, VALUES)


def test_the_other_way_round_than_declared_is_refused(tmp_path: Path) -> None:  # R06
    with pytest.raises(InputError, match=r"4 patients of the cohort name rows.*patients_by_genes"):
        read(by_patient(tmp_path), "genes_by_patients")
    with pytest.raises(InputError, match="Set orientation = 'genes_by_patients'"):
        read(by_gene(tmp_path), "patients_by_genes")
    assert "one column per patient" in read(by_gene(tmp_path), "genes_by_patients").notes[0]


def test_nobody_of_the_cohort_is_refused_with_like_ids(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no patient of the cohort.*p1 \(P1 in the table\)"):
        read_expression(by_patient(tmp_path), ["p1", "X"], scale="tpm")


def test_like_ids() -> None:
    wanted = ["TCGA_CS_4942", "R01-001", "B"]
    given = ["TCGA-CS-4942-01A-11R", "r01.001", "C"]
    assert near_ids(wanted, given) == {"TCGA_CS_4942": given[0], "R01-001": "r01.001"}


def test_a_like_id_is_noted_not_taken(tmp_path: Path) -> None:
    found = read_expression(by_patient(tmp_path), ["P1", "p2"], scale="tpm")
    assert "1 patient is without a profile" in found.notes[1]
    assert "p2 (P2)" in found.notes[1]


@pytest.mark.parametrize(
    ("scale", "expected", "said"),
    [
        ("tpm", VALUES[:, 0] + 1, "added"),
        ("counts", VALUES[:, 0] + 1, "added"),
        ("z", (VALUES[:, 0] + 1) / 2, "averaged"),
        ("log2_tpm", np.log2(2 ** VALUES[:, 0] + 1), "after undoing the logarithm"),
    ],
)
def test_a_gene_that_stands_twice(
    scale: Scale, expected: np.ndarray, said: str, tmp_path: Path
) -> None:  # R04
    found = read(by_gene(tmp_path, "TP53,1,1,1,1"), scale=scale)
    assert found.genes == GENES
    np.testing.assert_allclose(found.values[:, 0], expected)
    np.testing.assert_array_equal(found.values[:, 1:], VALUES[:, 1:])
    assert "1 gene stands more than once" in found.notes[-1]
    assert said in found.notes[-1]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("ALK,1,-2,1,1", "1 value is negative, which tpm cannot be: ALK of P2"),
        ("ALK,1,,NA,1", "2 values are missing.*ALK of P2, ALK of P3"),
        ("ALK,1,inf,1,1", "1 value is infinite.*ALK of P2"),
        ("ALK,1,<5,1,1", "1 cell is no number: row 5 column P2: '<5'"),
        (",1,1,1,1", "gene names the rows; it is empty in row 5"),
    ],
)
def test_impossible_values(row: str, said: str, tmp_path: Path) -> None:  # R08
    with pytest.raises(InputError, match=said):
        read(by_gene(tmp_path, row))


def test_z_scores_may_be_negative_and_missing(tmp_path: Path) -> None:
    found = read(by_gene(tmp_path, "ALK,1,-2,,1"), scale="z")
    np.testing.assert_array_equal(found.values[:, 3], [1, -2, np.nan, 1])


def test_a_patient_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, ["id,TP53,EGFR", "P1,1,2", "P2,1,2", "P1,3,4"])
    with pytest.raises(InputError, match=r"a patient more than once: P1 \(2 times\)"):
        read(path)


def test_columns_of_text_are_left_out_and_said(tmp_path: Path) -> None:
    path = write(tmp_path, ["gene,description,P1,P2", "TP53,tumor protein,1,2", "ALK,kinase,3,4"])
    found = read(path)
    assert found.patients == ("P1", "P2")
    assert "columns of text left out: description" in " ".join(found.notes)


def test_names_of_rows_without_a_header_as_r_writes_them(tmp_path: Path) -> None:
    found = read(write(tmp_path, ["TP53\tEGFR", "P1\t1\t2", "P2\t3\t4"], "a.tsv"))
    assert (found.patients, found.genes) == (("P1", "P2"), ("TP53", "EGFR"))


@pytest.mark.parametrize(
    ("lines", "said"),
    [(["gene,P1"], "holds no table"), (["gene,P1,P2", "TP53,1"], "header has 3 cells, row 2 has 2"),
     (["id,a", "P1,x", "P2,y"], "no column of numbers"),
     (["id;a", "P1;1,5", "P2;2,5"], "written with a comma .'1,5'.; write a point"),
     (["id,TP53,EGFR", "P1,1,2", "P2,1"], "the last row, 3, has 2 cells, the header 3: .* cut off"),
     (["id,TP53", "P1,1", "P2,1,2", "P3,1"], "row 3 has 3 cells, the header 2")],
)  # fmt: skip
def test_no_table(lines: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        read(write(tmp_path, lines))


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    assert read(write(tmp_path, ["id,TP53", "P1,1", "P2,2"])).values[0, 0] == 1
    assert read(write(tmp_path, ["id,TP53", "P1,10", "P2,2"])).values[0, 0] == 10
