"""Labs of the eICU database: statistics of every lab per unit stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tumorboard.errors import InputError, nearest
from tumorboard.formats.eicu_stays import FARTHEST_MIN
from tumorboard.formats.messages import counted, listed, shown
from tumorboard.formats.table_scan import HospitalTable, Kind, reading, scan
from tumorboard.transforms.eicu_events import in_window, safe_names
from tumorboard.transforms.lab_units import STATISTICS, folded, folded_column

if TYPE_CHECKING:
    import polars

#: Fewer values under another unit say nothing about it.
UNIT_VALUES = 3


def lab_columns(
    table: HospitalTable, stays: polars.DataFrame, *, labs: Sequence[str] = (),
    window_hours: Sequence[float] = (), units: Mapping[str, str],
) -> tuple[polars.DataFrame, list[str]]:  # fmt: skip
    """Mean, minimum, maximum, last value and count of every lab per stay.

    Args:
        table: The table `lab`.
        stays: `admission_id` of the stays that are kept.
        labs: Names; empty for all.
        window_hours: (from, to) from unit admission, both included; empty for the whole stay.
        units: Lab -> the unit whose values are kept: the hospital's or the database's.

    Returns:
        `admission_id` and `lab_<name>_<statistic>`, null without a value, count 0 where the stay
        has other labs in the window; and sentences for the report.

    Raises:
        InputError: Cells at fault, a lab that nobody has, impossible offsets, units that differ
            within a lab.
    """
    import polars as pl

    events = _lab_events(table, stays, window_hours)
    known = [str(name) for name in events["lab"].unique().drop_nulls()]
    _refuse_unknown_labs([*labs, *units], known, table)
    far = events.filter(pl.col("minute").abs() > FARTHEST_MIN)
    if far.height:
        cells = [f"stay {row[0]}: {row[1]}" for row in far.select("stay", "minute").iter_rows()]
        raise InputError(
            f"{table.path.name}, column labresultoffset: more than ten years from admission: "
            f"{listed(cells)}. Mend or remove the rows."
        )
    if labs:
        events = events.filter(pl.col("lab").is_in(list(labs)))
    events, notes = _in_units(events, units)
    _refuse_mixed_units(events, table)
    notes += _odd_units(events, table)
    n_text = events["value"].null_count()
    if n_text:
        notes.append(f"{table.path.name}: {counted(n_text, 'result')} without a number left out")
    return _aggregated(events, stays, table), notes


def _in_units(
    events: polars.DataFrame, units: Mapping[str, str]
) -> tuple[polars.DataFrame, list[str]]:
    """Events of the labs named in `units` in that unit only, and all others."""
    import polars as pl

    notes: list[str] = []
    for lab, unit in units.items():
        is_kept = (pl.col("lab") != lab) | (
            pl.any_horizontal(pl.col("unit", "system") == folded(unit)).fill_null(value=False)
        )
        n_other = events.filter(~is_kept)["value"].count()
        events = events.filter(is_kept)
        notes += [f"{counted(n_other, 'value')} of {lab} in another unit than {unit} left out"]
    return events, notes


def _lab_events(
    table: HospitalTable, stays: polars.DataFrame, window_hours: Sequence[float]
) -> polars.DataFrame:
    """Events in the window, and those at impossible times; repeated words are stored once."""
    import polars as pl

    kinds: dict[str, Kind] = {
        "patientunitstayid": "text", "labname": "text", "labresult": "number",
        "labresultoffset": "whole", "labmeasurenamesystem": "text",
    }  # fmt: skip
    if "labmeasurenameinterface" in table.columns:
        kinds["labmeasurenameinterface"] = "text"
    with reading((table, kinds)):
        frame = scan(table, kinds).join(
            stays.lazy().select(pl.col("admission_id").alias("patientunitstayid")),
            on="patientunitstayid",
            how="semi",
        )
        named = (
            pl.coalesce("labmeasurenameinterface", "labmeasurenamesystem")
            if "labmeasurenameinterface" in kinds
            else pl.col("labmeasurenamesystem")
        )
        events = frame.select(
            stay="patientunitstayid",
            lab=pl.col("labname").str.strip_chars().cast(pl.Categorical),
            minute="labresultoffset",
            value=pl.when(pl.col("labresult").is_finite()).then("labresult"),
            system=folded_column(pl.col("labmeasurenamesystem")).cast(pl.Categorical),
            unit=folded_column(named).cast(pl.Categorical),
        )
        minute = pl.col("minute")
        is_far = minute.abs() > FARTHEST_MIN
        inside = in_window(minute, window_hours)
        return events.filter(inside | is_far).collect(engine="streaming")


def _refuse_unknown_labs(asked: Sequence[str], known: Sequence[str], table: HospitalTable) -> None:
    unknown = [name for name in asked if name not in known]
    if unknown:
        advice = " ".join(nearest(name, known) for name in unknown)
        raise InputError(
            f"{table.path.name}: no lab {', '.join(map(shown, unknown))} among those of the kept "
            f"stays (cohort.labs, cohort.lab_units). {advice}"
        )


def _refuse_mixed_units(events: polars.DataFrame, table: HospitalTable) -> None:
    """The database converts results to a unit of its own, which must be one for each lab."""
    import polars as pl

    named = events.filter(pl.col("system").is_not_null() & pl.col("value").is_not_null())
    by_unit = (
        named.group_by("lab", "system").agg(n=pl.len()).sort("lab", "n", descending=[False, True])
    )
    mixed = by_unit.filter(pl.len().over("lab") > 1)
    if mixed.height:
        lines = [
            f"{lab[0]}: " + ", ".join(f"{unit!r} {n:,}" for _, unit, n in rows.iter_rows())
            for lab, rows in mixed.group_by("lab", maintain_order=True)
        ]
        lab, unit, _ = mixed.row(0)
        raise InputError(
            f"{table.path.name}: units differ within a lab item: {listed(lines)} values. Convert "
            "them, leave the item out (cohort.labs), or keep one unit, such as cohort.lab_units = "
            f'{{"{lab}" = "{unit}"}}.'
        )


def _odd_units(events: polars.DataFrame, table: HospitalTable) -> list[str]:
    """Labs with values far from all others under another unit of a hospital.

    Hospitals spell one unit in a dozen ways, and the database converts most; what it did not shows
    in values that do not meet those under the commonest unit.
    """
    import polars as pl

    by_unit = (
        events.filter(pl.col("value").is_not_null() & pl.col("unit").is_not_null())
        .group_by("lab", "unit")
        .agg(pl.col("value").min().alias("low"), pl.col("value").max().alias("high"), n=pl.len())
        .filter(pl.col("n") >= UNIT_VALUES)
        .sort("lab", "n", "unit", descending=[False, True, False])
    )
    low, high = (pl.col(name).first().over("lab") for name in ("low", "high"))
    is_apart = (pl.col("low") > high) | (pl.col("high") < low)
    is_main = pl.int_range(pl.len()).over("lab") == 0
    apart = by_unit.filter(is_apart | (is_main & is_apart.any().over("lab")))
    lines = [
        f"{lab[0]}: "
        + ", ".join(f"{u!r} {a:g} to {b:g} ({counted(n, 'value')})" for _, u, a, b, n in r.rows())
        for lab, r in apart.group_by("lab", maintain_order=True)
    ]
    if not lines:
        return []
    return [
        f"{table.path.name}: values far apart under the units that hospitals wrote, perhaps not "
        f"converted (cohort.lab_units keeps one): {'; '.join(lines)}"
    ]


def _aggregated(
    events: polars.DataFrame, stays: polars.DataFrame, table: HospitalTable
) -> polars.DataFrame:
    """One row per kept stay, one column per lab and statistic, labs in alphabetical order."""
    import polars as pl

    value = pl.col("value")
    valued = events.filter(value.is_not_null())
    labs = sorted(valued["lab"].unique().to_list(), key=str.casefold)
    names = safe_names(labs, table)
    long = (
        valued.sort("minute", maintain_order=True, nulls_last=False)
        .group_by("stay", "lab")
        .agg(
            value.mean().alias("mean"), value.min().alias("min"), value.max().alias("max"),
            value.last().alias("last"), value.count().alias("count"),
        )
    )  # fmt: skip
    wide = events.select("stay").unique()
    by_lab = {str(lab[0]): rows for lab, rows in long.group_by("lab")}
    for lab in labs:
        one = by_lab[lab].select(
            "stay", *(pl.col(name).alias(f"lab_{names[lab]}_{name}") for name in STATISTICS)
        )
        wide = wide.join(one, on="stay", how="left").with_columns(
            pl.col(f"lab_{names[lab]}_count").fill_null(0)
        )
    return stays.select("admission_id").join(
        wide, left_on="admission_id", right_on="stay", how="left", maintain_order="left"
    )
