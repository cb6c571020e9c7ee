"""Lines of progress while many files are read: one every few seconds, one at the end."""

from __future__ import annotations

import logging
import time

log = logging.getLogger("tumorboard")

#: Shortest time between two lines.
SECONDS = 5.0


class FileProgress:
    """Counts files and says how many are done.

    Args:
        name: The modality, which begins each line.
        n_files: How many there are to do.
        what: What was done to them, such as "images prepared".
        is_brief: Say nothing where all of it takes less than the time between two lines.
    """

    def __init__(self, name: str, n_files: int, what: str, *, is_brief: bool = False) -> None:
        self._name, self._n_files, self._what = name, n_files, what
        self._done = 0
        self._is_silent = is_brief
        self._last = time.monotonic()

    def step(self) -> None:
        """Count one file more."""
        self._done += 1
        now = time.monotonic()
        is_due = now - self._last >= SECONDS
        if is_due or (self._done == self._n_files and not self._is_silent):
            log.info("%s: %d of %d %s", self._name, self._done, self._n_files, self._what)
            self._last = now
            self._is_silent = False
