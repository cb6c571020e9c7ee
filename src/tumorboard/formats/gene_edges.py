"""Networks of genes: STRING, BioGRID, or two or three plain columns.

STRING links files are separated by spaces: `protein1 protein2 combined_score`, with proteins such
as `9606.ENSP00000000233`; a plain table of symbols, or STRING's with symbols in their place, is
read the same way. BioGRID TAB 2 and 3 name their symbols `Official Symbol Interactor A` and `B`;
genetic interactions and those with another species are left out.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorboard.errors import InputError
from tumorboard.formats.gene_identifiers import as_symbols
from tumorboard.formats.messages import listed
from tumorboard.records import Floats

_BIOGRID = ("Official Symbol Interactor A", "Official Symbol Interactor B")
_BIOGRID_KIND = "Experimental System Type"
_BIOGRID_SPECIES = ("Organism ID Interactor A", "Organism ID Interactor B", "Organism Interactor A",
                    "Organism Interactor B")  # fmt: skip
_HUMAN = "9606"
#: Words of a header's first cell, so that a table without a header is told from one with it.
_HEADERS = {"protein1", "gene1", "gene_a", "source", "from", "a", "node1", "symbol1", "#node1",
            "gene"}  # fmt: skip


@dataclass(frozen=True)
class GeneEdges:
    """Undirected edges between genes, each once.

    Args:
        pairs: Approved symbols, in alphabetical order within a pair.
        score: How sure each is, the largest that the file gives; 1 where it gives none.
    """

    pairs: tuple[tuple[str, str], ...]
    score: Floats


def read_gene_edges(path: Path) -> GeneEdges:
    """Read a network of genes; .gz as well.

    Raises:
        InputError: No such file, fewer than two columns, a score that is no number, proteins
            instead of genes.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file of edges between genes. Check `graph`.")
    lines = _lines(path)
    rows = list(csv.reader(lines, delimiter=_delimiter(lines)))
    rows = [[cell.strip() for cell in row if cell.strip() or len(row) > 3] for row in rows]
    rows = [row for row in rows if row]
    if not rows or len(rows[0]) < 2:
        raise InputError(
            f"{path.name}: expected two genes per row and perhaps a score, found "
            f"{rows[0] if rows else 'nothing'}."
        )
    header = [cell.lstrip("#").strip() for cell in rows[0]]
    triples = list(_biogrid(rows[1:], header) if _BIOGRID[0] in header else _plain(rows, path))
    proteins = [first for first, _, _ in triples if ".ENSP" in first or first.startswith("ENSP")]
    if proteins:
        raise InputError(
            f"{path.name}: names proteins ({listed(proteins[:3])}), not genes. Put the "
            "`preferred_name` of STRING's protein.info file in their place."
        )
    return _edges(triples)


def _lines(path: Path) -> list[str]:
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    return raw.decode("utf-8-sig", errors="replace").splitlines()


def _delimiter(lines: Sequence[str]) -> str:
    first = next((line for line in lines if line.strip()), "")
    return next((mark for mark in ("\t", ",", ";") if mark in first), " ")


def _biogrid(rows: Sequence[Sequence[str]], header: Sequence[str]
             ) -> Iterator[tuple[str, str, float]]:  # fmt: skip
    """Physical interactions of two human genes."""
    a, b = (header.index(name) for name in _BIOGRID)
    kind = header.index(_BIOGRID_KIND) if _BIOGRID_KIND in header else -1
    species = [header.index(name) for name in _BIOGRID_SPECIES if name in header]
    for row in rows:
        is_physical = kind < 0 or row[kind].lower() == "physical"
        is_human = all(
            row[i] in (_HUMAN, "Homo sapiens") or not row[i].isdecimal() for i in species
        )
        if len(row) == len(header) and is_physical and is_human:
            yield row[a], row[b], 1.0


def _plain(rows: Sequence[Sequence[str]], path: Path) -> Iterator[tuple[str, str, float]]:
    """Two genes and perhaps a score: the last column, where it holds numbers."""
    has_header = rows[0][0].lower() in _HEADERS or (
        len(rows) > 1 and _is_number(rows[1][-1]) and not _is_number(rows[0][-1])
    )
    body = rows[1:] if has_header else rows
    faults: list[str] = []
    for number, row in enumerate(body, start=2 if has_header else 1):
        if len(row) < 2 or (len(row) > 2 and not _is_number(row[-1])):
            faults.append(f"row {number}: {' '.join(row)[:60]!r}")
            continue
        yield row[0], row[1], float(row[-1]) if len(row) > 2 else 1.0
    if faults:
        raise InputError(
            f"{path.name}: expected two genes and perhaps a score as the last number, found "
            f"{listed(faults)}."
        )


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _edges(triples: Sequence[tuple[str, str, float]]) -> GeneEdges:
    names = list(dict.fromkeys(name for a, b, _ in triples for name in (a, b)))
    symbol = dict(zip(names, as_symbols(names), strict=True))
    best: dict[tuple[str, str], float] = {}
    for a, b, score in triples:
        first, second = sorted((symbol[a], symbol[b]))
        if first != second:
            best[first, second] = max(score, best.get((first, second), -np.inf))
    return GeneEdges(tuple(best), np.asarray(list(best.values()), dtype=np.float64))
