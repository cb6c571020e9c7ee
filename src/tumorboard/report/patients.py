"""What every arm said about every patient, averaged over repeats, and where it was wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tumorboard.evaluation.tables import PredictionTable
from tumorboard.records import Floats, Ints

#: Rows of the table of patients that a browser still scrolls through without effort.
MAX_PATIENTS = 3000
#: Wrong predictions that are listed one by one.
MAX_ERRORS = 40


@dataclass(frozen=True)
class Opinion:
    """What one arm said about one unit.

    Args:
        text: The class that was called, where there are more than two; else empty.
        probability: Mean over repeats: of the positive class, or of that class.
        n_wrong: Repeats in which the called class was not the true one.
        n_repeats: Repeats in which the arm predicted the unit; 0 where it never did.
    """

    text: str
    probability: float
    n_wrong: int
    n_repeats: int

    @property
    def is_wrong(self) -> bool:
        """Wrong in more than half of the repeats."""
        return 2 * self.n_wrong > self.n_repeats


@dataclass(frozen=True)
class UnitRow:
    """One unit: who it is, the truth, and one opinion per arm."""

    patient_id: str
    unit_id: str
    truth: str
    modalities: str
    opinions: tuple[Opinion, ...]

    @property
    def n_arms_wrong(self) -> int:
        """Arms that were wrong about the unit."""
        return sum(opinion.is_wrong for opinion in self.opinions)


@dataclass(frozen=True)
class Mistake:
    """One unit that the primary arm called wrongly."""

    row: UnitRow
    kind: str
    opinion: Opinion
    certainty: float


def unit_rows(table: PredictionTable, calls: Ints, *, arms: Sequence[str]) -> list[UnitRow]:
    """One row per unit, by its id, numbers in it as numbers.

    Args:
        table: Test predictions with a known outcome.
        calls: (rows,) class that was called.
        arms: Order of the opinions.
    """
    units, first, unit = np.unique(table.unit_id, return_index=True, return_inverse=True)
    arm = _positions(table.arm, arms)
    shape = (len(units), len(arms), len(table.classes))
    votes, total = np.zeros(shape, dtype=np.int64), np.zeros(shape)
    np.add.at(votes, (unit, arm, calls), 1)
    np.add.at(total, (unit, arm), table.probabilities)
    present = _modalities(table, unit, len(units))
    rows = [
        UnitRow(
            patient_id=str(table.patient_id[row]),
            unit_id=str(table.unit_id[row]),
            truth=table.classes[table.outcome[row]],
            modalities=present[i],
            opinions=tuple(
                _opinion(votes[i, a], total[i, a], int(table.outcome[row]), table.classes)
                for a in range(len(arms))
            ),
        )
        for i, row in enumerate(first)
    ]
    return sorted(rows, key=lambda row: _natural(row.unit_id))


def _natural(text: str) -> list[tuple[int, str]]:
    """Sorting key that puts case9 before case10."""
    parts = re.split(r"([0-9]+)", text)
    return [(int(part), "") if i % 2 else (-1, part) for i, part in enumerate(parts)]


def _positions(names: np.ndarray, known: Sequence[str]) -> Ints:
    where = {name: i for i, name in enumerate(known)}
    return np.asarray([where[name] for name in names.tolist()], dtype=np.int64)


def _modalities(table: PredictionTable, unit: Ints, n_units: int) -> list[str]:
    """Every modality that any arm saw of a unit."""
    found: list[dict[str, None]] = [{} for _ in range(n_units)]
    for i, names in zip(unit.tolist(), table.modalities.tolist(), strict=True):
        found[i].update(dict.fromkeys(name for name in names.split("+") if name))
    return [" + ".join(names) for names in found]


def _opinion(votes: Ints, total: Floats, truth: int, classes: Sequence[str]) -> Opinion:
    n_repeats = int(votes.sum())
    n_wrong = n_repeats - int(votes[truth])
    mean = total / max(n_repeats, 1)
    if len(classes) == 2:
        return Opinion("", float(mean[1]), n_wrong, n_repeats)
    others = [k for k in range(len(classes)) if k != truth]
    instead = max(others, key=lambda k: (votes[k], mean[k]))
    said = instead if 2 * n_wrong > n_repeats else truth
    return Opinion(classes[said], float(mean[said]), n_wrong, n_repeats)


def mistakes(rows: Sequence[UnitRow], *, arm: int, classes: Sequence[str]) -> list[Mistake]:
    """Units that arm number `arm` called wrongly, the most certain mistake first."""
    found: list[Mistake] = []
    for row in rows:
        opinion = row.opinions[arm]
        if not opinion.is_wrong:
            continue
        if len(classes) == 2:
            missed = row.truth == classes[1]
            kind = "false negative" if missed else "false positive"
            certainty = 1 - opinion.probability if missed else opinion.probability
        else:
            kind, certainty = f"{row.truth}, called {opinion.text}", opinion.probability
        found.append(Mistake(row, kind, opinion, certainty))
    return sorted(found, key=lambda mistake: -mistake.certainty)
