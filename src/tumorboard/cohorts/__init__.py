"""One file per source of patients, which reads a folder and gives a `Cohort`; splits by patient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from tumorboard.records import Cohort


class Source(ABC):
    """Where patients come from. Keyword arguments of `__init__` are keys of the study's `[cohort]`.

    Every source takes `patient_id` (column) and `missing` (codes that mean "not known").
    """

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
