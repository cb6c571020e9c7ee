"""Which file holds the profiles of a cohort: the study's own, or the one beside its table."""

from __future__ import annotations

from pathlib import Path

from tumorboard.formats.expression_table import near_ids
from tumorboard.formats.number_matrix import find_matrix, read_number_matrix
from tumorboard.records import Cohort, FileRecord


def find_profiles(file: str, cohort: Cohort) -> Path | None:
    """Path of a table of profiles; None where another cohort than the study's own has none.

    The study's own is below the folder of the data. Another cohort's is the file of that name
    beside its table; else the study's own, where that holds any of its patients.

    Args:
        file: Its name in the study, such as `rna/tpm.csv`.
        cohort: Whose profiles they are.

    Raises:
        InputError: The study's own table is absent.
    """
    if not cohort.is_other:
        return find_matrix(file, root=cohort.root, table=cohort.table)
    beside, own = cohort.table.parent, cohort.root / file
    near = (beside / file, beside / Path(file).name)
    found = next((path for path in near if path.is_file()), None)
    if found is None and own.is_file() and _names_any(own, cohort):
        return own
    return found


def no_profiles(file: str) -> str:
    """A sentence about another cohort without its table."""
    return f"no table {Path(file).name} here: nobody has it"


def used_files(root: Path, *files: Path | str, modality: str) -> tuple[FileRecord, ...]:
    """Records of files that a modality reads of all patients at once; names start from `root`."""
    paths = dict.fromkeys(root / file for file in files)
    return tuple(FileRecord(path, "used", "", modality) for path in paths if path.is_file())


def _names_any(table: Path, cohort: Cohort) -> bool:
    """Whether a table names a patient, or one that is spelled alike: that is for its reader."""
    matrix = read_number_matrix(table)
    names = (*matrix.rows, *matrix.columns)
    wanted = frozenset(cohort.patients)
    return not wanted.isdisjoint(names) or bool(near_ids(wanted, names))
