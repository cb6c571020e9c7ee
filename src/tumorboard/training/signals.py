"""A cluster's signals at the time limit end the program at once; the same command goes on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

#: Signals that SLURM and other schedulers send before they kill a job.
_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


@contextmanager
def ending_on_signals() -> Generator[None]:
    """End with exit code 128 + signal, so that a scheduler can put the job back into its queue.

    Finished fits and the last checkpoint of the current one are complete on disk at any time. Only
    the main thread can set signal handlers; elsewhere nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = {number: signal.signal(number, _end) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
