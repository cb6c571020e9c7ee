"""A cohort of annotations: one row for each, with its image, class and place in pixels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.formats.annotated_images import read_annotated_images
from tumorboard.formats.annotation_pairing import AnnotatedImages, AnnotationRules
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.named_files import NamedFiles, match_files
from tumorboard.formats.patient_ids import check_patient_ids
from tumorboard.formats.tables import Table, read_table
from tumorboard.records import Cohort, FileRecord, FlowStep

Columns = dict[str, tuple[str | None, ...]]

#: Columns that every cohort of annotations has, in this order.
COLUMNS = ("image", "class", "x_px", "y_px", "width_px", "height_px", "annotation_id")

_BRACES = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class ImageTable:
    """A table with facts of images or patients, joined to their annotations.

    Args:
        table: The table as read; None where there is none.
        missing: Codes that mean not known.
        patient_id: Its column with the patient, where it has one row per patient.
    """

    table: Table | None
    missing: tuple[str, ...]
    patient_id: str

    @classmethod
    def read(
        cls, root: Path, *, name: str, missing: tuple[str, ...], patient_id: str
    ) -> ImageTable:
        """Read the table of a study; `name` "none" is no table.

        Raises:
            InputError: No such table, neither a column `image` nor the patient's, one row twice.
        """
        if name == "none":
            return cls(None, missing, patient_id)
        table = read_table(root / name, missing=missing)
        clash = [column for column in table.columns if column in COLUMNS[1:]]
        if clash:
            raise InputError(
                f"{table.path.name}: columns {listed(clash)} are those of the annotations. "
                "Rename them."
            )
        found = cls(table, missing, patient_id)
        found.rows()
        return found

    @property
    def key(self) -> str:
        """Column that rows are found by: "image" before the patient's."""
        table = self.table
        columns = table.columns if table else ()
        for name in ("image", self.patient_id):
            if name in columns:
                return name
        path = table.path.name if table else ""
        raise InputError(
            f"{path}: neither a column 'image' nor {self.patient_id!r} (cohort.patient_id). "
            f"{nearest(self.patient_id, columns)}"
        )

    def rows(self) -> dict[str, int]:
        """Image or patient -> row; images by their name without ending."""
        if self.table is None:
            return {}
        is_image = self.key == "image"
        cells = [(cell or "").strip() for cell in self.table.cells[self.key]]
        keys = [_stem(cell) if is_image else cell for cell in cells]
        rows = {key: i for i, key in enumerate(keys)}
        if len(rows) < len(keys):
            twice = sorted({key for key in keys if keys.count(key) > 1}) if len(keys) < 5000 else []
            raise InputError(
                f"{self.table.path.name}, column {self.key}: one row for each is expected, found "
                f"several for {listed(twice) or 'some'}."
            )
        return rows

    def column(self, name: str) -> list[str | None]:
        """Cells of a column, None where missing."""
        codes = {code.strip() for code in self.missing}
        cells = self.table.cells[name] if self.table else ()
        return [None if cell is None or cell.strip() in codes else cell for cell in cells]


def read_annotated_cohort(
    root: Path, rules: AnnotationRules, *, name: str, files: Mapping[str, str], patient: str,
    joined: ImageTable,
) -> Cohort:  # fmt: skip
    """Every annotation below `root` as a row.

    Args:
        root: Folder that names start from.
        rules: Where images and annotations are, and how they are read.
        name: Name of the cohort.
        files: Modality -> pattern; the columns are `COLUMNS` and those of the joined table.
        patient: Regular expression with one group that the name of an image without its ending must
            match as a whole, or {column} of the joined table.
        joined: Facts of images or patients.

    Raises:
        InputError: See `annotated_images`; names without a patient; images that the table lacks.
        StudyError: Patterns or expressions at fault.
    """
    found = read_annotated_images(root, rules, name_patients=patient_namer(patient, joined))
    rows = [(image, one) for image, marks in found.rows.items() for one in marks]
    if not rows:
        reasons = listed([r.reason for r in found.rejections]) or "every file is empty"
        raise InputError(f"{root}: no annotation that can be used: {reasons}.")
    units = tuple(f"{_stem(image)}:{one.number}" for image, one in rows)
    columns: Columns = {
        "image": tuple(image for image, _ in rows),
        "class": tuple(one.class_name for _, one in rows),
        "x_px": tuple(_text(one.x) for _, one in rows),
        "y_px": tuple(_text(one.y) for _, one in rows),
        "width_px": tuple(_text(one.width) for _, one in rows),
        "height_px": tuple(_text(one.height) for _, one in rows),
        "annotation_id": units,
    }
    patients = tuple(found.patients[image] for image, _ in rows)
    columns |= _joined_columns(joined, columns["image"], patients)
    lines = tuple(range(2, len(rows) + 2))
    place = joined.table.path if joined.table else root / _folder(rules.annotations)
    matched = _match(columns, files, root=root, patients=patients, lines=lines, table=place)
    table_record = (FileRecord(place, "used", "facts of images"),) if joined.table else ()
    return Cohort(
        name=name,
        patient_id=patients,
        unit_id=units,
        columns=columns,
        files=matched.files,
        line=lines,
        table=place,
        root=root,
        records=(*table_record, *_records(found, matched, place)),
        rejections=(*found.rejections, *matched.rejections),
        flow=_flow(found),
        notes=(*(joined.table.notes if joined.table else ()), *found.notes, *matched.notes),
        annotations=dict(found.counts),
    )


def patient_namer(patient: str, joined: ImageTable) -> Callable[[Sequence[str]], Mapping[str, str]]:
    """Function from names of images to the patient of each; see `read_annotated_cohort`.

    Raises:
        StudyError: Neither {column} nor a regular expression with one group.
    """
    braces = _BRACES.fullmatch(patient)
    if braces:
        return _from_table(braces[1], joined)
    try:
        expression = re.compile(patient)
    except re.error as error:
        raise StudyError(
            f"cohort.patient: {patient!r} is no regular expression ({error})."
        ) from None
    if expression.groups != 1:
        raise StudyError(
            f"cohort.patient: {patient!r} has {expression.groups} groups, expected one (...) that "
            "holds the patient, such as 'Case_(.+)-[0-9]+', or {column} of cohort.table."
        )

    def name(images: Sequence[str]) -> Mapping[str, str]:
        matches = {image: expression.fullmatch(_stem(image)) for image in images}
        strangers = [image for image, match in matches.items() if match is None or not match[1]]
        if strangers:
            raise InputError(
                f"{counted(len(strangers), 'name')} without a patient: {listed(strangers)}; "
                f"cohort.patient is {patient!r}. Mend the expression or the names."
            )
        return _checked({image: str(match[1]) for image, match in matches.items() if match})

    return name


def _from_table(column: str, joined: ImageTable) -> Callable[[Sequence[str]], Mapping[str, str]]:
    table = joined.table
    if table is None or column not in table.columns or joined.key != "image":
        found = listed(table.columns) if table else "no cohort.table"
        raise StudyError(
            f"cohort.patient: {{{column}}} needs a cohort.table with the columns 'image' and "
            f"{column!r}; found {found}."
        )
    row_of, cells = joined.rows(), joined.column(column)

    def name(images: Sequence[str]) -> Mapping[str, str]:
        rows = {image: row_of.get(_stem(image)) for image in images}
        patients = {i: cells[row] for i, row in rows.items() if row is not None}
        strangers = [image for image in images if not (patients.get(image) or "").strip()]
        if strangers:
            raise InputError(
                f"{table.path.name}: no {column} for {counted(len(strangers), 'image')}: "
                f"{listed(strangers)}."
            )
        return _checked({image: str(cell).strip() for image, cell in patients.items()})

    return name


def _checked(patients: dict[str, str]) -> dict[str, str]:
    """Refuse two spellings of one patient; see `check_patient_ids`."""
    numbers = range(1, len(patients) + 1)
    check_patient_ids(
        list(patients.values()),
        column="patient",
        lines=list(numbers),
        table=Path("names of images"),
    )
    return patients


def _joined_columns(
    joined: ImageTable, images: Sequence[str | None], patients: Sequence[str]
) -> Columns:
    if joined.table is None:
        return {}
    row_of = joined.rows()
    keys = [_stem(str(image)) for image in images] if joined.key == "image" else list(patients)
    absent = [key for key in dict.fromkeys(keys) if key not in row_of]
    if absent:
        raise InputError(
            f"{joined.table.path.name}, column {joined.key}: no row for {listed(absent)}, which "
            "the annotations have. Add them, or leave them out of the folder."
        )
    rows = [row_of[key] for key in keys]
    names = [name for name in joined.table.columns if name not in ("image", joined.patient_id)]
    cells = {name: joined.column(name) for name in names}
    return {name: tuple(values[row] for row in rows) for name, values in cells.items()}


def _match(
    columns: Columns, files: Mapping[str, str], *, root: Path, patients: Sequence[str],
    lines: Sequence[int], table: Path,
) -> NamedFiles:  # fmt: skip
    """`match_files` asked once for rows that name the same files: thousands share one image."""
    patterns = {modality: text for modality, text in files.items() if text != "none"}
    named = {name for text in patterns.values() for name in _BRACES.findall(text)}
    used = [columns[name] for name in sorted(named & set(columns))]
    keys = list(zip(patients, *used, strict=True))
    first: dict[tuple[str | None, ...], int] = {}
    for row, key in enumerate(keys):
        first.setdefault(key, row)
    chosen = list(first.values())
    found = match_files(
        {name: [cells[row] for row in chosen] for name, cells in columns.items()}, patterns,
        root=root, patient_ids=[patients[row] for row in chosen],
        lines=[lines[row] for row in chosen], table=table,
    )  # fmt: skip
    position = {key: i for i, key in enumerate(first)}
    at = [position[key] for key in keys]
    spread = {name: tuple(paths[i] for i in at) for name, paths in found.files.items()}
    return NamedFiles(spread, found.records, found.rejections, found.notes)


def _records(found: AnnotatedImages, matched: NamedFiles, table: Path) -> list[FileRecord]:
    """Every file once: what a modality uses carries its name, all else is as it was found."""
    records = {record.path: record for record in found.records.values()}
    for record in matched.records:
        if record.state != "ignored" or record.path not in records:
            records[record.path] = record
    records.pop(table, None)
    return list(records.values())


def _flow(found: AnnotatedImages) -> tuple[FlowStep, ...]:
    """Patients of images or annotation files without an annotation that can be used, and why."""
    kept = {found.patients[image] for image in found.rows}
    steps: dict[str, list[str]] = {}
    for patient in dict.fromkeys([*found.patients.values(), *found.lost]):
        if patient not in kept:
            reason = found.lost.get(patient, "no annotation that can be used")
            steps.setdefault(reason, []).append(patient)
    return tuple(FlowStep(why, len(lost), 0, tuple(lost)) for why, lost in steps.items())


def _text(number: float | None) -> str | None:
    return None if number is None else repr(round(number, 4))


def _stem(name: str) -> str:
    return PurePosixPath(name).stem


def _folder(pattern: str) -> str:
    return pattern.split("*", 1)[0].rstrip("/") or "."
