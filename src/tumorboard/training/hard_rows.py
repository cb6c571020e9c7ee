"""Which training rows a network finds hard: they are drawn more often within their class."""

from __future__ import annotations

import numpy as np

from tumorboard.records import Floats, Ints

#: Share of the newest loss in what is remembered of a row.
_NEWEST = 0.5
#: The hardest row of a class is drawn at most so many times as often as its average row: a
#: mislabelled patch stays hard for ever and must not become the lesson.
_MOST = 5.0


class HardRows:
    """A running mean of each row's loss; rows that were never drawn count as average.

    Source:
        Sampling by the last known loss: Loshchilov & Hutter, Online Batch Selection, 2015; the cap
        is ours.
    """

    def __init__(self, n_rows: int) -> None:
        self._loss: Floats = np.full(n_rows, np.nan)

    def see(self, rows: Ints, loss: Floats) -> None:
        """Remember the losses of rows that were drawn; a row drawn twice counts twice."""
        for row, value in zip(rows.tolist(), loss.tolist(), strict=True):
            known = self._loss[row]
            self._loss[row] = value if np.isnan(known) else known + _NEWEST * (value - known)

    def weigh(self, rows: Ints, target: Ints, weight: Floats) -> Floats:
        """(len(rows),) weight of each row times its difficulty within its class.

        Args:
            rows: Training rows.
            target: (len(rows),) their class.
            weight: (len(rows),) their weight before.
        """
        weighed = weight.copy()
        for group in np.unique(target):
            own = target == group
            loss = self._loss[rows[own]]
            if np.isnan(loss).all():
                continue
            mean = float(np.nanmean(loss))
            if mean > 0:
                factor = np.where(np.isnan(loss), 1.0, loss / mean)
                weighed[own] *= np.clip(factor, 1.0 / _MOST, _MOST)
        return weighed

    def to_plain(self) -> list[float]:
        """What a checkpoint keeps; NaN for rows that were never drawn."""
        return [float(value) for value in self._loss]

    def restore(self, losses: list[float]) -> None:
        """Go on from a checkpoint."""
        self._loss = np.asarray(losses, dtype=np.float64)
