"""The three faults that a user can mend, each with the exit code it ends in."""

from __future__ import annotations

from collections.abc import Sequence


class TumorboardError(Exception):
    """Faults with one clear line each for the user; never shown with a traceback.

    Args:
        problems: One sentence each, every fault that was found, not only the first.
    """

    exit_code = 2

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class InputError(TumorboardError):
    """Your data: a file, a table or a model folder must be mended."""


class StudyError(TumorboardError):
    """Your study file: one line for every key that must be mended."""


class RunError(TumorboardError):
    """This machine: a full disk, a locked folder, a missing extra, a lost GPU."""


def nearest(word: str, known: Sequence[str]) -> str:
    """Sentence that suggests the nearest known word, or lists a few of them."""
    import difflib

    match = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if match:
        return f"Did you mean {match[0]!r}?"
    return "Known: " + ", ".join(sorted(known)) + "."
