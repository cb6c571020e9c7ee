"""Tables of a hospital database in a folder, found under any published naming.

MIMIC-IV has `hosp/patients.csv.gz`, MIMIC-III `PATIENTS.csv`, others flat folders or Parquet; names
and columns may be in any case.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from tumorboard.errors import InputError
from tumorboard.formats.messages import listed
from tumorboard.formats.table_scan import HospitalTable, reading, scan_text

#: Endings of a table's file name, as they are matched.
ENDINGS = (".csv.gz", ".csv", ".parquet")


def find_tables(
    folder: Path, names: Sequence[str], *, missing: Sequence[str] = ()
) -> dict[str, HospitalTable]:
    """The tables of these names in a folder or in a folder directly below it, such as `hosp`.

    Args:
        folder: Where to look.
        names: Table names in lower case; files may write them in any case.
        missing: Cells that mean "not known", besides empty ones.

    Raises:
        InputError: No such folder, two files for one table, or a file that is no table.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such folder of tables. Name the data folder with --data DIR or "
            "TUMORBOARD_DATA, and the folder of the tables in it with cohort.tables."
        )
    found: dict[str, list[Path]] = {}
    for path in sorted((*folder.glob("*"), *folder.glob("*/*"))):
        name = _table_name(path)
        if name in names and path.is_file():
            found.setdefault(name, []).append(path)
    double = [
        f"{name}: {' and '.join(p.relative_to(folder).as_posix() for p in paths)}"
        for name, paths in found.items()
        if len(paths) > 1
    ]
    if double:
        raise InputError(f"{folder}: several files for one table: {listed(double)}. Keep one each.")
    codes = tuple(dict.fromkeys(code.strip() for code in missing if code.strip()))
    return {
        name: HospitalTable(name, paths[0], _columns(paths[0]), codes)
        for name, paths in found.items()
    }


def required(tables: Mapping[str, HospitalTable], name: str, folder: Path) -> HospitalTable:
    """The table of this name.

    Raises:
        InputError: The folder has none, or it has no rows.
    """
    if name not in tables:
        have = f"Found: {', '.join(sorted(tables))}." if tables else "No known table was found."
        raise InputError(
            f"{folder}: no table {name}; expected {name}.csv, {name}.csv.gz or {name}.parquet, in "
            f"any case, there or in a folder below it. {have}"
        )
    table = tables[name]
    if not _has_rows(table.path):
        raise InputError(
            f"{table.path}: has a header and no rows, but {name} is needed. Was it copied "
            "completely?"
        )
    return table


def _table_name(path: Path) -> str:
    name = path.name.lower()
    return next((name.removesuffix(end) for end in ENDINGS if name.endswith(end)), "")


def _has_rows(path: Path) -> bool:
    """Whether anything follows the header; a damaged file is left to whoever reads it."""
    if path.suffix.lower() == ".parquet":
        import polars as pl

        return pl.scan_parquet(path, glob=False).select(pl.len()).collect().item() > 0
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opened(path, "rb") as handle:
            handle.readline()
            return any(line.strip() for line in handle)
    except (OSError, EOFError, zlib.error):
        return True


def _columns(path: Path) -> dict[str, str]:
    import polars as pl

    bare = HospitalTable(_table_name(path), path, {})
    with reading((bare, {})):
        lazy = pl.scan_parquet(path) if path.suffix.lower() == ".parquet" else scan_text(bare)
        names = lazy.collect_schema().names()
    columns: dict[str, str] = {}
    for name in names:
        key = name.strip().lower()
        if key in columns:
            raise InputError(f"{path.name}: column {key} stands twice. Remove one.")
        columns[key] = name
    return columns
