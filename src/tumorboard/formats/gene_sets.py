"""Sets of genes in GMT form: one set per line, its name, a description, its genes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from tumorboard.errors import InputError
from tumorboard.formats.gene_identifiers import as_symbols
from tumorboard.formats.messages import listed


def read_gene_sets(path: Path) -> dict[str, tuple[str, ...]]:
    """Name of each set -> its genes, once each, by approved symbol, in the order of the file.

    Raises:
        InputError: No such file, a line without genes, a name twice.

    Source:
        Gene Matrix Transposed of the Broad Institute (GSEA data formats).
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file of gene sets (GMT). Check `gene_sets`.")
    return dict(_read(path, path.stat().st_size, path.stat().st_mtime_ns))


@lru_cache(maxsize=8)
def _read(path: Path, size: int, changed_ns: int) -> dict[str, tuple[str, ...]]:
    """The sets of one content of a file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{path.name}: is not UTF-8 text; expected GMT.") from None
    found: dict[str, tuple[str, ...]] = {}
    faults: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        genes = [cell for cell in cells[2:] if cell]
        if not cells[0] or not genes:
            faults.append(f"row {number} has no name or no genes")
        elif cells[0] in found:
            faults.append(f"row {number}: {cells[0]!r} again")
        else:
            found[cells[0]] = tuple(dict.fromkeys(as_symbols(genes)))
    if faults or not found:
        raise InputError(
            f"{path.name}: {listed(faults) or 'is empty'}. Expected one set per line: name, "
            "description and genes, with tabs between them (GMT)."
        )
    return found
