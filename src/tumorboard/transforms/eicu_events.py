"""What the eICU tables of diagnoses, treatments and medication say of each unit stay."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tumorboard.errors import InputError
from tumorboard.formats.messages import listed
from tumorboard.formats.table_scan import HospitalTable, Kind, reading, scan
from tumorboard.transforms.prescriptions import DRUG_CLASSES, classes_of

if TYPE_CHECKING:
    import polars


def read_diagnoses(table: HospitalTable) -> polars.DataFrame:
    """`key` (the stay), `code` and `version` of every diagnosis.

    A cell such as "253.2, E23.0" holds codes of both versions. V codes, and E codes of three digits
    before the dot, are ICD-9. A diagnosis without a code keeps its stay, with a null code: that the
    stay's diagnoses were recorded is known.

    Raises:
        InputError: Columns are missing, or the file cannot be read.
    """
    import polars as pl

    kinds: dict[str, Kind] = {"patientunitstayid": "text", "icd9code": "text"}
    code = pl.col("code")
    is_9 = code.str.contains(r"^(\d|V|E\d{3}(\.|$))")
    with reading((table, kinds)):
        return (
            scan(table, kinds)
            .filter(pl.col("patientunitstayid").is_not_null())
            .select(key=pl.col("patientunitstayid").str.strip_chars(), code="icd9code")
            .with_columns(code.str.split(","))
            .explode("code", empty_as_null=True, keep_nulls=True)
            .with_columns(code.str.strip_chars().str.to_uppercase().replace("", None))
            .with_columns(version=pl.when(is_9.fill_null(value=True)).then(9).otherwise(10))
            .collect(engine="streaming")
        )


def treatment_columns(
    table: HospitalTable, stays: polars.DataFrame, *, window_hours: Sequence[float] = ()
) -> polars.DataFrame:
    """`treatment_<class>`: 1 where the stay has a treatment of that class in the window.

    The class is the first part of the treatment's path, such as "cardiovascular". Null where the
    stay has no treatment in the window at all: then nobody wrote any down by its end, and what came
    later is not known yet.

    Raises:
        InputError: Cells at fault, or classes whose names differ only in signs.
    """
    import polars as pl

    kinds: dict[str, Kind] = {
        "patientunitstayid": "text", "treatmentoffset": "whole", "treatmentstring": "text",
    }  # fmt: skip
    with reading((table, kinds)):
        events = (
            scan(table, kinds)
            .select(
                stay="patientunitstayid",
                minute="treatmentoffset",
                kind=pl.col("treatmentstring").str.split("|").list.first().str.strip_chars(),
            )
            .collect(engine="streaming")
        )
    names = safe_names(sorted(events["kind"].drop_nulls().unique().to_list()), table)
    inside = events.filter(in_window(pl.col("minute"), window_hours))
    flags = inside.select("stay").unique()
    for kind, name in names.items():
        given = inside.filter(pl.col("kind") == kind)["stay"].unique()
        flags = flags.with_columns(
            pl.col("stay").is_in(given.implode()).cast(pl.Int8).alias(f"treatment_{name}")
        )
    return stays.select("admission_id").join(
        flags, left_on="admission_id", right_on="stay", how="left", maintain_order="left"
    )


def medication_columns(
    table: HospitalTable, stays: polars.DataFrame, *,
    classes: Sequence[str] = tuple(DRUG_CLASSES), window_hours: Sequence[float] = (),
) -> polars.DataFrame:  # fmt: skip
    """`drug_<class>`: 1 where a drug of that class was ordered, and not cancelled, in the window.

    The time is that of the start of the drug. Null where the stay has no order with a name in the
    window: a good part of the database's orders name no drug.

    Raises:
        InputError: Cells at fault.
    """
    import polars as pl

    kinds: dict[str, Kind] = {
        "patientunitstayid": "text", "drugstartoffset": "whole", "drugname": "text",
        "drugordercancelled": "text",
    }  # fmt: skip
    is_cancelled = (pl.col("drugordercancelled") == "Yes").fill_null(value=False)
    with reading((table, kinds)):
        orders = (
            scan(table, kinds)
            .filter(~is_cancelled & pl.col("drugname").is_not_null())
            .select(stay="patientunitstayid", minute="drugstartoffset", drug="drugname")
            .collect(engine="streaming")
        )
    names = orders["drug"].unique()
    known = [classes_of(name) for name in names]
    of_class = {
        f"drug_{c}": pl.Series([c in of for of in known], dtype=pl.Boolean) for c in classes
    }
    found = (
        orders.filter(in_window(pl.col("minute"), window_hours))
        .join(pl.DataFrame({"drug": names, **of_class}), on="drug")
        .group_by("stay")
        .agg(pl.col(list(of_class)).any().cast(pl.Int8))
    )
    return stays.select("admission_id").join(
        found, left_on="admission_id", right_on="stay", how="left", maintain_order="left"
    )


def in_window(minute: polars.Expr, window_hours: Sequence[float]) -> polars.Expr:
    """Whether a minute is in the window, both ends included; always true without a window."""
    import polars as pl

    if not window_hours:
        return pl.lit(value=True)
    first, last = (hours * 60 for hours in window_hours)
    return minute.is_between(first, last).fill_null(value=False)


def safe_names(names: Sequence[str], table: HospitalTable) -> dict[str, str]:
    """Names for columns: small letters, digits and single underscores; never two for one."""
    safe = {name: re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") for name in names}
    double = [name for name in names if list(safe.values()).count(safe[name]) > 1]
    if double:
        raise InputError(
            f"{table.path.name}: names that differ only in signs or case: {listed(double)}. "
            "Rename one of them."
        )
    return safe
