"""What every arm said about every patient, averaged over repeats, and where it was wrong."""

from __future__ import annotations

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
        text: The class that was called most often, where there are more than two; else empty.
        probability: Mean over repeats: of the positive class, or of that class.
        n_wrong: Repeats in which the called class was not the true one.
        n_repeats: Repeats in which the arm predicted the unit; 0 where it never did.
        wrong_call: The class that was called most often in place of the true one.
    """

    text: str
    probability: float
    n_wrong: int
    n_repeats: int
    wrong_call: str

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
    """One row per unit, in order of first appearance.

    Args:
        table: Test predictions with a known outcome.
        calls: (rows,) class that was called.
        arms: Order of the opinions.
    """
    units, first, unit = _in_order(table.unit_id)
    arm = _positions(table.arm, arms)
    shape = (len(units), len(arms), len(table.classes))
    votes, total = np.zeros(shape, dtype=np.int64), np.zeros(shape)
    np.add.at(votes, (unit, arm, calls), 1)
    np.add.at(total, (unit, arm), table.probabilities)
    present = _modalities(table, unit, len(units))
    return [
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


def _in_order(ids: np.ndarray) -> tuple[np.ndarray, Ints, Ints]:
    """Distinct ids, the row where each first appears, and each row's id, in order of appearance."""
    units, first, unit = np.unique(ids, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return units[order], first[order], rank[unit]


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
    mean = total / max(n_repeats, 1)
    called = max(range(len(classes)), key=lambda k: (votes[k], mean[k]))
    others = [k for k in range(len(classes)) if k != truth]
    instead = max(others, key=lambda k: (votes[k], mean[k]))
    several = len(classes) > 2
    return Opinion(
        text=classes[called] if several and n_repeats else "",
        probability=float(mean[called] if several else mean[1]),
        n_wrong=n_repeats - int(votes[truth]),
        n_repeats=n_repeats,
        wrong_call=classes[instead],
    )


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
            kind, certainty = f"{row.truth}, called {opinion.wrong_call}", opinion.probability
        found.append(Mistake(row, kind, opinion, certainty))
    return sorted(found, key=lambda mistake: -mistake.certainty)
