"""Settings of a volume modality that contradict each other."""

from __future__ import annotations

import math

from tumorboard.errors import StudyError
from tumorboard.transforms.volume_preparation import Spacing


def check_settings(
    patterns: tuple[str, ...], size: tuple[int, int, int] | tuple[()], spacing_mm: Spacing,
    window_hu: tuple[float, ...], window_suv: tuple[float, ...], normalise: str, harmonise: str,
    *, shrink: tuple[float, float, float] = (1.0, 1.0, 1.0), is_cropped: bool = False,
) -> None:  # fmt: skip
    """Refuse settings that cannot all be meant; see the modality `volume`.

    Raises:
        StudyError: Every contradiction.
    """
    problems: list[str] = []
    if not patterns:
        problems.append("files: an empty list, expected a pattern or one for each channel.")
    if not size and is_cropped:
        problems.append('crop: a whole volume (size = "whole") is not cropped. Leave one out.')
    if shrink != (1.0, 1.0, 1.0) and spacing_mm != "unknown":
        problems.append("shrink: is for voxels of unknown size; set spacing_mm to the size wanted.")
    if min(shrink) < 1 or not all(math.isfinite(step) for step in shrink):
        problems.append(f"shrink: found {list(shrink)}, expected three from 1 up.")
    if size and min(size) < 1:
        problems.append(f"size: found {list(size)}, expected three numbers of voxels from 1 up.")
    if not isinstance(spacing_mm, str) and not all(0 < mm < math.inf for mm in spacing_mm):
        problems.append(f"spacing_mm: found {list(spacing_mm)}, expected three above 0.")
    problems += _windows(window_hu, window_suv, normalise)
    if normalise == "zscore" and harmonise != "none":
        problems.append(
            'harmonise: brings all volumes onto one scale; normalise = "zscore" undoes it.'
        )
    if problems:
        raise StudyError(problems)


def _windows(hu: tuple[float, ...], suv: tuple[float, ...], normalise: str) -> list[str]:
    problems: list[str] = []
    for key, window in (("window_hu", hu), ("window_suv", suv)):
        if window and window[0] >= window[1]:
            problems.append(f"{key}: found {list(window)}, expected the lower value first.")
    if hu and suv:
        problems.append("window_suv: a volume is CT or PET; make two modalities, or leave one out.")
    if normalise == "window" and not (hu or suv):
        problems.append('normalise: "window" needs window_hu, such as [-1000, 400].')
    if normalise == "percentile" and (hu or suv):
        key = "window_hu" if hu else "window_suv"
        problems.append(f'normalise: with {key} it is "window" or "zscore"; leave one out.')
    return problems
