import os
from pathlib import Path

import pytest

from tumorboard.errors import InputError
from tumorboard.formats.gene_sets import read_gene_sets

DATA = Path(os.environ.get("TUMORBOARD_DATA", "absent"))


def write(folder: Path, *lines: str) -> Path:
    path = folder / "sets.gmt"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_sets_hold_each_gene_once_under_its_approved_symbol(tmp_path: Path) -> None:
    path = write(tmp_path, "A\thttp://x\tTP53\tTCEB2\tELOB\t", "", "B\t\tALK")
    assert read_gene_sets(path) == {"A": ("TP53", "ELOB"), "B": ("ALK",)}


def test_faults_name_their_rows(tmp_path: Path) -> None:
    path = write(tmp_path, "A\tx\tTP53", "B\tx", "A\tx\tALK")
    with pytest.raises(InputError, match="row 2 has no name or no genes, row 3: 'A' again"):
        read_gene_sets(path)
    with pytest.raises(InputError, match="no such file of gene sets"):
        read_gene_sets(tmp_path / "absent.gmt")


@pytest.mark.realdata
@pytest.mark.skipif(not DATA.is_dir(), reason="TUMORBOARD_DATA holds no gene sets")
def test_hallmark_sets() -> None:
    sets = read_gene_sets(DATA / "gene-sets" / "h.all.v7.0.symbols.gmt")
    assert len(sets) == 50
    assert len(sets["HALLMARK_HYPOXIA"]) == 200
    assert {"VEGFA", "SLC2A1", "LDHA"} <= {*sets["HALLMARK_HYPOXIA"]}
