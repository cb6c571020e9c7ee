"""Names of genes in a table: Ensembl ids or symbols, brought to the approved symbols of HGNC.

Rules, each counted in a sentence for the report:

* Versions of Ensembl ids (`ENSG00000141510.18`) are stripped.
* `_PAR_Y` ids are the copies on chromosome Y of genes that GENCODE lists on X as well. Reads of
  both are one gene's, and quantifiers put them on X: the Y copies are left out, never added.
* An approved symbol stays. A former symbol becomes the approved one where it was that of one gene
  (MLL2 becomes KMT2D, although it is also used for KMT2B); an alias where one gene has it; neither
  where the table has that gene under its approved symbol. All others stay as they are written.
* Symbols that a spreadsheet turned into dates are restored where one gene fits, else refused.
* Mouse genes and probes of arrays are refused: they need a mapping that a table cannot guess.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tumorboard.errors import InputError
from tumorboard.formats.excel_genes import damaged, restored
from tumorboard.formats.hgnc import HGNC_VERSION, nomenclature
from tumorboard.formats.messages import counted, listed

Ids = Literal["auto", "symbol", "ensembl"]

_ENSEMBL = re.compile(r"ENSG0*(\d+)(\.\d+)?(_PAR_Y)?")
_FOREIGN = re.compile(r"ENS(?!G\d)[A-Z]{0,6}G\d{6,}(\.\d+)?")
_PROBE = re.compile(r"\d+(_[a-z]+)?_at|ILMN_\d+|A_\d+_P\d+|TC\d+\.hg\.\d+|(AFFX|GE|H)[-_]\w+_at")
_MOUSE = re.compile(r"[A-Z][a-z0-9]+[a-z][a-z0-9]*")
#: Share of names that must look foreign before a whole table is called so.
_MOST = 0.5


@dataclass(frozen=True)
class GeneNames:
    """What became of the names of a table.

    Args:
        symbols: One per name: the symbol, the id itself where it has none, "" for one left out.
        kind: What the names were.
        notes: Sentences for the report.
    """

    symbols: tuple[str, ...]
    kind: Literal["symbol", "ensembl"]
    notes: tuple[str, ...]


def name_genes(
    names: Sequence[str], *, table: str, places: Sequence[str], ids: Ids = "auto"
) -> GeneNames:
    """Approved symbols of the names of a table.

    Args:
        names: As they are written.
        table: Name of the table, for messages.
        places: Where each name stands, for messages: "row 7", "column 7".
        ids: What the names are; "auto" sees it, and mixed names are an error.

    Raises:
        InputError: Mouse genes, probes, numbers, mixed ids, or symbols that a spreadsheet damaged
            beyond repair; every place at fault.
    """
    names = [name.strip() for name in names]
    _refuse_foreign(names, table)
    kind = _kind(names, ids, table, places)
    if kind == "ensembl":
        symbols, notes = _of_ensembl(names)
    else:
        symbols, notes = _of_symbols(names, table, places)
    return GeneNames(tuple(symbols), kind, tuple(f"{table}: {note}" for note in notes))


def as_symbols(names: Sequence[str]) -> list[str]:
    """Approved symbols of names that stand in no table of expression (gene sets, edges).

    Unknown names stay as they are; nothing is refused.
    """
    genes = nomenclature()
    found: list[str] = []
    for name in names:
        match = _ENSEMBL.fullmatch(name)
        candidates = genes.candidates(name)
        if match:
            found.append(genes.ensembl.get(match[1], name))
        else:
            found.append(candidates[0] if len(candidates) == 1 else name)
    return found


def _refuse_foreign(names: Sequence[str], table: str) -> None:
    """Names that are no human genes, or no genes at all."""
    remedy = "Give human gene symbols or Ensembl ids (ENSG...)."
    foreign = [name for name in names if _FOREIGN.fullmatch(name)]
    if foreign:
        animal = "mouse" if foreign[0].startswith("ENSMUSG") else "another species"
        raise InputError(
            f"{table}: {counted(len(foreign), 'name is a gene', 'names are genes')} of {animal}: "
            f"{listed(foreign)}. {remedy}"
        )
    enough = _MOST * len(names)
    probes = [name for name in names if _PROBE.fullmatch(name)]
    if len(probes) > enough:
        raise InputError(
            f"{table}: the names are probes of an array: {listed(probes)}. Map them to genes with "
            f"the array's annotation first. {remedy}"
        )
    numbers = [name for name in names if name.isdecimal()]
    if len(numbers) > enough:
        raise InputError(f"{table}: the names are numbers (Entrez?): {listed(numbers)}. {remedy}")
    mouse = [name for name in names if _MOUSE.fullmatch(name)]
    if len(mouse) > enough:
        raise InputError(
            f"{table}: the names are written as mouse genes are: {listed(mouse)}. Map them to "
            "their human orthologues first; where they are human symbols, write them in capitals. "
            + remedy
        )


def _kind(
    names: Sequence[str], ids: Ids, table: str, places: Sequence[str]
) -> Literal["symbol", "ensembl"]:
    """What the names are; both in one table is an error."""
    is_ensembl = [_ENSEMBL.fullmatch(name) is not None for name in names]
    seen: Literal["symbol", "ensembl"] = (
        "ensembl" if sum(is_ensembl) > _MOST * len(names) else "symbol"
    )
    if ids not in ("auto", seen):
        raise InputError(
            f"{table}: ids are declared {ids!r}, but {sum(is_ensembl):,} of {len(names):,} names "
            f"are Ensembl ids. Set ids = {seen!r}."
        )
    odd = [
        f"{place} {name!r}"
        for name, place, own in zip(names, places, is_ensembl, strict=True)
        if own != (seen == "ensembl")
    ]
    # A few unmapped ids among symbols are common; a symbol among ids is a row that went astray.
    if odd and (seen == "ensembl" or len(odd) > 0.2 * len(names)):
        raise InputError(
            f"{table}: Ensembl ids and symbols are mixed; most names are "
            f"{'Ensembl ids' if seen == 'ensembl' else 'symbols'}, but {listed(odd)}. Give one "
            "kind."
        )
    return seen


def _of_ensembl(names: Sequence[str]) -> tuple[list[str], list[str]]:
    genes = nomenclature().ensembl
    symbols: list[str] = []
    n_versions = n_par = n_unknown = 0
    for name in names:
        match = _ENSEMBL.fullmatch(name)
        if match is None:  # refused before
            raise ValueError(name)
        n_versions += match[2] is not None
        if match[3]:
            n_par += 1
            symbols.append("")
            continue
        known = genes.get(match[1])
        n_unknown += known is None
        symbols.append(known or name.partition(".")[0])
    n_known = len(names) - n_unknown - n_par
    notes = [f"symbols of {counted(n_known, 'Ensembl id')} by {HGNC_VERSION}"]
    if n_unknown:
        share = 100 * n_unknown / len(names)
        notes.append(f"{counted(n_unknown, 'id')} ({share:.1f} %) without one, kept as written")
    if n_versions:
        notes.append(f"versions left off: {counted(n_versions, 'Ensembl id')}")
    if n_par:
        notes.append(f"{counted(n_par, 'copy', 'copies')} on chromosome Y (_PAR_Y) left out, not "
                     "added to the one on X")  # fmt: skip
    return symbols, notes


def _of_symbols(
    names: Sequence[str], table: str, places: Sequence[str]
) -> tuple[list[str], list[str]]:
    genes = nomenclature()
    names, notes = _without_damage(names, table, places)
    here = frozenset(names)
    symbols: list[str] = []
    renamed: list[str] = []
    unclear = unknown = 0
    for name in names:
        candidates = genes.candidates(name)
        if name in genes.approved or _ENSEMBL.fullmatch(name):
            symbols.append(name)
        elif len(candidates) == 1 and candidates[0] not in here:
            symbols.append(candidates[0])
            renamed.append(f"{name} is {candidates[0]}")
        else:
            symbols.append(name)
            unclear += bool(candidates)
            unknown += not candidates
    # Two old names of one gene may both be there; each keeps its own, as neither is the approved.
    count = Counter(symbol for _, symbol in {*zip(names, symbols, strict=True)})
    symbols = [
        name if count[symbol] > 1 and symbol not in here else symbol
        for name, symbol in zip(names, symbols, strict=True)
    ]
    if renamed:
        notes.append(f"{counted(len(renamed), 'former or other symbol')} brought to the approved "
                     f"one ({HGNC_VERSION}): {listed(renamed)}")  # fmt: skip
    if unclear:
        notes.append(f"{counted(unclear, 'name')} of several genes, or of one that is there under "
                     "its approved symbol, kept as written")  # fmt: skip
    if unknown:
        notes.append(f"{counted(unknown, 'name')} ({100 * unknown / len(names):.1f} %) not in "
                     f"{HGNC_VERSION}, kept as written")  # fmt: skip
    return symbols, notes


def _without_damage(
    names: Sequence[str], table: str, places: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Names with dates restored to the symbols that they were."""
    bad = [i for i, name in enumerate(names) if damaged(name)]
    if not bad:
        return list(names), []
    here = frozenset(names)
    symbols = {i: restored(names[i]) for i in bad}
    times = Counter(own[0] for own in symbols.values() if len(own) == 1)
    lost: list[str] = []
    for i, own in symbols.items():
        if len(own) == 1 and own[0] not in here and times[own[0]] == 1:
            continue
        may_be = " or ".join(own) or "no known symbol"
        lost.append(f"{places[i]} {names[i]!r} ({may_be})")
    if lost:
        raise InputError(
            f"{table}: a spreadsheet turned {counted(len(lost), 'gene symbol')} into dates or "
            f"numbers: {listed(lost)}. Which gene it was cannot be told; take the symbols from the "
            "original file, or delete these genes."
        )
    fixed = list(names)
    for i, own in symbols.items():
        fixed[i] = own[0]
    pairs = listed([f"{names[i]} is {fixed[i]}" for i in bad])
    return fixed, [f"{counted(len(bad), 'symbol')} that a spreadsheet made a date: {pairs}"]
