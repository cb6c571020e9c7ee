"""How far a plan is: a bar on a terminal, one line a minute otherwise, every event in log.jsonl."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class PlanProgress:
    """Progress over all fits of a plan.

    Args:
        n_fits: Number of fits in the plan.
        log_path: log.jsonl of the run.
        say: Where lines go when there is no terminal.
        every_s: Seconds between two such lines.
    """

    def __init__(
        self,
        n_fits: int,
        log_path: Path,
        *,
        say: Callable[[str], None],
        every_s: float = 60.0,
        terminal: bool | None = None,
    ) -> None:
        self.n_fits, self.log_path, self.say, self.every_s = n_fits, log_path, say, every_s
        self.done = 0
        self._started = time.monotonic()
        self._last_line = self._started
        self._fit_label, self._epochs = "", 1
        self._remarked: set[str] = set()
        self._fitted, self._share = 0, 0.0
        terminal = sys.stderr.isatty() if terminal is None else terminal
        self._bar: Progress | None = None
        if terminal:
            from rich.console import Console

            self._bar = Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                TimeRemainingColumn(), console=Console(stderr=True), transient=True,
            )  # fmt: skip
            self._task = self._bar.add_task("fits", total=n_fits)

    def __enter__(self) -> PlanProgress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def log(self, event: str, **values: Any) -> None:
        """Append one event to log.jsonl."""
        entry = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "event": event, **values}
        with self.log_path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(entry) + "\n")

    def start(self, label: str, epochs: int) -> None:
        """A fit begins (or goes on)."""
        self._fit_label, self._epochs, self._share = label, max(epochs, 1), 0.0
        self.log("fit started", fit=label)
        self._show({})

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """An epoch of the current fit ended."""
        self._share = min(number / self._epochs, 1.0)
        self.log(
            "epoch",
            fit=self._fit_label,
            epoch=number,
            **{k: round(v, 6) for k, v in values.items()},
        )
        self._show(values, epoch=number)

    def finish(self, *, kept: bool = False) -> None:
        """A fit ended, or was found finished."""
        self.done += 1
        self._fitted += 0 if kept else 1
        self._share = 0.0
        if not kept:
            self.log("fit finished", fit=self._fit_label)
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done)

    def remark(self, sentence: str) -> None:
        """Log what the reader of the run must know; of all fits that find the same, once."""
        if sentence not in self._remarked:
            self._remarked.add(sentence)
            self.log("remark", text=sentence)
            self.say(sentence)

    def _show(self, values: Mapping[str, float], epoch: int = 0) -> None:
        watched = [k for k in values if k.startswith("validation_") and k != "validation_loss"]
        words = ", ".join(f"{name.replace('_', ' ')} {values[name]:.3f}" for name in watched[:1])
        if self._bar is not None:
            text = f"{self._fit_label}, epoch {epoch}" + (f", {words}" if words else "")
            self._bar.update(self._task, description=text, completed=self.done + self._share)
            return
        now = time.monotonic()
        if now - self._last_line < self.every_s:
            return
        self._last_line = now
        work = self._fitted + self._share
        left = (now - self._started) / work * (self.n_fits - self.done - self._share) if work else 0
        remaining = f", about {left / 60:.0f} min left" if work else ""
        self.say(
            f"fit {self.done + 1} of {self.n_fits}: {self._fit_label}, epoch {epoch} of "
            f"{self._epochs}{', ' + words if words else ''}{remaining}"
        )
