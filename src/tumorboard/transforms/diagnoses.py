"""Diagnosis codes of admissions: who has a code, and codes in the form that comorbidities want."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tumorboard.errors import StudyError
from tumorboard.formats.icd_codes import begins_with, normalised
from tumorboard.formats.table_scan import HospitalTable, Kind, reading, scan

if TYPE_CHECKING:
    import polars


def _kinds(table: HospitalTable) -> dict[str, Kind]:
    """MIMIC-III has ICD-9 only, and says so in the name of its column."""
    if "icd9_code" in table.columns and "icd_code" not in table.columns:
        return {"hadm_id": "whole", "icd9_code": "text"}
    return {"hadm_id": "whole", "icd_code": "text", "icd_version": "whole"}


def _codes(table: HospitalTable) -> polars.LazyFrame:
    """`key` (the admission), `code` (upper case, no dots) and `version`."""
    import polars as pl

    kinds = _kinds(table)
    column = "icd_code" if "icd_code" in kinds else "icd9_code"
    code = normalised(pl.col(column))
    version = pl.col("icd_version") if "icd_version" in kinds else pl.lit(9, pl.Int64)
    return (
        scan(table, kinds)
        .select(pl.col("hadm_id").alias("key"), code.alias("code"), version.alias("version"))
        .filter(pl.col("code").is_not_null() & (pl.col("code") != ""))
    )


@contextmanager
def reading_codes(table: HospitalTable) -> Generator[None]:
    """See `reading`, for queries on `code_query`."""
    with reading((table, _kinds(table))):
        yield


def code_query(
    table: HospitalTable, admissions: polars.DataFrame, *, whole: bool
) -> polars.LazyFrame:
    """Codes of these admissions: `key`, `code`, `version`; nothing is read yet.

    Args:
        table: The table diagnoses_icd.
        admissions: `hadm_id` of the admissions.
        whole: They are all that the tables hold, so that nothing needs to be filtered.
    """
    codes = _codes(table)
    if whole:
        return codes
    return codes.join(
        admissions.lazy().select("hadm_id"), left_on="key", right_on="hadm_id", how="semi"
    )


def coded_admissions(table: HospitalTable, prefixes: Sequence[str]) -> list[int]:
    """Admissions with a code that starts with one of the prefixes.

    Args:
        table: The table diagnoses_icd.
        prefixes: As `begins_with` takes them.

    Raises:
        InputError: Columns or cells at fault.
        StudyError: No admission has such a code, or a prefix fits both versions of the table.
    """
    import polars as pl

    codes = _codes(table)
    with reading_codes(table):
        held = codes.select(pl.col("version").unique()).collect(engine="streaming")["version"]
        test = begins_with(pl.col("code"), pl.col("version"), prefixes, held=held.drop_nulls())
        hits = codes.filter(test).select(pl.col("key").unique()).collect(engine="streaming")["key"]
    if not len(hits):
        raise StudyError(
            f"cohort.icd: no admission of {table.path.name} has a code that begins with "
            f"{', '.join(prefixes)}. ICD-9 codes are written without dots, such as 1749."
        )
    return sorted(hits.drop_nulls().to_list())
