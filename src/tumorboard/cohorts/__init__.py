"""One file per source of patients, which reads a folder and gives a `Cohort`; splits by patient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tumorboard.records import Cohort, FileRecord, FlowStep, Rejection

if TYPE_CHECKING:
    import polars


@dataclass(frozen=True)
class Tabulated:
    """The table of a source, and what was left out of it.

    Args:
        frame: One row per row of the cohort.
        records: The files it was made from.
        rejections: Named files that could not be used.
        flow: Who was left out, and why.
        notes: Sentences about the table.
    """

    frame: polars.DataFrame
    records: tuple[FileRecord, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    flow: tuple[FlowStep, ...] = ()
    notes: tuple[str, ...] = ()


class Source(ABC):
    """Where patients come from. Keyword arguments of `__init__` are keys of the study's `[cohort]`.

    Every source takes `patient_id` (column) and `missing` (codes that mean "not known").
    """

    #: Keys of other tables of the study that this source sets where the author does not: a source
    #: of annotations has `{"task": {"target": "class", "unit": "annotation"}}`.
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    #: Column of its analysis-ready table that names each row, so that a prediction of that table
    #: can be told from another; "none" where rows are named by patient and line.
    row_id: ClassVar[str] = "none"

    @abstractmethod
    def read(self, root: Path, *, name: str, files: Mapping[str, str]) -> Cohort:
        """Read the patients below `root`.

        Args:
            root: Folder that relative names start from.
            name: Name of the cohort in messages.
            files: Modality -> pattern of its files; `{column}` is replaced by the row's cell.

        Returns:
            Every row and every file found, before any selection; a file that cannot be matched is
            in `records` with its reason, a named file that is absent in `rejections` as well.

        Raises:
            InputError: The table cannot be read without guessing.
        """

    def tabulate(self, root: Path) -> Tabulated:
        """The analysis-ready table of all rows, unimputed: what `tumorboard table` writes.

        The columns of the cohort as text, the patient first; a source that computes its columns
        gives them in their own types, without going through text.

        Raises:
            InputError: See `read`.
        """
        return tabulated(self.read(root, name="cohort", files={}))


def tabulated(cohort: Cohort) -> Tabulated:
    """The columns of a cohort as a table of text, the patient first."""
    import polars

    columns = {"patient_id": cohort.patient_id, **cohort.columns}
    frame = polars.DataFrame({name: list(cells) for name, cells in columns.items()})
    return Tabulated(frame, cohort.records, cohort.rejections, cohort.flow, cohort.notes)
