"""Lesions over visits under one name each: parts, new ones, what is gone or merged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tumorboard.evaluation.lesion_course import VisitMask, follow_lesions
from tumorboard.evaluation.lesion_size import measure_lesion
from tumorboard.evaluation.response import responses, targets_of
from tumorboard.records import Floats

AFFINE = np.diag([1.0, 1.0, 2.0, 1.0])


def scan(
    visit: int, *boxes: tuple[Sequence[int], Sequence[int]], organ: str = "",
    matrix: Floats | None = None,
) -> VisitMask:  # fmt: skip
    mask = np.zeros((60, 60, 20), dtype=np.bool_)
    for low, high in boxes:
        mask[low[0] : high[0], low[1] : high[1], low[2] : high[2]] = True
    return VisitMask(visit, organ, mask, AFFINE, np.eye(4) if matrix is None else matrix)


LARGE, SMALL = ((5, 5, 5), (25, 20, 12)), ((40, 40, 5), (52, 52, 10))
SPECK = ((2, 50, 2), (5, 52, 3))


def states(scans: Sequence[VisitMask]) -> list[tuple[int, str, str, int]]:
    return [
        (o.row.visit, o.row.lesion, o.row.state, o.row.n_parts)
        for o in follow_lesions(scans).lesions
    ]


def test_the_largest_is_the_first_and_specks_are_counted() -> None:
    course = follow_lesions([scan(0, SMALL, LARGE, SPECK)])
    first = course.lesions[0]
    assert (first.row.lesion, first.row.state) == ("L1", "baseline")
    assert first.row.volume_ml == pytest.approx(20 * 15 * 7 * 2 / 1000)
    assert first.centre_mm == (14.5, 12.0, 16.0)
    assert first.largest.slice == 5
    assert course.n_dropped == {0: 1}


def test_new_gone_and_back() -> None:
    both = (LARGE, SMALL)
    assert states([scan(0, LARGE), scan(1, *both), scan(2, SMALL), scan(3, *both)]) == [
        (0, "L1", "baseline", 1),
        (1, "L1", "followed", 1), (1, "L2", "new", 1),
        (2, "L1", "vanished", 0), (2, "L2", "followed", 1),
        (3, "L1", "followed", 1), (3, "L2", "followed", 1),
    ]  # fmt: skip


def test_parts_are_added() -> None:
    halves = ((5, 5, 5), (13, 20, 12)), ((16, 5, 5), (25, 20, 12))
    course = follow_lesions([scan(0, LARGE), scan(1, *halves)])
    split = course.lesions[1]
    each = [measure_lesion(scan(0, half).mask, (1, 1, 2)) for half in halves]
    assert split.row.n_parts == 2
    assert split.row.diameter_mm == pytest.approx(sum(part.diameter_mm for part in each))
    assert split.row.volume_ml == pytest.approx(sum(part.volume_ml for part in each))


def test_merged_lesions_are_measured_once() -> None:
    near = ((27, 5, 5), (34, 15, 12))
    both = ((5, 5, 5), (34, 20, 12))
    assert states([scan(0, LARGE, near), scan(1, both), scan(2, both)])[2:] == [
        (1, "L1", "followed", 1), (1, "L2", "merged", 0),
        (2, "L1", "followed", 1), (2, "L2", "merged", 0),
    ]  # fmt: skip


def test_positions_are_compared_in_the_first_frame() -> None:
    moved = tuple(
        tuple(c + d for c, d in zip(corner, (22, 20, 4), strict=True)) for corner in LARGE
    )
    back = np.eye(4)
    back[:3, 3] = (-22, -20, -8)
    course = follow_lesions([scan(0, LARGE), scan(1, (moved[0], moved[1]), matrix=back)])
    second = course.lesions[1]
    assert (second.row.lesion, second.by_distance) == ("L1", False)
    assert second.centre_mm == pytest.approx((36.5, 32.0, 24.0))  # of its own visit
    assert len(follow_lesions([scan(0, LARGE), scan(1, (moved[0], moved[1]))]).lesions) == 3


def test_organs_are_apart() -> None:
    scans = [
        scan(0, LARGE, organ="lung"),
        scan(0, LARGE, organ="node"),
        scan(1, LARGE, organ="node"),
    ]
    found = [(o.row.visit, o.row.organ, o.row.lesion) for o in follow_lesions(scans).lesions]
    assert found == [(0, "lung", "L1"), (0, "node", "L2"), (1, "node", "L2")]


def test_a_shrinking_ball_by_its_categories() -> None:
    x, y, z = np.meshgrid(*[np.arange(60) * 1.0] * 3, indexing="ij")
    scans = [
        VisitMask(
            k, "", (x - 30) ** 2 + (y - 30) ** 2 + (z - 30) ** 2 < (d / 2) ** 2,
            np.eye(4), np.eye(4),
        )
        for k, d in enumerate((40, 34, 26, 34, 0))
    ]  # fmt: skip
    found = responses(follow_lesions(scans).rows(), range(5))
    assert [f.recist for f in found] == ["baseline", "SD", "PR", "PD", "CR"]
    assert [f.volumetric for f in found] == ["baseline", "SD", "PR", "PD", "CR"]
    assert [f.flag for f in found] == ["", "shrinking", "shrinking", "growing", "shrinking"]
    assert found[1].sum_mm == pytest.approx(34, abs=1)
    assert not math.isnan(found[4].sum_mm)


def test_a_target_that_grows_into_a_bulky_non_target_is_no_response() -> None:
    bulky = ((2, 2, 2), (27, 27, 18))  # short, and the largest by volume
    second, third = ((2, 54, 5), (58, 57, 7)), ((38, 5, 5), (40, 50, 7))
    scans = [
        scan(0, bulky, second, third),
        scan(1, bulky, second, third, ((26, 10, 5), (40, 14, 7))),
    ]
    course = follow_lesions(scans)
    rows = [replace(row, organ="liver") for row in course.rows()]
    merged = next(row for row in rows if row.state == "merged")
    assert (merged.lesion, merged.into) == ("L3", "L1")
    assert targets_of(rows) == ("L2", "L3")
    found = responses(rows, [0, 1])
    assert found[1].recist != "PR"
    assert found[1].sum_mm > found[0].sum_mm


def test_what_merged_stays_so_while_the_whole_shrinks() -> None:
    near, whole = ((27, 5, 5), (34, 15, 12)), ((5, 5, 5), (34, 20, 12))
    small = ((6, 6, 5), (20, 19, 12))  # no longer over the old place of L2
    course = follow_lesions([scan(0, LARGE, near), scan(1, whole), scan(2, small)], within_mm=1)
    assert [(r.state, r.into) for r in course.rows() if r.lesion == "L2"] == [
        ("baseline", ""), ("merged", "L1"), ("merged", "L1"),
    ]  # fmt: skip
    gone = follow_lesions([scan(0, LARGE, near), scan(1, whole), scan(2)])
    assert [r.state for r in gone.rows() if r.visit == 2] == ["vanished", "vanished"]


def test_organs_of_each_visit_are_kept() -> None:
    scans = [scan(0, LARGE, organ="lung"), scan(0, SMALL, organ="liver"), scan(1, organ="lung")]
    assert follow_lesions(scans).imaged == {0: {"lung", "liver"}, 1: {"lung"}}
