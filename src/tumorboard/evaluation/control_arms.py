"""Arms that are another arm with other notes put in at prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from tumorboard.study_evaluation import NoteControl

#: What is put in place of a patient's own note: arms `<arm>-silent` and so on, names that a study
#: refuses to its own arms.
CONTROLS: tuple[str, ...] = get_args(NoteControl)


def controls_of(arms: Sequence[str]) -> dict[str, dict[str, str]]:
    """Arm -> control -> arm of the control, of every arm that has one."""
    found: dict[str, dict[str, str]] = {}
    for name in arms:
        arm, _, control = name.rpartition("-")
        if control in CONTROLS and arm in arms:
            found.setdefault(arm, {})[control] = name
    return found


def without_controls(arms: Sequence[str]) -> tuple[str, ...]:
    """Arms that see every patient's own note, in order."""
    controls = {name for each in controls_of(arms).values() for name in each.values()}
    return tuple(arm for arm in arms if arm not in controls)
