"""Lesions followed by overlap and distance: splits, merges, what is new and what is gone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tumorboard.records import Bools, Floats
from tumorboard.transforms.lesion_matching import (
    Known,
    Lesions,
    find_lesions,
    lesion_names,
    match_lesions,
)

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


def boxes(*corners: tuple[Sequence[int], Sequence[int]]) -> Bools:
    mask = np.zeros((40, 40, 20), dtype=np.bool_)
    for low, high in corners:
        mask[low[0] : high[0], low[1] : high[1], low[2] : high[2]] = True
    return mask


def lesions(*corners: tuple[Sequence[int], Sequence[int]], affine: Floats = AFFINE) -> Lesions:
    return find_lesions(boxes(*corners), affine)


A, B = ((5, 5, 5), (10, 10, 10)), ((20, 20, 5), (28, 28, 12))


def known(first: Lesions) -> dict[str, Known]:
    return {f"L{k + 1}": Known(first, (k + 1,)) for k in range(first.n)}


def test_lesions_keep_their_names_where_they_overlap() -> None:
    first = lesions(A, B)
    found = match_lesions(known(first), lesions(((6, 6, 5), (11, 11, 10)), B))
    assert dict(found.lesion) == {1: "L1", 2: "L2"}
    assert (dict(found.merged), found.by_distance) == ({}, frozenset())


def test_other_voxels_in_the_same_place() -> None:
    fine = np.diag([1.0, 1.0, 1.0, 1.0])
    first = lesions(A)
    second = lesions(((10, 10, 10), (20, 20, 19)), affine=fine)
    assert dict(match_lesions(known(first), second).lesion) == {1: "L1"}


def test_what_moved_is_found_within_the_distance_alone() -> None:
    first = lesions(A)
    moved = lesions(((11, 5, 5), (16, 10, 10)))  # 12 mm away, no overlap
    near = match_lesions(known(first), moved, within_mm=15)
    assert (dict(near.lesion), near.by_distance) == ({1: "L1"}, frozenset({"L1"}))
    assert dict(match_lesions(known(first), moved, within_mm=11.9).lesion) == {}


def test_the_nearest_pair_comes_first() -> None:
    first = lesions(((0, 0, 0), (3, 3, 3)), ((10, 0, 0), (13, 3, 3)))
    second = lesions(((4, 0, 0), (7, 3, 3)), ((7, 5, 0), (9, 7, 3)))
    assert dict(match_lesions(known(first), second, within_mm=50).lesion) == {1: "L1", 2: "L2"}


def test_a_lesion_that_splits_stays_one() -> None:
    second = lesions(((20, 20, 5), (23, 28, 12)), ((25, 20, 5), (28, 28, 12)))
    found = match_lesions(known(lesions(B)), second)
    assert dict(found.lesion) == {1: "L1", 2: "L1"}


def test_two_that_become_one_are_counted_once() -> None:
    first = lesions(((5, 5, 5), (10, 10, 10)), ((12, 5, 5), (20, 12, 10)))
    found = match_lesions(known(first), lesions(((5, 5, 5), (20, 12, 10))))
    assert dict(found.lesion) == {1: "L2"}  # the larger one's name
    assert dict(found.merged) == {"L1": "L2"}


def test_new_ones_and_none() -> None:
    found = match_lesions(known(lesions(A)), lesions(A, B))
    assert dict(found.lesion) == {1: "L1"}
    assert dict(match_lesions(known(lesions(A)), lesions()).lesion) == {}
    assert dict(match_lesions({}, lesions(A)).lesion) == {}
    assert lesion_names(["L1", "L9"], 2) == ("L10", "L11")
    assert lesion_names([], 1) == ("L1",)


def test_places_are_of_the_whole_mask() -> None:
    found = lesions(B)
    assert found.start == (20, 20, 5)
    assert found.centre(1).tolist() == [47.0, 47.0, 16.0]
    assert found.at(np.asarray([[47.0, 47.0, 16.0], [0.0, 0.0, 0.0]])).tolist() == [1, 0]
