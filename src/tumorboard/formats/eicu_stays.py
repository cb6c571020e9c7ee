"""Unit stays of the eICU database: who, where, when, and which stays came before.

The database has no dates: times are minutes from the unit admission, and of a hospital stay only
the year of discharge is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tumorboard.errors import InputError
from tumorboard.formats.messages import counted, listed, shown
from tumorboard.formats.table_scan import HospitalTable, Kind, read, refuse_repeated

if TYPE_CHECKING:
    import polars

#: The database writes "> 89" for every age above; 90 stands for it, beside a column that says so.
OVER_89 = 90.0
#: No stay and nothing measured around it is ten years away: such an offset is a typing error.
FARTHEST_MIN = 10 * 366 * 24 * 60
#: Columns of a stay that are there at unit admission, as far as the file has them.
AT_ADMISSION = (
    "hospitalid", "unittype", "unitadmitsource", "unitstaytype", "hospitaladmitsource",
)  # fmt: skip
_TEXT = (
    "patientunitstayid", "patienthealthsystemstayid", "uniquepid", "gender", "age", "ethnicity",
    "hospitaldischargestatus", "unitdischargestatus",
)  # fmt: skip
_WHOLE = (
    "unitvisitnumber", "hospitaldischargeyear", "hospitaladmitoffset", "hospitaldischargeoffset",
    "unitdischargeoffset",
)  # fmt: skip


def read_stays(table: HospitalTable) -> tuple[polars.DataFrame, list[str]]:
    """Every unit stay, and sentences for the report.

    Args:
        table: The table `patient`.

    Returns:
        `patient_id`, `admission_id` (the unit stay), `hospital_stay`, `age` (years; 90 for "> 89"),
        `age_over_89`, `sex`, `ethnicity`, the columns of `AT_ADMISSION`, `admission_diagnosis`,
        `admissionheight`, `admissionweight`, both discharge states, offsets in minutes, and `line`.

    Raises:
        InputError: Columns or cells at fault, ids that are empty or repeat, ages and offsets that
            cannot be.
    """
    import polars as pl

    kinds: dict[str, Kind] = dict.fromkeys(_TEXT, "text")
    kinds |= dict.fromkeys(_WHOLE, "whole")
    further: dict[str, Kind] = dict.fromkeys((*AT_ADMISSION, "apacheadmissiondx"), "text")
    further |= {"admissionheight": "number", "admissionweight": "number"}
    kinds |= {name: kind for name, kind in further.items() if name in table.columns}
    frame = read(table, kinds)
    is_blank = pl.all_horizontal(pl.col(name).is_null() for name in kinds)
    n_blank = frame.select(is_blank.sum()).item()
    frame = frame.filter(~is_blank).with_columns(
        pl.col(pl.String).str.strip_chars().replace("", None)
    )
    refuse_repeated(frame, "patientunitstayid", table)
    for column in ("uniquepid", "patienthealthsystemstayid"):
        _refuse_empty(frame, column, table)
    _refuse_offsets(frame, table)
    ages, n_old = _ages(frame, table)
    notes = [f"{table.path.name}: {counted(n_blank, 'empty row')} left out"] if n_blank else []
    if n_old:
        notes.append(
            f"{counted(n_old, 'stay')} of patients over 89 years: the source hides their age; the "
            f"table gives {OVER_89:g}, and 1 in age_over_89"
        )
    return _renamed(frame).with_columns(ages), notes


def _renamed(frame: polars.DataFrame) -> polars.DataFrame:
    names = {
        "uniquepid": "patient_id",
        "patientunitstayid": "admission_id",
        "patienthealthsystemstayid": "hospital_stay",
        "gender": "sex",
        "apacheadmissiondx": "admission_diagnosis",
    }
    return frame.rename({old: new for old, new in names.items() if old in frame.columns})


def _refuse_empty(frame: polars.DataFrame, column: str, table: HospitalTable) -> None:
    import polars as pl

    rows = [str(line) for line in frame.filter(pl.col(column).is_null())["line"].to_list()]
    if rows:
        raise InputError(
            f"{table.path.name}, column {column}: empty in row {listed(rows)}. Every stay needs it."
        )


def _refuse_offsets(frame: polars.DataFrame, table: HospitalTable) -> None:
    """A stay that ends before it begins."""
    import polars as pl

    offsets = [name for name in _WHOLE if name.endswith("offset")]
    far = pl.any_horizontal(pl.col(name).abs() > FARTHEST_MIN for name in offsets)
    tests = {
        "the unit discharge is before the unit admission": pl.col("unitdischargeoffset") < 0,
        "the hospital discharge is before the hospital admission": (
            pl.col("hospitaldischargeoffset") < pl.col("hospitaladmitoffset")
        ),
        "an offset of more than ten years": far,
    }
    faults = [
        f"row {row['line']} (stay {row['patientunitstayid']}): {reason}"
        for reason, test in tests.items()
        for row in frame.filter(test.fill_null(value=False)).iter_rows(named=True)
    ]
    if faults:
        raise InputError(
            f"{table.path.name}: {counted(len(faults), 'offset')} that cannot be (minutes from "
            f"unit admission): {listed(faults)}. Mend or remove the rows."
        )


def _ages(frame: polars.DataFrame, table: HospitalTable) -> tuple[list[polars.Series], int]:
    """`age` and `age_over_89`, and how many stays the latter holds for."""
    import polars as pl

    written = frame["age"].str.replace_all(r"\s", "")
    over = written == ">89"
    years = written.cast(pl.Float64, strict=False)
    wrong = written.is_not_null() & ~over & ~years.is_between(0, 120).fill_null(value=False)
    if wrong.any():
        rows = [
            f"row {row['line']}: {shown(row['age'])}"
            for row in frame.filter(wrong).iter_rows(named=True)
        ]
        raise InputError(
            f"{table.path.name}, column age: {listed(rows)}; expected years from 0 to 120, or "
            '"> 89".'
        )
    marked = pl.select(pl.when(over).then(OVER_89).otherwise(years).alias("age")).to_series()
    return [marked, over.cast(pl.Int8).alias("age_over_89")], int(over.sum())


def earlier_stays(stays: polars.DataFrame) -> polars.DataFrame:
    """Pairs `admission_id`, `earlier`: stays of the same patient that certainly came before.

    Certain is a smaller visit number within one hospital stay, and a hospital stay that ended in
    an earlier year. Two hospital stays of one year have no order that anybody could know.
    """
    import polars as pl

    columns = ["patient_id", "admission_id", "hospital_stay", "unitvisitnumber",
               "hospitaldischargeyear"]  # fmt: skip
    before = stays.select(columns).rename({"admission_id": "earlier"})
    same_stay = (pl.col("hospital_stay") == pl.col("hospital_stay_right")) & (
        pl.col("unitvisitnumber_right") < pl.col("unitvisitnumber")
    )
    other_stay = (pl.col("hospital_stay") != pl.col("hospital_stay_right")) & (
        pl.col("hospitaldischargeyear_right") < pl.col("hospitaldischargeyear")
    )
    return (
        stays.select(columns)
        .join(before, on="patient_id", suffix="_right")
        .filter(same_stay | other_stay)
        .select("admission_id", "earlier")
    )


def first_stays(stays: polars.DataFrame) -> tuple[polars.DataFrame, int]:
    """One stay per patient, in the order of the file, and for how many it may not be the first.

    The first is of the earliest year, then of the smallest visit number; between hospital stays of
    one year, whose order nobody knows, the one that stands first in the file.
    """
    import polars as pl

    order = stays.sort(
        "hospitaldischargeyear", "unitvisitnumber", "line", nulls_last=True, maintain_order=True
    )
    first = order.unique("patient_id", keep="first", maintain_order=True).sort("line")
    rivals = stays.join(
        first.select("patient_id", "admission_id", "hospital_stay", "hospitaldischargeyear"),
        on="patient_id",
        suffix="_first",
    ).filter(
        (pl.col("hospital_stay") != pl.col("hospital_stay_first"))
        & pl.col("hospitaldischargeyear").eq_missing(pl.col("hospitaldischargeyear_first"))
    )
    return first, rivals["patient_id"].n_unique()


def before_first(stays: polars.DataFrame, chosen: polars.DataFrame) -> tuple[tuple[str, ...], int]:
    """Stays that certainly came before the patient's first chosen one, and of how many none knows.

    Args:
        stays: All stays of the patients.
        chosen: Some of them, at least one of every patient.

    Returns:
        `admission_id` of the stays that came before every chosen stay of the patient; how many
        others are neither chosen nor certainly after a chosen one.
    """
    import polars as pl

    ids = chosen["admission_id"].implode()
    pairs = earlier_stays(stays)
    n_chosen = chosen.group_by("patient_id").agg(pl.len().alias("n_chosen"))
    n_later = pairs.filter(pl.col("admission_id").is_in(ids)).group_by("earlier").len("n_later")
    others = (
        stays.filter(~pl.col("admission_id").is_in(ids))
        .join(n_chosen, on="patient_id")
        .join(n_later, left_on="admission_id", right_on="earlier", how="left")
    )
    is_before = pl.col("n_later") == pl.col("n_chosen")
    before = others.filter(is_before)["admission_id"]
    after = pairs.filter(pl.col("earlier").is_in(ids))["admission_id"].unique()
    unsure = others.filter(
        ~is_before.fill_null(value=False) & ~pl.col("admission_id").is_in(after.implode())
    )
    return tuple(before.to_list()), unsure.height
