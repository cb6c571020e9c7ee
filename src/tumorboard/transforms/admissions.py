"""Hospital admissions with what is known of the patient at each, in the layouts of MIMIC.

One row per admission of everybody in the tables, in the order of patient and admission time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tumorboard.errors import InputError
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.table_scan import HospitalTable, Kind, read, refuse_repeated

if TYPE_CHECKING:
    import polars

#: MIMIC-III moves the birth of patients over 89 to 300 years before their first admission; their
#: median age is published as 91.4 (documentation of the table PATIENTS).
MOVED_FROM_YEARS = 200
MEDIAN_OVER_89 = 91.4
#: Nobody is admitted at a greater age, in years.
OLDEST = 120
#: Facts of an admission that are there at admission, as far as the file has them.
AT_ADMISSION = (
    "admission_type", "admission_location", "insurance", "language", "marital_status",
)  # fmt: skip
#: Columns that nobody knows when the patient is admitted -> when they are known.
KNOWN_LATER: Mapping[str, str] = {
    "dischtime": "at discharge",
    "deathtime": "at death",
    "discharge_location": "at discharge",
    "hospital_expire_flag": "at discharge",
    "length_of_stay_days": "at discharge",
    "days_to_death": "at death",
}
_DAY_US = 86_400_000_000


def read_admissions(
    patients: HospitalTable, admissions: HospitalTable
) -> tuple[polars.DataFrame, list[str], tuple[str, ...]]:
    """Every admission with the facts of its patient; nobody is left out yet.

    Age is in completed years at admission: `anchor_age` plus the years since `anchor_year` in
    MIMIC-IV (where 91 stands for everybody over 89), from `dob` in MIMIC-III, where a birth moved
    by 300 years counts as 91.4, the published median of these patients. `n_earlier_admissions`
    counts the patient's admissions that began earlier, ended or not;
    `days_since_prior_discharge` goes back to the last discharge before (or at) the admission,
    whichever admission it ended, and is null while none has ended.

    Returns:
        The admissions, sentences for the report, and the patients without an admission.

    Raises:
        InputError: Columns or cells at fault, ids that repeat, an admission of nobody.
    """
    import polars as pl

    people = _read_patients(patients)
    stays = _read_stays(admissions)
    strangers = stays.join(people, on="subject_id", how="anti")
    if strangers.height:
        rows = listed(
            [f"{r['hadm_id']} (row {r['line']})" for r in strangers.iter_rows(named=True)]
        )
        raise InputError(
            f"{admissions.path.name}: admission {rows} is of a subject_id that "
            f"{patients.path.name} does not have. Were both tables cut in the same way?"
        )
    frame = (
        stays.rename({"line": "line_admissions"})
        .join(people.rename({"line": "line_patients"}), on="subject_id", how="left")
        .sort("subject_id", "admittime", "hadm_id")
        .with_columns(_age(people), _n_earlier(), *_stay())
    )
    frame = frame.with_columns(_days_since_discharge(frame))
    n_old = frame.filter(_is_over_89(people))["subject_id"].n_unique()
    notes = (
        [
            f"{counted(n_old, 'patient')} over 89 years: the source hides their age; the table "
            "gives 91 in MIMIC-IV (later years are added) and 91.4 in MIMIC-III"
        ]
        if n_old
        else []
    )
    without = people.join(stays, on="subject_id", how="anti")["subject_id"].sort()
    return frame.with_columns(pl.int_range(pl.len()).alias("stay")), notes, tuple(map(str, without))


def impossible_dates(
    frame: polars.DataFrame, patients: HospitalTable, admissions: HospitalTable
) -> dict[int, str]:
    """Rows of `frame` whose dates cannot be, with what is wrong and where it stands."""
    import polars as pl

    day = pl.col("admittime").dt.date()
    tests: list[tuple[str, polars.Expr]] = [
        ("discharge before admission", pl.col("dischtime") < pl.col("admittime")),
        ("death in hospital before admission", pl.col("deathtime") < pl.col("admittime")),
        ("death before admission", pl.col("dod").dt.date() < day),
    ]
    if "dob" in frame.columns:
        tests.append(("birth after admission", pl.col("dob").dt.date() > day))
    else:  # the shown age is of the anchor year
        tests.append(("birth after admission", pl.col("age") < 0))
    found: dict[int, str] = {}
    for reason, test in tests:
        of_patient = reason.startswith(("death before", "birth"))
        table, line = (patients, "line_patients") if of_patient else (admissions, "line_admissions")
        for row in frame.filter(test.fill_null(value=False)).iter_rows(named=True):
            place = f"{table.path.name} row {row[line]}"
            found.setdefault(
                row["stay"],
                f"admission {row['hadm_id']} of {row['subject_id']} ({place}): {reason}",
            )
    return found


def earlier_admissions(flags: polars.DataFrame, frame: polars.DataFrame) -> polars.DataFrame:
    """For every admission, what the patient's admissions that ended before it say together.

    Codes are assigned at discharge: an admission that goes on while the next begins, or whose
    discharge nobody knows, says nothing yet.

    Args:
        flags: `key` (the admission) and columns of 0 and 1.
        frame: Every admission of the patients: `subject_id`, `hadm_id`, `admittime`, `dischtime`.

    Returns:
        `hadm_id` and the columns of `flags`: 1 where any earlier admission has a 1, 0 where none
        has; null without an earlier admission that has codes.
    """
    import polars as pl

    columns = [name for name in flags.columns if name != "key"]
    ended = (
        frame.filter(pl.col("dischtime").is_not_null())
        .join(flags, left_on="hadm_id", right_on="key")
        .select("subject_id", pl.max_horizontal("admittime", "dischtime").alias("end"), *columns)
        .sort("end")
        .with_columns(pl.col(columns).cum_max().over("subject_id"))
    )
    return (
        frame.select("subject_id", "hadm_id", "admittime")
        .sort("admittime")
        .join_asof(
            ended, left_on="admittime", right_on="end", by="subject_id", strategy="backward",
            allow_exact_matches=False, check_sortedness=False,
        )
        .select("hadm_id", *columns)
    )  # fmt: skip


def still_there(hours: float) -> polars.Expr:
    """Whether a patient is still in hospital, and alive, so many hours after admission."""
    import polars as pl

    gone = pl.min_horizontal("dischtime", "deathtime")
    later = gone > pl.col("admittime") + pl.duration(hours=hours)
    return gone.is_null() | later


def _read_patients(table: HospitalTable) -> polars.DataFrame:
    import polars as pl

    kinds: dict[str, Kind] = {"subject_id": "whole", "gender": "text"}
    if "anchor_age" in table.columns or "dob" not in table.columns:
        kinds |= {"anchor_age": "number", "anchor_year": "whole"}
    else:
        kinds["dob"] = "moment"
    kinds["dod"] = "moment"
    frame = read(table, kinds)
    refuse_repeated(frame, "subject_id", table)
    if "anchor_age" in frame.columns:
        _refuse(frame, ~pl.col("anchor_age").is_between(0, OLDEST), "anchor_age", table,
                f"years from 0 to {OLDEST}")  # fmt: skip
    return frame


def _read_stays(table: HospitalTable) -> polars.DataFrame:
    import polars as pl

    race = table.first_of("race", "ethnicity")
    kinds: dict[str, Kind] = {
        "subject_id": "whole", "hadm_id": "whole", "admittime": "moment", "dischtime": "moment",
        "deathtime": "moment", "admission_type": "text", "hospital_expire_flag": "whole",
    }  # fmt: skip
    further = (*AT_ADMISSION, "discharge_location", race)
    kinds |= {name: "text" for name in further if name in table.columns}
    frame = read(table, kinds)
    refuse_repeated(frame, "hadm_id", table)
    for column in ("subject_id", "admittime"):
        empty = [str(line) for line in frame.filter(pl.col(column).is_null())["line"].to_list()]
        if empty:
            raise InputError(
                f"{table.path.name}, column {column}: empty in row {listed(empty)}. "
                "Every admission needs it."
            )
    is_flag = pl.col("hospital_expire_flag").is_in([0, 1])
    _refuse(frame, ~is_flag, "hospital_expire_flag", table, "0 or 1")
    if race in frame.columns:
        frame = frame.rename({race: "race"})
    return frame.with_columns(pl.col(pl.String).str.strip_chars().replace("", None))


def _refuse(
    frame: polars.DataFrame, wrong: polars.Expr, column: str, table: HospitalTable, expected: str
) -> None:
    """Cells that no such column can hold; every row at fault."""
    rows = [
        f"row {row['line']}: {row[column]:g}"
        for row in frame.filter(wrong.fill_null(value=False)).iter_rows(named=True)
    ]
    if rows:
        raise InputError(
            f"{table.path.name}, column {column}: {listed(rows)}; expected {expected}. "
            "Mend the cells, or empty them where the value is not known."
        )


def _is_over_89(people: polars.DataFrame) -> polars.Expr:
    import polars as pl

    if "dob" in people.columns:
        return pl.col("admittime").dt.year() - pl.col("dob").dt.year() >= MOVED_FROM_YEARS
    return pl.col("anchor_age") >= 91


def _age(people: polars.DataFrame) -> polars.Expr:
    import polars as pl

    year = pl.col("admittime").dt.year()
    if "dob" not in people.columns:
        return (pl.col("anchor_age") + year - pl.col("anchor_year")).alias("age")
    born, came = pl.col("dob"), pl.col("admittime")
    # months are 8-bit numbers, which a hundred of them overflows
    before_birthday = (came.dt.month().cast(pl.Int32) * 100 + came.dt.day()) < (
        born.dt.month().cast(pl.Int32) * 100 + born.dt.day()
    )
    years = (year - born.dt.year() - before_birthday.cast(pl.Int32)).cast(pl.Float64)
    return pl.when(_is_over_89(people)).then(MEDIAN_OVER_89).otherwise(years).alias("age")


def _n_earlier() -> polars.Expr:
    """Admissions of the patient that began earlier, which is known when this one begins."""
    import polars as pl

    rank = pl.col("admittime").rank("min").over("subject_id").cast(pl.Int64)
    return (rank - 1).alias("n_earlier_admissions")


def _days_since_discharge(frame: polars.DataFrame) -> polars.Series:
    """For every row, in its order; stays may overlap, so the last to begin may end last or not."""
    import polars as pl

    came, left = pl.col("admittime"), pl.col("dischtime")
    # an admission does not follow itself, even where it ends at once
    end = pl.max_horizontal(left, came + pl.duration(microseconds=1))
    ended = frame.filter(left.is_not_null()).select(
        "subject_id", end.alias("end"), pl.max_horizontal(left, came).alias("last")
    )
    days = (came - pl.col("last")).dt.total_microseconds() / _DAY_US
    return (
        frame.select("subject_id", "admittime")
        .with_row_index("row")
        .sort("admittime")
        .join_asof(
            ended.sort("end"), left_on="admittime", right_on="end", by="subject_id",
            strategy="backward", check_sortedness=False,
        )
        .sort("row")
        .select(days.alias("days_since_prior_discharge"))
        .to_series()
    )  # fmt: skip


def _stay() -> list[polars.Expr]:
    import polars as pl

    came = pl.col("admittime")
    stay = (pl.col("dischtime") - came).dt.total_microseconds() / _DAY_US
    to_death = (pl.col("deathtime") - came).dt.total_microseconds() / _DAY_US
    to_day = (pl.col("dod").dt.date() - came.dt.date()).dt.total_days().cast(pl.Float64)
    return [
        stay.alias("length_of_stay_days"),
        pl.coalesce(to_death, to_day).alias("days_to_death"),
    ]
