"""Folders of the BraTS challenges: which file is which sequence of which case of which patient.

Until 2021 a case is `BraTS20_Training_001` or `BraTS2021_00000` with `_t1`, `_t1ce`, `_t2`,
`_flair` and `_seg` behind its name; from 2023 on it is `BraTS-GLI-00000-000`, the last number being
the time point of the patient, with `-t1n`, `-t1c`, `-t2w`, `-t2f` and `-seg`. Folders may lie in
folders, as HGG and LGG did until 2019.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorboard.errors import InputError
from tumorboard.formats.file_patterns import natural_key
from tumorboard.formats.messages import counted, listed
from tumorboard.records import FileRecord, Rejection

#: Columns of the sequences and of the mask, and how the challenges have called them.
SEQUENCES = {
    "t1": ("t1", "t1n"), "t1c": ("t1c", "t1ce", "t1gd"), "t2": ("t2", "t2w"),
    "flair": ("flair", "t2f"), "seg": ("seg",),
}  # fmt: skip
_COLUMN = {word: column for column, words in SEQUENCES.items() for word in words}
_ENDINGS = (".nii.gz", ".nii")
#: A case of 2023 and later: challenge, patient, time point.
_WITH_TIME = re.compile(r"(BraTS-[A-Za-z]+-[0-9]+)-([0-9]+)")
#: A case of 2017 to 2019, such as Brats18_CBICA_AAB_1: the last number counts scans of the patient.
_WITH_SCAN = re.compile(r"(Brats1[789]_.+)_([0-9]+)")
_CASE = re.compile(r"brats", re.IGNORECASE)


@dataclass(frozen=True)
class Case:
    """One examination.

    Args:
        name: Of its folder.
        patient_id: The name without time point.
        timepoint: As it is written; empty where names have none.
        folder: Its folder.
        files: Column of `SEQUENCES` -> file.
    """

    name: str
    patient_id: str
    timepoint: str
    folder: Path
    files: dict[str, Path]


@dataclass(frozen=True)
class Found:
    """What lies below a folder.

    Args:
        cases: In natural order of their names.
        rejections: A sequence or a mask that a case lacks.
        records: Files with names that are not those of their case.
        notes: Sentences for the report.
    """

    cases: tuple[Case, ...]
    rejections: tuple[Rejection, ...]
    records: tuple[FileRecord, ...]
    notes: tuple[str, ...]


def find_cases(folder: Path) -> Found:
    """Every case below a folder.

    Raises:
        InputError: No such folder, no case in it, or two folders or files of one name.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such folder (cohort.images). Check --data or cohort.images."
        )
    records: list[FileRecord] = []
    cases = [_read_case(place, records) for place in _places(folder)]
    if not cases:
        raise InputError(
            f"{folder}: no case of BraTS here. Expected folders such as BraTS20_Training_001 with "
            "BraTS20_Training_001_flair.nii.gz, or BraTS-GLI-00000-000 with "
            "BraTS-GLI-00000-000-t2f.nii.gz. Name their folder in cohort.images."
        )
    cases.sort(key=lambda case: natural_key(case.name))
    _refuse_twice(cases, folder)
    has_masks = any("seg" in case.files for case in cases)
    rejections = [
        Rejection(case.patient_id, case.folder, _absent(case, column))
        for case in cases
        for column in SEQUENCES
        if column not in case.files and (has_masks or column != "seg")
    ]
    return Found(tuple(cases), tuple(rejections), tuple(records), _notes(cases, records))


def split_name(name: str) -> tuple[str, str]:
    """Patient and time point of a case's name; the time point is empty where names have none."""
    match = _WITH_TIME.fullmatch(name) or _WITH_SCAN.fullmatch(name)
    return (match[1], match[2]) if match else (name, "")


def _places(folder: Path) -> list[Path]:
    """Folders that hold volumes and are named as a case, or hold one that is named after them."""
    found: list[Path] = []
    for place, folders, files in os.walk(folder):
        folders.sort()
        name = Path(place).name
        volumes = [file for file in files if file.endswith(_ENDINGS)]
        is_case = bool(_CASE.match(name)) or any(_column(file, name) for file in volumes)
        if volumes and is_case:
            found.append(Path(place))
    return found


def _column(file: str, case: str) -> str:
    """Column of a file by its name; empty for a name that is not of its case."""
    ending = next((e for e in _ENDINGS if file.endswith(e)), "")
    rest = file.removesuffix(ending).removeprefix(case)
    if not ending or len(rest) + len(case) + len(ending) != len(file) or rest[:1] not in ("_", "-"):
        return ""
    return _COLUMN.get(rest[1:].casefold(), "")


def _read_case(place: Path, records: list[FileRecord]) -> Case:
    patient, timepoint = split_name(place.name)
    files: dict[str, Path] = {}
    for path in sorted(place.iterdir()):
        column = _column(path.name, place.name)
        if not path.is_file() or path.name.startswith("."):
            continue
        if not column:
            reason = f"not named as a file of {place.name}; expected {_expected(place.name, 'seg')}"
            records.append(FileRecord(path, "ignored", reason, patient_id=patient))
        elif column in files:
            raise InputError(
                f"{place}: {files[column].name} and {path.name} are both its {column}. Keep one."
            )
        else:
            files[column] = path
    return Case(place.name, patient, timepoint, place, files)


def _expected(case: str, column: str) -> str:
    is_new = bool(_WITH_TIME.fullmatch(case))
    words = SEQUENCES[column]
    old = {"t1c": "t1ce"}.get(column, words[0])
    new = {"t1c": "t1c"}.get(column, words[-1])
    return f"{case}-{new}.nii.gz" if is_new else f"{case}_{old}.nii.gz"


def _absent(case: Case, column: str) -> str:
    what = "segmentation" if column == "seg" else f"{column} sequence"
    others = [
        path.name
        for path in sorted(case.folder.iterdir())
        if path.name.endswith(_ENDINGS) and path not in case.files.values()
    ]
    hint = f"; {listed(others)} is named otherwise: rename it if it is that" if others else ""
    return f"{case.name} has no {what}: expected {_expected(case.name, column)}{hint}"


def _refuse_twice(cases: Sequence[Case], folder: Path) -> None:
    first: dict[str, Case] = {}
    twice: list[str] = []
    for case in cases:
        if case.name in first:
            places = (first[case.name].folder, case.folder)
            twice.append(" and ".join(p.relative_to(folder).as_posix() for p in places))
        first.setdefault(case.name, case)
    if twice:
        raise InputError(f"{folder}: cases that are here twice: {listed(twice)}. Keep one of each.")


def _notes(cases: Sequence[Case], records: Sequence[FileRecord]) -> tuple[str, ...]:
    patients = {case.patient_id for case in cases}
    notes = [f"{counted(len(cases), 'case')} of {counted(len(patients), 'patient')}"]
    if not any("seg" in case.files for case in cases):
        notes.append("no case has a segmentation, as in the challenges' validation data")
    is_new = [bool(_WITH_TIME.fullmatch(case.name)) for case in cases]
    if not all(is_new):
        notes.append(
            "names of BraTS until 2021: in the masks the enhancing tumour is 4, and 3 unused"
        )
    if any(is_new):
        notes.append(
            "names of BraTS from 2023 on: in the masks the enhancing tumour is 3; a 4 is the "
            "resection cavity of 2024"
        )
    if all(is_new) != any(is_new):
        notes.append("both kinds of names: give labels that fit both, such as enhancing = [3, 4]")
    if records:
        names = [f"{record.path.parent.name}/{record.path.name}" for record in records]
        notes.append(f"files that are not named after their case: {listed(names)}")
    return tuple(notes)
