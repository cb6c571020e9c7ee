"""Comorbidities of hospital stays from their diagnosis codes: one 0/1 column per category."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tumorboard.errors import InputError
from tumorboard.formats.charlson import CHARLSON
from tumorboard.formats.elixhauser_ahrq import ELIXHAUSER_AHRQ
from tumorboard.formats.elixhauser_quan import ELIXHAUSER_QUAN
from tumorboard.formats.icd_codes import CodeTable, check_versions, implausible

if TYPE_CHECKING:
    import polars

#: What `comorbidity_flags` can compute, in the order of its columns.
SYSTEMS = {
    "elixhauser_quan": ELIXHAUSER_QUAN,
    "elixhauser_ahrq": ELIXHAUSER_AHRQ,
    "charlson": CHARLSON,
}


def comorbidity_columns(systems: Sequence[str] = tuple(SYSTEMS)) -> list[str]:
    """Names of the columns of `comorbidity_flags`, without the key.

    Raises:
        InputError: A system that does not exist.
    """
    return [column for table in _tables(systems) for column in table.columns]


def comorbidity_flags(
    codes: polars.DataFrame | polars.LazyFrame,
    *,
    systems: Sequence[str] = tuple(SYSTEMS),
) -> polars.DataFrame:
    """The comorbidities of every key: 1 where one of its codes is in the category, else 0.

    Every distinct code is looked up once; the rows are then joined to what was found and combined
    by key, streamed where the frame is lazy. No category suppresses another.

    Args:
        codes: Columns `key` (any type), `code` (text, with or without dots) and `version` (9 or
            10). A key whose code is null has no comorbidity from that row.
        systems: Of "elixhauser_quan", "elixhauser_ahrq" and "charlson".

    Returns:
        One row per key, sorted by key: `key`, then the columns `elixhauser_<name>`,
        `elixhauser_ahrq_<name>` and `charlson_<name>`, Int8, in the published orders.

    Raises:
        InputError: Columns are missing, a code has a version other than 9 and 10, or a system does
            not exist.
    """
    import polars as pl

    tables = _tables(systems)
    frame = _checked(codes)
    joined = frame.join(
        _look_up(frame, tables).lazy(), on=["code", "version"], how="left"
    ).with_columns(pl.col(table.column).fill_null(0) for table in tables)
    by_key = (
        joined.group_by("key")
        .agg(pl.col(table.column).bitwise_or() for table in tables)
        .collect(engine="streaming")
    )
    flags = [
        ((pl.col(table.column) // 2**bit) % 2).cast(pl.Int8).alias(column)
        for table in tables
        for bit, column in enumerate(table.columns)
    ]
    return by_key.select("key", *flags).sort("key")


def implausible_codes(codes: polars.DataFrame | polars.LazyFrame) -> list[str]:
    """The codes that cannot be codes of their version, each once, as messages show them.

    Such a code has no category; a lost leading zero ("70.32" for 070.32) hides a comorbidity.

    Raises:
        InputError: See `comorbidity_flags`.
    """
    return implausible(_distinct(_checked(codes)).iter_rows())


def _tables(systems: Sequence[str]) -> list[CodeTable]:
    unknown = [name for name in systems if name not in SYSTEMS]
    if unknown or not systems:
        raise InputError(
            f"Comorbidities: found {', '.join(map(repr, unknown)) or 'none'}, expected some of "
            f"{', '.join(map(repr, SYSTEMS))}."
        )
    return [table for name, table in SYSTEMS.items() if name in systems]


def _checked(codes: polars.DataFrame | polars.LazyFrame) -> polars.LazyFrame:
    import polars as pl

    frame = codes.lazy()
    missing = [
        name for name in ("key", "code", "version") if name not in frame.collect_schema().names()
    ]
    if missing:
        raise InputError(
            f"Diagnoses: no column {', '.join(map(repr, missing))}; expected key, code and version."
        )
    return frame.select(
        "key", pl.col("code").cast(pl.String), pl.col("version").cast(pl.Int64, strict=False)
    )


def _distinct(frame: polars.LazyFrame) -> polars.DataFrame:
    import polars as pl

    pairs = frame.filter(pl.col("code").is_not_null()).select("code", "version").unique()
    distinct = pairs.collect(engine="streaming")
    check_versions(distinct["version"].unique())
    return distinct


def _look_up(frame: polars.LazyFrame, tables: Sequence[CodeTable]) -> polars.DataFrame:
    """Every distinct code with the categories of each table, one bit each."""
    import polars as pl

    distinct = _distinct(frame)
    pairs = list(distinct.iter_rows())
    return distinct.with_columns(
        pl.Series(table.column, [table.categories(*pair) for pair in pairs], dtype=pl.UInt32)
        for table in tables
    )
