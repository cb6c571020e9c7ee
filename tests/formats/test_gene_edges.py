import gzip
from pathlib import Path

import pytest

from tumorboard.errors import InputError
from tumorboard.formats.gene_edges import read_gene_edges


def write(folder: Path, text: str, name: str = "edges.tsv") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "protein1 protein2 combined_score\nTP53 MDM2 999\nMDM2 TP53 900\nALK NPM1 700\n",
        "TP53\tMDM2\t999\nNPM1\tALK\t700\n",
        "gene1,gene2,score\nTP53,MDM2,999\nALK,NPM1,700\nALK,ALK,1\n",
        "ENSG00000141510.18,ENSG00000135679,999\nENSG00000171094,ENSG00000181163,700\n",
    ],
)
def test_one_network_in_several_forms(text: str, tmp_path: Path) -> None:
    for name in ("e.txt", "e.txt.gz"):
        found = read_gene_edges(write(tmp_path, text, name))
        assert dict(zip(found.pairs, found.score, strict=True)) == {
            ("MDM2", "TP53"): 999,
            ("ALK", "NPM1"): 700,
        }


def test_two_columns_score_one_and_old_symbols_are_mapped(tmp_path: Path) -> None:
    found = read_gene_edges(write(tmp_path, "TCEB2\tTP53\n"))
    assert found.pairs == (("ELOB", "TP53"),)
    assert found.score.tolist() == [1]


def test_biogrid_takes_physical_interactions_of_human_genes(tmp_path: Path) -> None:
    header = (
        "#BioGRID Interaction ID\tOfficial Symbol Interactor A\tOfficial Symbol Interactor B\t"
        "Experimental System Type\tOrganism Interactor A\tOrganism Interactor B\n"
    )
    rows = (
        "1\tTP53\tMDM2\tphysical\t9606\t9606\n2\tTP53\tALK\tgenetic\t9606\t9606\n"
        "3\tTP53\tMdm2\tphysical\t9606\t10090\n"
    )
    assert read_gene_edges(write(tmp_path, header + rows)).pairs == (("MDM2", "TP53"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("TP53\n", "expected two genes per row"),
        ("a\tb\tscore\nTP53\tMDM2\thigh\n", "row 2: 'TP53 MDM2 high'"),
        ("9606.ENSP00000269305 9606.ENSP00000258149 999\n", "names proteins"),
    ],
)
def test_what_is_no_network_of_genes(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        read_gene_edges(write(tmp_path, text))
