"""Which lesions of a visit are those of earlier visits: by overlap, else by distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tumorboard.records import Bools, Floats, Ints
from tumorboard.transforms.mask_components import bounding_box, components

#: Least share of the smaller lesion that must lie in the other one, for both to be one lesion: as
#: in the detection of lesions, a touch of single voxels is none.
LEAST_OVERLAP = 0.10


@dataclass(frozen=True)
class Lesions:
    """Connected components of one mask, and where they are.

    Args:
        labels: (X, Y, Z) number of the component from 1, 0 outside; cut to what is inside.
        start: Voxel of the whole mask that `labels` begins at.
        affine: (4, 4) voxel of `labels` -> mm of the frame in which visits are compared.
        sizes: Voxels of each component.
    """

    labels: NDArray[np.int32]
    start: tuple[int, int, int]
    affine: Floats
    sizes: Ints

    @property
    def n(self) -> int:
        """Number of components."""
        return len(self.sizes)

    def points(self, number: int) -> Floats:
        """(n, 3) centres of the voxels of a component, in mm of the common frame."""
        return np.argwhere(self.labels == number) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def centre(self, number: int) -> Floats:
        """Centre of mass of a component, in mm of the common frame."""
        return self.points(number).mean(axis=0)

    def at(self, points: Floats) -> Ints:
        """Number of the component at each point of the common frame."""
        back = np.linalg.inv(self.affine)
        index = np.rint(points @ back[:3, :3].T + back[:3, 3]).astype(np.int64)
        inside = ((index >= 0) & (index < self.labels.shape)).all(axis=1)
        found = np.zeros(len(points), dtype=np.int64)
        found[inside] = self.labels[tuple(index[inside].T)]
        return found


def find_lesions(mask: Bools, affine: Floats) -> Lesions:
    """Connected components of a mask.

    Args:
        mask: (X, Y, Z).
        affine: (4, 4) voxel -> mm of the common frame.
    """
    box = bounding_box(mask)
    labels, sizes = components(mask[box])
    start = (int(box[0].start), int(box[1].start), int(box[2].start))
    shift = np.eye(4)
    shift[:3, 3] = start
    return Lesions(labels, start, affine @ shift, sizes)


@dataclass(frozen=True)
class Known:
    """Where a lesion was seen last.

    Args:
        lesions: Components of that visit.
        numbers: Those that are the lesion.
    """

    lesions: Lesions
    numbers: tuple[int, ...]

    @property
    def centre(self) -> Floats:
        """Centre of mass of all its parts."""
        return np.concatenate([self.lesions.points(k) for k in self.numbers]).mean(axis=0)

    @property
    def n_voxels(self) -> int:
        """Voxels of all its parts."""
        return int(sum(self.lesions.sizes[k - 1] for k in self.numbers))


@dataclass(frozen=True)
class Matches:
    """What became of known lesions.

    Args:
        lesion: Component of the visit -> name of the lesion; components that are new are absent.
        merged: Name of a lesion -> the lesion that it is now one with.
        by_distance: Names of lesions that were matched by distance alone.
    """

    lesion: Mapping[int, str]
    merged: Mapping[str, str]
    by_distance: frozenset[str]


def match_lesions(
    known: Mapping[str, Known], visit: Lesions, *, within_mm: float = 15.0
) -> Matches:
    """Match the lesions of a visit with known ones.

    A component is the lesion that most of it overlaps, from a tenth of the smaller of both on. What
    overlaps nothing is the nearest lesion that nothing overlaps, where the centres are at most
    `within_mm` apart, pairs in order of their distance. Several components may be one lesion that
    split; a lesion whose only overlap is with a component of another one has merged with it.

    Args:
        known: Name -> where the lesion was seen last, in the same frame.
        visit: Components of the visit.
        within_mm: Largest distance of two centres.
    """
    names = list(known)
    share = np.zeros((len(names), visit.n))
    for k in range(visit.n):
        points = visit.points(k + 1)
        for i, name in enumerate(names):
            one = known[name]
            inside = int(np.isin(one.lesions.at(points), one.numbers).sum())
            volume = abs(float(np.linalg.det(visit.affine[:3, :3])))
            theirs = one.n_voxels * abs(float(np.linalg.det(one.lesions.affine[:3, :3])))
            share[i, k] = inside * volume / min(theirs, len(points) * volume)
    linked = share >= LEAST_OVERLAP
    lesion: dict[int, str] = {}
    for k in np.flatnonzero(linked.any(axis=0)).tolist():
        inside_of = share[:, k] * np.asarray([_ml(known[name]) for name in names])
        lesion[k + 1] = names[int(np.where(linked[:, k], inside_of, -1).argmax())]
    merged = {
        names[i]: lesion[int(share[i].argmax()) + 1]
        for i in np.flatnonzero(linked.any(axis=1)).tolist()
        if names[i] not in lesion.values()
    }
    left = [n for n in names if n not in merged and n not in lesion.values()]
    near = _nearest({n: known[n].centre for n in left}, visit, set(lesion), within_mm)
    return Matches({**lesion, **near}, merged, frozenset(near.values()))


def _ml(one: Known) -> float:
    return one.n_voxels * abs(float(np.linalg.det(one.lesions.affine[:3, :3])))


def _nearest(
    centres: Mapping[str, Floats], visit: Lesions, taken: set[int], within_mm: float
) -> dict[int, str]:
    """Pairs of a free component and a free lesion, the nearest first."""
    free = [k for k in range(1, visit.n + 1) if k not in taken]
    pairs = sorted(
        (float(np.linalg.norm(visit.centre(k) - centre)), k, name)
        for k in free
        for name, centre in centres.items()
    )
    found: dict[int, str] = {}
    for apart, k, name in pairs:
        if apart <= within_mm and k not in found and name not in found.values():
            found[k] = name
    return found


def lesion_names(known: Sequence[str], n: int) -> tuple[str, ...]:
    """Names for `n` new lesions: L1, L2, ... behind those that are known."""
    first = 1 + max((int(name[1:]) for name in known), default=0)
    return tuple(f"L{first + k}" for k in range(n))
