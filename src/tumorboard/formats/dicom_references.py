"""Whether a segmentation or contours were drawn on the series of a volume."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tumorboard.errors import InputError
from tumorboard.formats.messages import listed
from tumorboard.formats.volume import Volume


def refuse_other_reference(
    path: Path, like: Volume, *, series: Sequence[str], frames: Sequence[str], what: str
) -> None:
    """Refuse what names another series or frame of reference than the volume's, or neither.

    Args:
        path: The file that was drawn.
        like: The volume; one that is no DICOM series has no such names, and nothing is compared.
        series: SeriesInstanceUID of every series that the file names.
        frames: Every FrameOfReferenceUID that it names.
        what: What it holds, such as "contours".

    Raises:
        InputError: The file was drawn on something else, or does not say on what.
    Source:
        DICOM PS3.3 C.7.4.1 (frame of reference), C.8.8.5 and C.8.20.2 (references).
    """
    own, frame = (
        like.facts.get(name, "") for name in ("series_instance_uid", "frame_of_reference_uid")
    )
    if series and own and own not in series:
        raise InputError(
            f"{path}: drawn on series {listed(series)}, which is absent; the volume is of series "
            f"{own}. Give the {what} with their own series."
        )
    if frames and frame and frame not in frames:
        raise InputError(
            f"{path}: FrameOfReferenceUID is {listed(frames)}, the volume's is {frame}: their "
            "positions cannot be compared. Register and resample the image, or draw on this series."
        )
    if own and not series and not frames:
        raise InputError(
            f"{path}: names neither its series (SeriesInstanceUID) nor its frame of reference, so "
            "that nothing says what it was drawn on. Export it again."
        )
