"""Predictions of inputs made worse: probes.csv of a run, as predictions.csv and what was done."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorboard.errors import InputError
from tumorboard.evaluation.prediction_table import PredictionTable, Texts, concatenate
from tumorboard.evaluation.tables import read_predictions, write_predictions
from tumorboard.records import Bools, Floats, Ints

#: Name of the probe of inputs as they were.
UNTOUCHED = "none"


@dataclass(frozen=True)
class ProbeTable:
    """One row per unit, arm, repeat, fold, probe and strength.

    Args:
        predictions: What was predicted; `modalities` names what was shown.
        probe: (rows,) what was done to the input; "none" for inputs as they were.
        strength: (rows,) how much of it; 0 for inputs as they were.
        flagged: (rows,) modalities that the quality score calls too poor, joined by "+".
    """

    predictions: PredictionTable
    probe: Texts
    strength: Floats
    flagged: Texts

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.predictions.n_rows

    @property
    def probes(self) -> tuple[str, ...]:
        """Probes in order of first appearance, without inputs as they were."""
        return tuple(name for name in dict.fromkeys(self.probe.tolist()) if name != UNTOUCHED)

    def take(self, rows: Ints | Bools) -> ProbeTable:
        """The same table with these rows only."""
        return ProbeTable(
            self.predictions.take(rows), self.probe[rows], self.strength[rows], self.flagged[rows]
        )

    def of(self, arm: str, probe: str) -> ProbeTable:
        """Rows of one arm and one probe; the probe "none" gives its inputs as they were."""
        return self.take((self.predictions.arm == arm) & (self.probe == probe))


def untouched(predictions: PredictionTable, flagged: Texts) -> ProbeTable:
    """Predictions of inputs as they were."""
    n = predictions.n_rows
    return ProbeTable(predictions, np.full(n, UNTOUCHED), np.zeros(n), flagged)


def join_probes(tables: Sequence[ProbeTable]) -> ProbeTable:
    """Tables below each other."""
    return ProbeTable(
        concatenate([table.predictions for table in tables]),
        np.concatenate([table.probe for table in tables]),
        np.concatenate([table.strength for table in tables]),
        np.concatenate([table.flagged for table in tables]),
    )


def write_probes(
    path: Path, table: ProbeTable, *, paired: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Write probes.csv, atomically; `paired` is what `pairing_column` gives of its study."""
    further: dict[str, Sequence[object]] = {
        **(paired or {}),
        "probe": table.probe.tolist(),
        "strength": [repr(value) for value in table.strength.tolist()],
        "flagged": table.flagged.tolist(),
    }
    write_predictions(path, table.predictions, further=further)


def read_probes(path: Path, *, outcome: str, positive: str = "none") -> ProbeTable:
    """Read probes.csv.

    Args:
        path: The file.
        outcome: Column of the outcome.
        positive: Class that comes last; "none" leaves the order of the file.

    Raises:
        InputError: What is wrong, with file, row and patient.
    """
    predictions = read_predictions(
        path, outcome=outcome, positive=positive, further=("probe", "strength", "modalities")
    )
    with path.open(encoding="utf-8-sig", newline="") as handle:
        rows = [
            (row["probe"].strip(), row["strength"], (row.get("flagged") or "").strip())
            for row in csv.DictReader(handle)
        ]
    probe, strength, flagged = zip(*rows, strict=True)
    try:
        strengths = np.asarray([float(value) for value in strength])
    except ValueError as error:
        raise InputError(f"{path}: a strength is not a number ({error}).") from None
    return ProbeTable(
        predictions, np.asarray(probe, np.str_), strengths, np.asarray(flagged, np.str_)
    )
