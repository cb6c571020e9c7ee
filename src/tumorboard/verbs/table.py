"""`tumorboard table`: the analysis-ready table of a study's source, as CSV or Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tumorboard.cache import write_atomic
from tumorboard.cohorts import Tabulated, tabulated
from tumorboard.errors import InputError
from tumorboard.evaluation.pairing import pairing_column
from tumorboard.formats.messages import counted
from tumorboard.study import Study
from tumorboard.training.found_cohort import build_source, with_records
from tumorboard.verbs.evaluate import data_root, load_study

if TYPE_CHECKING:
    import polars

#: How a table may be written, by the ending of its name.
ENDINGS = (".csv", ".parquet")
#: What a spreadsheet takes for a formula where a cell begins with it (see `escape_formula`).
_FORMULA = r"^[=+\-@\t\r]"


@dataclass(frozen=True)
class TableReport:
    """What was written.

    Args:
        tabulated: The table, and what was left out.
        lines: What the user should read, one line each.
        exit_code: 0, or 3 where named files were rejected.
    """

    tabulated: Tabulated
    lines: tuple[str, ...]
    exit_code: int


def write_table(
    study: Path, *, out: Path, data: Path | None = None, overrides: Sequence[str] = ()
) -> TableReport:
    """Write every row and column of a study's source, unimputed, before any selection of a task.

    In a CSV file a text cell that a spreadsheet would compute (it begins with = + - @) gets an
    apostrophe, unless it is a number; Parquet keeps every cell as it is.

    Args:
        study: Study file.
        out: File to write; its ending, .csv or .parquet, says how.
        data: Folder that file names start from; `TUMORBOARD_DATA`, else the study's folder.
        overrides: `key=value`, as after `--set`.

    Raises:
        StudyError: The study must be mended.
        InputError: The data must be mended, or `out` cannot be such a file; nothing is written.
    """
    study, out = Path(study), Path(out)
    _check_out(out)
    checked = load_study(study, overrides=overrides)
    root = data_root(checked, data)
    made = _tabulate(checked, root)
    inputs = {study.resolve(), *(record.path.resolve() for record in made.records)}
    if out.resolve() in inputs:
        raise InputError(f"--out {out}: is an input of this command. Choose another file.")
    frame = made.frame
    write_atomic(out, lambda temporary: _write(frame, temporary, out.suffix.lower()))
    return TableReport(made, _lines(made, out), 3 if made.rejections else 0)


def _tabulate(study: Study, root: Path) -> Tabulated:
    """The table of the source, with the columns of `[cohort] records` where it names any."""
    source = build_source(study.source, study.keys.cohort.source)
    if study.keys.cohort.records == "none":
        return source.tabulate(root)
    cohort = with_records(study, source.read(root, name=study.name, files={}), root)
    paired = pairing_column(study.as_tables(), cohort.n_rows)
    columns = {name: tuple(cells) for name, cells in paired.items()}
    return tabulated(replace(cohort, columns={**cohort.columns, **columns}))


def _check_out(out: Path) -> None:
    if out.suffix.lower() not in ENDINGS:
        raise InputError(f"--out {out}: expected a file that ends in {' or '.join(ENDINGS)}.")
    if out.is_dir():
        raise InputError(f"--out {out}: is a folder; expected a file.")


def _write(frame: polars.DataFrame, path: Path, ending: str) -> None:
    import polars as pl

    if ending == ".parquet":
        frame.write_parquet(path)
        return
    safe = frame.lazy().with_columns(_shown(name) for name in _texts(frame))
    safe = safe.rename({name: f"'{name}" for name in frame.columns if name[:1] in ("=", "+", "@")})
    floats = pl.col(pl.Float32, pl.Float64).fill_nan(None)
    safe.with_columns(floats).sink_csv(path, datetime_format="%Y-%m-%d %H:%M:%S")


def _texts(frame: polars.DataFrame) -> list[str]:
    import polars as pl

    return [name for name, kind in frame.schema.items() if kind == pl.String]


def _shown(name: str) -> polars.Expr:
    import polars as pl

    cell = pl.col(name)
    is_formula = cell.str.contains(_FORMULA) & cell.cast(pl.Float64, strict=False).is_null()
    return pl.when(is_formula).then(pl.concat_str(pl.lit("'"), cell)).otherwise(cell).alias(name)


def _lines(made: Tabulated, out: Path) -> tuple[str, ...]:
    frame = made.frame
    left = [
        f"left out: {step.reason}: {counted(step.n_patients, 'patient')}, "
        f"{counted(step.n_rows, 'row')}"
        for step in made.flow
    ]
    rejected = [
        f"rejected: patient {r.patient_id}{f', {r.path}' if r.path else ''}: {r.reason}"
        for r in made.rejections
    ]
    n_patients = frame.get_column(frame.columns[0]).n_unique()
    size = f"{counted(frame.height, 'row')} of {counted(n_patients, 'patient')}"
    written = f"{size}, {counted(frame.width, 'column')} written to {out}"
    return (*made.notes, *left, *rejected, written)
