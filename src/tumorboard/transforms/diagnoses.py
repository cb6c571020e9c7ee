"""Diagnosis codes of admissions: who has a code, and codes in the form that comorbidities want."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tumorboard.errors import StudyError
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
    code = (
        pl.col(column).str.strip_chars().str.to_uppercase().str.replace_all(".", "", literal=True)
    )
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
        prefixes: With or without dots; "9:" or "10:" before one restricts it to that version.

    Raises:
        InputError: Columns or cells at fault.
        StudyError: No admission has such a code, or a prefix fits codes of both versions.
    """
    import polars as pl

    found: dict[str, polars.DataFrame] = {}
    with reading_codes(table):
        asked = {prefix: _starts(prefix) for prefix in prefixes}
        hits = (
            _codes(table)
            .with_columns(test.fill_null(value=False).alias(p) for p, test in asked.items())
            .filter(pl.any_horizontal(list(asked)))
            .collect(engine="streaming")
        )
    for prefix in asked:
        found[prefix] = hits.filter(pl.col(prefix))
    both = [prefix for prefix, rows in found.items() if rows["version"].n_unique() > 1]
    if both:
        raise StudyError(
            [
                f'cohort.icd: "{prefix}" fits codes of ICD-9 and of ICD-10, which mean different '
                f'things. Write "9:{prefix}" or "10:{prefix}", or both.'
                for prefix in both
            ]
        )
    if not hits.height:
        raise StudyError(
            f"cohort.icd: no admission of {table.path.name} has a code that begins with "
            f"{', '.join(prefixes)}. ICD-9 codes are written without dots, such as 1749."
        )
    return sorted(set(hits["key"].drop_nulls().to_list()))


def _starts(prefix: str) -> polars.Expr:
    import polars as pl

    version, colon, start = prefix.rpartition(":")
    test = pl.col("code").str.starts_with(start.strip().upper().replace(".", ""))
    return test & (pl.col("version") == int(version)) if colon else test
