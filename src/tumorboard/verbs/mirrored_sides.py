"""Arms that read words of left and right beside pictures which training mirrors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tumorboard.records import Cohort
from tumorboard.study import Study

_NOTES = ("notes", "clinical_factors")
#: What turns mirroring off, by kind of picture.
_REMEDY = {"image": "flip_horizontal = false", "volume": 'flip without "x"'}


def mirrored_sides(study: Study, cohort: Cohort) -> list[str]:
    """A sentence for each arm in which a stated side is wrong of the pictures that are mirrored.

    Of a segmentation none: its places are mirrored with the picture, so that a guide still knows
    which side of the patient it looks at.

    Args:
        study: With the columns that its patterns stand for.
        cohort: Its columns may hold sides.
    """
    if study.keys.task.kind == "segmentation":
        return []
    mirrored = [name for name, own in study.modalities.items() if _is_mirrored(own)]
    sides = [name for name, own in study.modalities.items() if _says_sides(own, cohort)]
    lines: list[str] = []
    for arm in study.arms.values():
        pictures = [name for name in mirrored if name in arm.modalities]
        words = [name for name in sides if name in arm.modalities]
        if arm.baseline is not None or not arm.training.augment or not pictures or not words:
            continue
        remedies = [
            f"modalities.{name}: {_REMEDY[study.modalities[name]['kind']]}" for name in pictures
        ]
        lines.append(
            f"arm {arm.name}: training mirrors {' and '.join(pictures)} left and right at random, "
            f"so a side that {' or '.join(words)} states is wrong of every second picture. Where "
            f"the side matters, set {', '.join(remedies)}."
        )
    return lines


def _is_mirrored(settings: Mapping[str, Any]) -> bool:
    if settings["kind"] == "volume":
        return "x" in settings["flip"]
    return settings["kind"] == "image" and bool(settings["flip_horizontal"])


def _says_sides(settings: Mapping[str, Any], cohort: Cohort) -> bool:
    """Whether it reads notes, or a column that holds both left and right."""
    if settings["kind"] in _NOTES:
        return True
    columns = settings.get("categorical", ()) if settings["kind"] == "table" else ()
    return any(
        {"left", "right"} <= {(cell or "").strip().casefold() for cell in cohort.columns[column]}
        for column in columns
        if column in cohort.columns
    )
