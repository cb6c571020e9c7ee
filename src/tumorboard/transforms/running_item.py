"""Statistics of one measured item for every admission, merged batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.records import Floats, Ints

#: Time of an admission without a value yet.
NEVER = np.iinfo(np.int64).min


@dataclass
class RunningItem:
    """Running statistics of one item, one entry per admission."""

    total: Floats
    low: Floats
    high: Floats
    last: Floats
    time: Ints
    count: NDArray[np.uint32]

    @classmethod
    def empty(cls, n: int) -> RunningItem:
        """No value yet for any of `n` admissions."""
        return cls(
            np.zeros(n), np.full(n, np.inf), np.full(n, -np.inf), np.full(n, np.nan),
            np.full(n, NEVER), np.zeros(n, np.uint32),
        )  # fmt: skip

    def add(self, rows: Ints, batch: Mapping[str, NDArray[Any]]) -> None:
        """Merge one batch, where every admission stands once."""
        self.total[rows] += batch["total"]
        self.low[rows] = np.minimum(self.low[rows], batch["low"])
        self.high[rows] = np.maximum(self.high[rows], batch["high"])
        self.count[rows] += batch["count"].astype(np.uint32)
        time, last = batch["time"], batch["last"]
        # of several values at one time the highest is the last one, whatever order they came in
        newer = (time > self.time[rows]) | ((time == self.time[rows]) & ~(last < self.last[rows]))
        self.time[rows[newer]] = time[newer]
        self.last[rows[newer]] = last[newer]
