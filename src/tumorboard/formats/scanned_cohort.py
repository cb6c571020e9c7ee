"""What a source of scans adds to the rows of its clinical table: columns, files, notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tumorboard.errors import InputError, nearest
from tumorboard.formats.messages import listed
from tumorboard.formats.named_files import match_files
from tumorboard.formats.patient_scans import Scans, center_cell, find_scans
from tumorboard.records import Cohort

#: Columns that scans give: folder or ZIP of the CT, DICOM segmentation (both below the folder of
#: the images), and the middle of the tumour in mm in DICOM's axes (LPS).
SCAN_COLUMNS = ("ct_series", "segmentation", "tumour_center_mm")


def require_columns(cohort: Cohort, names: Sequence[str], *, expected: str) -> None:
    """Refuse a table without these columns.

    Args:
        cohort: Its rows.
        names: Columns that the source needs.
        expected: The published table, for the message.

    Raises:
        InputError: Columns that are absent, with the nearest name; all of them.
    """
    known = list(cohort.columns)
    absent = [f"{name!r}. {nearest(name, known)}" for name in names if name not in cohort.columns]
    if absent:
        raise InputError(f"{cohort.table.name}: no column {listed(absent)} Expected {expected}.")


def scans_of(cohort: Cohort, *, images: str, annotations: str) -> Scans:
    """Scans of every row's patient; nothing where there is no folder of images.

    Args:
        cohort: Its rows.
        images: Folder below the data folder, or "none".
        annotations: Folder of AIM files below the data folder, or "none".

    Raises:
        InputError: A folder that is absent.
    """
    if images == "none":
        empty: list[str | None] = [None] * cohort.n_rows
        return Scans(empty, list(empty), [None] * cohort.n_rows)
    aim = None if annotations == "none" else cohort.root / annotations
    return find_scans(cohort.root / images, cohort.patient_id, annotations=aim)


def scan_columns(scans: Scans) -> dict[str, tuple[str | None, ...]]:
    """Cells of `SCAN_COLUMNS`."""
    cells = (scans.ct_series, scans.segmentation, [center_cell(c) for c in scans.center_mm])
    return {name: tuple(own) for name, own in zip(SCAN_COLUMNS, cells, strict=True)}


def extended(
    cohort: Cohort, columns: Mapping[str, Sequence[str | None]], *, files: Mapping[str, str],
    scans: Scans, known_later: Mapping[str, str], notes: Sequence[str] = (),
) -> Cohort:  # fmt: skip
    """The cohort with further columns, and with the files that its rows now name.

    Args:
        cohort: Rows of a table, without files.
        columns: What is added, one cell per row.
        files: Modality -> pattern, as given to `Source.read`.
        scans: What was found beside the table.
        known_later: Column -> when its facts are known.
        notes: Sentences for the report.

    Raises:
        StudyError, InputError: See `match_files`.
    """
    every = {**cohort.columns, **{name: tuple(cells) for name, cells in columns.items()}}
    patterns = {modality: text for modality, text in files.items() if text != "none"}
    found = match_files(
        every, patterns, root=cohort.root, patient_ids=cohort.patient_id, lines=cohort.line,
        table=cohort.table,
    )  # fmt: skip
    own: set[Path] = {record.path for record in (*cohort.records, *scans.records)}
    return replace(
        cohort,
        columns=every,
        files=found.files,
        records=(
            *cohort.records,
            *scans.records,
            *(r for r in found.records if r.path not in own or r.state == "used"),
        ),
        rejections=(*cohort.rejections, *scans.rejections, *found.rejections),
        notes=(*cohort.notes, *scans.notes, *notes, *found.notes),
        known_later={name: when for name, when in known_later.items() if name in every},
    )
