"""Names of genes: FAULTS R01 to R05 and R11."""

import pytest

from tumorboard.errors import InputError
from tumorboard.formats.excel_genes import damaged, restored
from tumorboard.formats.gene_identifiers import Ids, as_symbols, name_genes
from tumorboard.formats.hgnc import nomenclature

GENES = ["TP53", "EGFR", "KRAS", "ALK", "MYC", "PTEN"]


def named(names: list[str], ids: Ids = "auto") -> tuple[tuple[str, ...], str]:
    places = [f"row {k}" for k in range(2, len(names) + 2)]
    found = name_genes(names, table="rna.csv", places=places, ids=ids)
    return found.symbols, " ".join(found.notes)


def test_the_table_of_names() -> None:
    genes = nomenclature()
    assert len(genes.approved) == 43_837
    assert genes.ensembl["141510"] == "TP53"
    assert genes.candidates("FAM123B") == ("AMER1",)


@pytest.mark.parametrize(
    ("cell", "symbols"),
    [
        ("2-Sep", ("SEPTIN2",)),  # R01
        ("Sep-02", ("SEPTIN2",)),
        ("14-Sep", ("SEPTIN14",)),
        ("3-Mar", ("MARCHF3",)),
        ("1-Dec", ("DELEC1",)),
        ("2020-03-05", ("MARCHF5",)),
        ("1-Mar", ("MARCHF1", "MTARC1")),
        ("Mar-01", ("MARCHF1", "MTARC1")),
        ("2-Mar", ("MARCHF2", "MTARC2")),
        ("43891", ("MARCHF1", "MTARC1")),  # 1 March 2020 by Excel's count
        ("43896", ("MARCHF6",)),
        ("7-Jan", ()),
        ("2.31E+13", ()),
    ],
)
def test_symbols_that_became_dates(cell: str, symbols: tuple[str, ...]) -> None:
    assert damaged(cell)
    assert restored(cell) == symbols


@pytest.mark.parametrize("name", ["TP53", "C1orf112", "HLA-A", "7SK", "ENSG00000141510", "E2F1"])
def test_ordinary_names_are_no_dates(name: str) -> None:
    assert not damaged(name)


def test_what_one_gene_fits_is_restored_and_said() -> None:
    symbols, notes = named([*GENES, "2-Sep", "43896"])
    assert symbols[-2:] == ("SEPTIN2", "MARCHF6")
    assert "2 symbols that a spreadsheet made a date: 2-Sep is SEPTIN2, 43896 is MARCHF6" in notes


def test_what_may_be_two_genes_is_refused_with_every_row() -> None:
    with pytest.raises(InputError) as fault:
        named([*GENES, "1-Mar", "3-Sep", "2.31E+13"])
    text = str(fault.value)
    assert "row 8 '1-Mar' (MARCHF1 or MTARC1), row 10 '2.31E+13' (no known symbol)" in text
    assert "2 gene symbols" in text


@pytest.mark.parametrize("others", [["SEPTIN2"], ["Sep-02"]])
def test_a_date_beside_the_gene_that_it_may_be_is_refused(others: list[str]) -> None:
    with pytest.raises(InputError, match=r"'2-Sep' \(SEPTIN2"):
        named([*GENES, "2-Sep", *others])


def test_versions_are_left_off() -> None:  # R02
    symbols, notes = named(["ENSG00000141510.18", "ENSG00000146648", "ENSG00000999999.1"])
    assert symbols == ("TP53", "EGFR", "ENSG00000999999")
    assert "versions left off: 2 Ensembl ids" in notes
    assert "1 id (33.3 %) without one" in notes


def test_copies_on_y_are_not_merged() -> None:  # R03
    symbols, notes = named(["ENSG00000182378.13", "ENSG00000182378.13_PAR_Y"])
    assert symbols == ("PLCXD1", "")
    assert "1 copy on chromosome Y (_PAR_Y) left out, not added to the one on X" in notes


def test_former_symbols_and_aliases() -> None:  # R05
    symbols, notes = named([*GENES, "SEPT9", "MLL2", "FAM123B", "ERBB2IP", "NOSUCHGENE"])
    assert symbols[6:] == ("SEPTIN9", "KMT2D", "AMER1", "ERBIN", "NOSUCHGENE")
    assert "4 former or other symbols" in notes
    assert "1 name (9.1 %) not in HGNC of July 2024" in notes


def test_a_former_symbol_beside_the_approved_one_stays() -> None:
    symbols, notes = named([*GENES, "MLL2", "KMT2D"])
    assert symbols[-2:] == ("MLL2", "KMT2D")
    assert "kept as written" in notes


def test_mapping_twice_changes_nothing() -> None:
    first, _ = named([*GENES, "SEPT9", "MLL2", "DEC1"])
    assert named(list(first))[0] == first


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["ENSMUSG00000059552", "ENSMUSG00000022346"], "of mouse"),  # R11
        (["Trp53", "Egfr", "Kras", "Myc"], "as mouse genes are"),
        (["1007_s_at", "1053_at", "117_at"], "probes of an array"),
        (["7157", "1956", "3845"], "numbers .Entrez"),
        (["ENSG00000141510", "ENSG00000146648", "KRAS"], r"mixed.*row 4 'KRAS'"),
    ],
)
def test_what_is_no_human_gene_is_refused(names: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        named(names)


def test_declared_ids_are_checked() -> None:
    assert named(GENES, "symbol")[0] == tuple(GENES)
    with pytest.raises(InputError, match=r"0 of 6 names are Ensembl ids\. Set ids = 'symbol'"):
        named(GENES, "ensembl")


def test_symbols_of_sets_and_edges() -> None:
    names = ["TCEB2", "ENSG00000141510.2", "NOSUCHGENE", "TP53"]
    assert as_symbols(names) == ["ELOB", "TP53", "NOSUCHGENE", "TP53"]
