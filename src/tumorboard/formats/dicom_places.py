"""Several images at one place: copies are left out, volumes over time and the like are refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from tumorboard.errors import InputError
from tumorboard.formats.dicom_geometry import along_normal
from tumorboard.formats.dicom_grouping import Sorting
from tumorboard.formats.dicom_slices import Slice
from tumorboard.formats.messages import counted, listed, shown

#: What tells several images at one place apart, in the order in which it is looked for.
_DIMENSIONS = (
    ("TemporalPositionIdentifier", "time"),
    ("TriggerTime", "time"),
    ("FrameReferenceTime", "time"),
    ("DiffusionBValue", "diffusion"),
    ("EchoNumbers", "echo"),
    ("EchoTime", "echo"),
    ("ImageType", ""),
    ("ConvolutionKernel", ""),
    ("SeriesNumber", ""),
    ("AcquisitionNumber", ""),
    ("StackID", ""),
    ("AcquisitionTime", "time"),
    ("ContentTime", "time"),
)
#: Slices nearer than this, in mm, are at the same place.
_SAME_PLACE_MM = 0.01


def one_at_each_place(
    slices: Sequence[Slice], name: str, sorting: Sorting, same: Callable[[Slice, Slice], bool]
) -> list[Slice]:
    """Slices of which no two are at the same place.

    Args:
        slices: Of one orientation.
        name: Series, for messages.
        sorting: Takes the copies that are left out.
        same: Whether two slices have the same pixels.

    Raises:
        InputError: Images that differ at one place, with what tells them apart.
    """
    ordered, places = along_normal(slices)
    starts = np.flatnonzero(np.diff(places, prepend=-np.inf) > _SAME_PLACE_MM).tolist()
    groups = [ordered[a:b] for a, b in zip(starts, [*starts[1:], len(ordered)], strict=True)]
    kept: list[list[Slice]] = []
    for group in groups:
        unlike: list[Slice] = []
        for image in group:
            twin = next((other for other in unlike if same(other, image)), None)
            if twin is None:
                unlike.append(image)
            else:
                sorting.ignore([image], f"copy of {twin.label} (same place, same pixels)")
        kept.append(unlike)
    if any(len(group) > 1 for group in kept):
        raise InputError(f"{name}: {_several(kept)}")
    return [group[0] for group in kept]


def _several(groups: Sequence[Sequence[Slice]]) -> str:
    many = [group for group in groups if len(group) > 1]
    n = max(len(group) for group in many)
    images = [image for group in groups for image in group]
    places = f"{len(many)} of {counted(len(groups), 'place')}"
    for tag, dimension in _DIMENSIONS:
        if all(len({s.tags.get(tag, "") for s in group}) == len(group) for group in many):
            values = Counter(image.tags.get(tag, "") for image in images)
            found = [f"{shown(text)} ({counted(k, 'image')})" for text, k in values.items()]
            what = (
                f"{dimension} dimension n = {n}"
                if dimension
                else "several acquisitions or reconstructions"
            )
            if len(groups) == 1:
                return (
                    f"no volume: its {n} images lie at one place, told apart by {tag} (images "
                    "taken over time, such as bolus tracking); expected slices at several places"
                )
            pick = next(iter(values))
            return (
                f"{what}: up to {n} images that differ at {places}, told apart by {tag}: "
                f'{listed(found)}. Choose one, such as choose = {{{tag} = "{pick}"}}.'
            )
    labels = [" and ".join(image.label for image in group) for group in many]
    return (
        f"up to {n} images that differ at {places}, and nothing in their headers tells them apart: "
        f"{listed(labels)}. Export one acquisition alone."
    )
