"""Signals that end the program: a cluster's at once, the user's after what is being done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
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


@dataclass
class Ending:
    """Whether the user asked for an end.

    No `threading.Event`: a handler that sets one while the same thread waits for it may hang.
    """

    is_asked: bool = False


@contextmanager
def ending_after_current() -> Generator[Ending]:
    """The first Ctrl-C or SIGTERM asks for an end; a second Ctrl-C ends at once.

    Only the main thread can set signal handlers; elsewhere nothing is changed.
    """
    ending = Ending()
    if threading.current_thread() is not threading.main_thread():
        yield ending
        return

    def end(number: int, frame: FrameType | None) -> None:
        if ending.is_asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        ending.is_asked = True

    numbers = (signal.SIGINT, signal.SIGTERM)
    earlier = {number: signal.signal(number, end) for number in numbers}
    try:
        yield ending
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
