"""Lesions of one patient measured at every visit, under one name each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tumorboard.evaluation.lesion_size import GONE, LesionSize, measure_lesion
from tumorboard.evaluation.response import TOO_SMALL_MM, LesionRow, State, whole_of
from tumorboard.records import Bools, Floats
from tumorboard.transforms.lesion_matching import (
    Known,
    Lesions,
    Matches,
    find_lesions,
    lesion_names,
    match_lesions,
)


@dataclass(frozen=True)
class VisitMask:
    """The mask of one visit, or of one organ at it.

    Args:
        visit: Number of the visit, from 0.
        organ: Where its lesions are; "" where nobody said.
        mask: (X, Y, Z), axes in RAS+ order.
        affine: (4, 4) voxel index -> mm of the visit.
        matrix: (4, 4) mm of the visit -> mm of the first visit.
    """

    visit: int
    organ: str
    mask: Bools
    affine: Floats
    matrix: Floats

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Size of a voxel."""
        x, y, z = (float(v) for v in np.linalg.norm(self.affine[:3, :3], axis=0))
        return x, y, z


@dataclass(frozen=True)
class MeasuredLesion:
    """One lesion at one visit.

    Args:
        row: What the response is found from.
        perpendicular_mm: Longest diameter at a right angle to the longest one, of its largest part.
        centre_mm: Centre of mass in mm of the visit; NaN where it is gone.
        largest: Size and place of its largest part.
        by_distance: It was matched by distance, not by overlap.
    """

    row: LesionRow
    perpendicular_mm: float
    centre_mm: tuple[float, float, float]
    largest: LesionSize
    by_distance: bool


@dataclass
class Course:
    """What was found over the visits.

    Args:
        lesions: In the order of visits and names.
        n_dropped: New components below the least diameter, by visit.
        imaged: Organs that there is a mask of, by visit.
    """

    lesions: list[MeasuredLesion] = field(default_factory=list[MeasuredLesion])
    n_dropped: dict[int, int] = field(default_factory=dict[int, int])
    imaged: dict[int, set[str]] = field(default_factory=dict[int, set[str]])

    def rows(self) -> list[LesionRow]:
        """What the response is found from."""
        return [lesion.row for lesion in self.lesions]


def follow_lesions(
    scans: Sequence[VisitMask], *, within_mm: float = 15.0, least_mm: float = TOO_SMALL_MM,
    border_error_mm: float = math.nan,
) -> Course:  # fmt: skip
    """Measure every lesion at every visit.

    A component that is no known lesion counts from a longest diameter of `least_mm` on: smaller
    ones are specks of a segmentation more often than lesions.

    Args:
        scans: Of one patient in the order of time; one or more of each visit.
        within_mm: Largest distance of two centres that make one lesion without overlap.
        least_mm: Least longest diameter of a lesion that was not there before.
        border_error_mm: How far a border may be off; half a voxel where NaN.
    """
    course, known, organs = Course(), dict[str, Known](), dict[str, str]()
    within: dict[str, str] = {}
    first = min((scan.visit for scan in scans), default=0)
    for scan in scans:
        course.imaged.setdefault(scan.visit, set()).add(scan.organ)
        found = find_lesions(scan.mask, scan.matrix @ scan.affine)
        sizes = [
            measure_lesion(found.labels == k + 1, scan.spacing_mm, border_error_mm=border_error_mm)
            for k in range(found.n)
        ]
        own = {name: one for name, one in known.items() if organs[name] == scan.organ}
        matches = match_lesions(own, found, within_mm=within_mm)
        fresh = [k for k in range(1, found.n + 1) if k not in matches.lesion]
        kept = [k for k in fresh if sizes[k - 1].diameter_mm >= least_mm]
        dropped = course.n_dropped.get(scan.visit, 0) + len(fresh) - len(kept)
        course.n_dropped[scan.visit] = dropped
        kept.sort(key=lambda k: -int(found.sizes[k - 1]))
        named = dict(zip(lesion_names(list(known), len(kept)), kept, strict=True))
        state: State = "baseline" if scan.visit == first else "new"
        seen = {
            name: [k for k, own_name in matches.lesion.items() if own_name == name] for name in own
        }
        within = _within(within, seen, matches)
        for name, parts in seen.items():
            was: State = "followed" if parts else "merged" if name in within else "vanished"
            one = _measured(scan, found, sizes, name, parts, was, matches)
            into = replace(one.row, into=within.get(name, ""))
            course.lesions.append(replace(one, row=into))
        for name, k in named.items():
            course.lesions.append(_measured(scan, found, sizes, name, [k], state, matches))
            organs[name] = scan.organ
        places = {**{n: p for n, p in seen.items() if p}, **{n: [k] for n, k in named.items()}}
        known |= {name: Known(found, tuple(parts)) for name, parts in places.items()}
    return course


def _within(
    before: Mapping[str, str], seen: Mapping[str, Sequence[int]], matches: Matches
) -> dict[str, str]:
    """Merged lesion -> what it is part of.

    One that has merged stays so as long as that lesion is there and it does not come apart, also
    where the shrinking whole no longer covers its old place.
    """
    elsewhere = {name: into for name, into in before.items() if name not in seen}
    found = elsewhere | dict(matches.merged)
    chain = {name: into for name, into in {**before, **found}.items() if not seen.get(name)}
    for name in before:
        whole = whole_of(name, chain)
        if name not in found and not seen[name] and seen.get(whole):
            found[name] = whole
    return found


def _measured(
    scan: VisitMask, found: Lesions, sizes: Sequence[LesionSize], name: str, parts: Sequence[int],
    state: State, matches: Matches,
) -> MeasuredLesion:  # fmt: skip
    own = [sizes[k - 1] for k in parts]
    row = LesionRow(
        scan.visit, name, scan.organ, state,
        sum(s.volume_ml for s in own), sum(s.volume_error_ml for s in own),
        sum(s.diameter_mm for s in own), math.hypot(*(s.diameter_error_mm for s in own)),
        len(own),
    )  # fmt: skip
    if not own:
        return MeasuredLesion(row, 0.0, (math.nan, math.nan, math.nan), GONE, by_distance=False)
    points = np.concatenate([found.points(k) for k in parts])
    x, y, z = (np.linalg.inv(scan.matrix) @ np.append(points.mean(axis=0), 1.0))[:3].tolist()
    largest = max(own, key=lambda size: size.volume_ml)
    return MeasuredLesion(
        row, largest.perpendicular_mm, (x, y, z), _in_mask(largest, found.start),
        by_distance=name in matches.by_distance,
    )  # fmt: skip


def _in_mask(size: LesionSize, start: tuple[int, int, int]) -> LesionSize:
    """Places as voxels of the whole mask."""
    (ax, ay), (bx, by) = size.ends
    x, y, z = start
    return replace(size, slice=size.slice + z, ends=((ax + x, ay + y), (bx + x, by + y)))
