"""Numbers predicted from inputs made worse: probes.csv of a run of survival or regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorboard.evaluation.outcome_files import read_outcomes, write_outcomes
from tumorboard.evaluation.outcome_table import OutcomeTable, join_tables
from tumorboard.evaluation.prediction_table import Texts
from tumorboard.evaluation.probe_table import UNTOUCHED
from tumorboard.evaluation.sheet import Sheet
from tumorboard.records import Bools, Floats, Ints


@dataclass(frozen=True)
class OutcomeProbes:
    """One row per unit, arm, repeat, fold, probe and strength.

    Args:
        predictions: What was predicted; `modalities` names what was shown.
        probe: (rows,) what was done to the input; "none" for inputs as they were.
        strength: (rows,) how much of it; 0 for inputs as they were.
        is_learned: (rows,) False where the model met no such combination of modalities in training.
    """

    predictions: OutcomeTable
    probe: Texts
    strength: Floats
    is_learned: Bools

    def take(self, rows: Ints | Bools) -> OutcomeProbes:
        """The same table with these rows only."""
        return OutcomeProbes(
            self.predictions.take(rows), self.probe[rows], self.strength[rows],
            self.is_learned[rows],
        )  # fmt: skip

    @classmethod
    def of(
        cls, predictions: OutcomeTable, is_learned: Bools, *, probe: str = UNTOUCHED,
        strength: float = 0.0,
    ) -> OutcomeProbes:  # fmt: skip
        """Predictions of one probe at one strength; of inputs as they were where left out."""
        n = predictions.n_rows
        return cls(predictions, np.full(n, probe), np.full(n, strength), is_learned)


def join_outcome_probes(tables: Sequence[OutcomeProbes]) -> OutcomeProbes:
    """Tables below each other."""
    return OutcomeProbes(
        join_tables([table.predictions for table in tables]),
        np.concatenate([table.probe for table in tables]),
        np.concatenate([table.strength for table in tables]),
        np.concatenate([table.is_learned for table in tables]),
    )


def write_outcome_probes(
    path: Path, table: OutcomeProbes, *, paired: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Write probes.csv, atomically; `paired` is what `pairing_column` gives of its study."""
    further: dict[str, Sequence[object]] = {
        **(paired or {}),
        "probe": table.probe.tolist(),
        "strength": [repr(value) for value in table.strength.tolist()],
        "learned": table.is_learned.astype(np.int64).tolist(),
    }
    write_outcomes(path, table.predictions, further=further)


def read_outcome_probes(path: Path) -> OutcomeProbes:
    """Read probes.csv.

    Raises:
        InputError: What is wrong, with file, row and patient.
    """
    predictions = read_outcomes(path, further=("probe", "strength", "modalities"))
    sheet = Sheet.read(path)
    strength = sheet.numbers(["strength"], empty=False)[:, 0]
    return OutcomeProbes(
        predictions, sheet.texts("probe", UNTOUCHED), strength, sheet.texts("learned", "1") == "1"
    )
