"""Settings of an image modality that cannot be: all of them in one error."""

from __future__ import annotations

from tumorboard.errors import StudyError


def check_settings(
    size: tuple[int, int], slices: int, slice_step: int, *, is_cropped: bool
) -> None:
    """Refuse settings that cannot be.

    Args:
        size: Height and width in pixels.
        slices: How many of a stack.
        slice_step: Their distance.
        is_cropped: Whether pictures are cropped around a mask.

    Raises:
        StudyError: All that is wrong.
    """
    problems: list[str] = []
    if min(size) < 1:
        problems.append(f"size: found {list(size)}, expected height and width of at least 1 pixel.")
    if slices < 1 or slices % 2 == 0:
        problems.append(f"slices: found {slices}, expected an odd number: a centre and neighbours.")
    if slice_step < 1:
        problems.append(f"slice_step: found {slice_step}, expected 1 or more.")
    if is_cropped and slices > 1:
        problems.append("crop: a mask is of one picture, and `slices` reads several. Remove one.")
    if problems:
        raise StudyError(problems)
