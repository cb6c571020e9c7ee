"""Which masks of a reference hold which numbers, and what the study's labels make of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tumorboard.errors import InputError
from tumorboard.formats.messages import counted, listed
from tumorboard.records import Cohort
from tumorboard.tasks.segmentation import Segmentation


@dataclass(frozen=True)
class MaskNumbers:
    """Numbers in the masks of a cohort's rows; 0, the background, is left out.

    Args:
        task: Names the labels.
        cohort: The rows.
        held: Row -> numbers in its mask; rows without a usable mask are absent.
    """

    task: Segmentation
    cohort: Cohort
    held: Mapping[int, Collection[int]]

    @property
    def named(self) -> tuple[int, ...]:
        """Numbers that the study names."""
        return tuple(dict.fromkeys(n for own in self.task.numbers.values() for n in own))

    @property
    def counts(self) -> Counter[int]:
        """Number -> masks that hold it."""
        return Counter(n for own in self.held.values() for n in own)

    @property
    def strangers(self) -> list[int]:
        """Numbers that the study does not name."""
        return sorted(set(self.counts) - set(self.named))

    def absent_labels(self) -> tuple[str, ...]:
        """A sentence about every label that no mask has: it can never be learned.

        Returns:
            Sentences for an error; none where every label is in some mask.
        """
        counts, n = self.counts, counted(len(self.held), "mask")
        found = listed([f"{k} in {v}" for k, v in sorted(counts.items())]) or "nothing"
        return tuple(
            f"task.labels.{name}: no mask holds {listed([str(k) for k in own])} (0 of {n}), so "
            f"{name!r} cannot be learned. Remove this label or mend its number; the masks hold "
            f"{found}."
            for name, own in self.task.numbers.items()
            if not any(counts[k] for k in own)
        )

    def refuse_strangers_alone(self, file: object) -> None:
        """Refuse a cohort whose masks hold numbers, but not one that the study names.

        Raises:
            InputError: They do; `file` is one of them.
        """
        if self.strangers and not set(self.counts) & set(self.named):
            raise InputError(
                f"task.labels: the study names {listed([str(n) for n in self.named])}, but the "
                f"masks of {counted(len(self.held), 'row')} hold "
                f"{listed([str(n) for n in self.strangers])} alone, such as {file}. Name their "
                "numbers."
            )

    def notes(self) -> tuple[str, ...]:
        """How many masks hold each number, where not all do; who has numbers that no label names.

        A mask with such numbers alone is read as one without a tumour, which may be wrong.
        """
        counts, n = self.counts, len(self.held)
        notes: list[str] = []
        if any(counts[k] != n for k in self.named):
            said = ", ".join(f"{k} in {counts[k]}" for k in self.named)
            notes.append(f"{said} of {n} masks (task.labels)")
        if self.strangers:
            others = "; ".join(
                f"{k} in {counts[k]} of {n} masks ({self._patients(self._holding(k))})"
                for k in self.strangers
            )
            notes.append(f"numbers that task.labels does not name are background: {others}")
        if alone := self._strangers_alone():
            notes.append(
                f"counted as without a tumour, since their masks hold none but such numbers: "
                f"{self._patients(alone)}. Add the number to task.labels, or leave them out "
                "(cohort.exclude)."
            )
        return tuple(notes)

    def _holding(self, number: int) -> list[int]:
        return [row for row, own in self.held.items() if number in own]

    def _strangers_alone(self) -> list[int]:
        return [row for row, own in self.held.items() if own and not set(own) & set(self.named)]

    def _patients(self, rows: list[int]) -> str:
        patients = list(dict.fromkeys(self.cohort.patient_id[row] for row in rows))
        return f"{'patient' if len(patients) == 1 else 'patients'} {listed(patients)}"
