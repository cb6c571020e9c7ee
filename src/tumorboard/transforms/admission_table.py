"""The table of admissions while it grows: who is left out and why, what is known only later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tumorboard.formats.table_scan import HospitalTable
from tumorboard.records import FlowStep
from tumorboard.transforms.admissions import KNOWN_LATER

if TYPE_CHECKING:
    import polars


@dataclass
class AdmissionTable:
    """Admissions with their columns so far.

    Args:
        stays: One row per admission, in order of patient and time.
        tables: The tables of the source that were found.
        notes: Sentences for the report.
        flow: Who was left out so far.
        later: Column -> when its facts are known, where that is after the prediction.
        everybody: Nobody has been left out, so that no table needs to be filtered.
    """

    stays: polars.DataFrame
    tables: Mapping[str, HospitalTable]
    notes: list[str] = field(default_factory=list[str])
    flow: list[FlowStep] = field(default_factory=list[FlowStep])
    later: dict[str, str] = field(default_factory=lambda: dict(KNOWN_LATER))
    everybody: bool = True

    def keep(self, test: polars.Expr, reason: str) -> None:
        """Leave out the rows that fail the test, and count who leaves with them."""
        gone = self.stays.filter(~test.fill_null(value=False))
        if not gone.height:
            return
        self.stays = self.stays.filter(test.fill_null(value=False))
        left = gone.join(self.stays, on="subject_id", how="anti")["subject_id"].unique().sort()
        people = tuple(str(person) for person in left.to_list())
        self.flow.append(FlowStep(reason, len(people), gone.height, people))
        self.everybody = False

    def join(self, further: polars.DataFrame, on: str) -> None:
        """Add columns."""
        self.stays = self.stays.join(further, on=on, how="left", maintain_order="left")

    def add(self, further: polars.DataFrame) -> None:
        """Add the columns of a table with the same rows in the same order; nothing is copied."""
        self.stays = self.stays.with_columns(further.drop("stay").get_columns())
