"""Which files, and which point, the volume of each row is prepared from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from tumorboard.errors import InputError, StudyError
from tumorboard.formats.points import Convention, read_points
from tumorboard.formats.prepared_volumes import VolumeFiles, called
from tumorboard.formats.row_files import RowFiles
from tumorboard.records import Cohort
from tumorboard.transforms.volume_preparation import Box

Crop = Literal["none", "body", "lung"] | Mapping[str, str | tuple[str, str, str]]


class VolumeRows:
    """Finds what each row's volume is prepared from.

    Args:
        patterns: Patterns of the channels' files; the first one's files the cohort has.
        crop: What the box is centred on; see the modality `volume`.

    Raises:
        StudyError: `crop` is a table that is not understood.
    """

    def __init__(self, patterns: tuple[str, ...], crop: Crop) -> None:
        self._patterns = patterns
        self.box: Box
        self.box, self._around, self.mask = _crop(crop)
        is_lps = isinstance(crop, str) or crop.get("convention", "LPS") == "LPS"
        self._convention: Convention = "LPS" if is_lps else "RAS"

    def find(
        self, cohort: Cohort, name: str
    ) -> tuple[dict[int, VolumeFiles], dict[int, tuple[Path, str]]]:
        """Files of each row that has all it needs; the reason for each that names absent ones."""
        where = f"modalities.{name}"
        further = [RowFiles(cohort, p, where=f"{where}.files") for p in self._patterns[1:]]
        mask_files = [RowFiles(cohort, self.mask, where=f"{where}.crop")] if self.mask else []
        points = None
        if self._around:
            points = read_points(cohort, self._around, self._convention, where=f"{where}.crop")
        wanted: dict[int, VolumeFiles] = {}
        rejected: dict[int, tuple[Path, str]] = {}
        for row, paths in enumerate(cohort.files.get(name, ())):
            if not paths or (points is not None and not points[row]):
                continue
            try:
                channels = (paths, *(each.find(row) for each in further))
                masks = tuple(path for each in mask_files for path in each.find(row))
            except InputError as error:
                rejected[row] = (called(paths), str(error))
                continue
            if all(channels) and (masks or not mask_files):
                wanted[row] = VolumeFiles(channels, masks, points[row] if points else ())
        return wanted, rejected


def _crop(crop: Crop) -> tuple[Box, tuple[str, ...], str]:
    """What the box is centred on, its columns, and its pattern of masks."""
    if isinstance(crop, str):
        return crop, (), ""
    keys, convention = set(crop), crop.get("convention", "LPS")
    around, mask = crop.get("around", ()), crop.get("mask", "")
    if keys == {"mask"} and isinstance(mask, str):
        return "mask", (), mask
    if "around" not in keys or keys - {"around", "convention"}:
        raise StudyError(
            f"crop: found a table of {', '.join(sorted(keys)) or 'nothing'}, expected around = "
            "(one column or three) with convention, or mask = (a pattern)."
        )
    if convention not in ("LPS", "RAS"):
        raise StudyError(f'crop.convention: found {convention!r}, expected "LPS" or "RAS".')
    return "around", (around,) if isinstance(around, str) else around, ""
