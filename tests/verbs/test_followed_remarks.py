"""What is said beside a category: absent organs and targets that merged."""

from __future__ import annotations

import numpy as np

from tumorboard.evaluation.lesion_course import VisitMask, follow_lesions
from tumorboard.evaluation.response import responses
from tumorboard.verbs.followed_remarks import visit_remarks


def scan(visit: int, organ: str, *boxes: tuple[int, int]) -> VisitMask:
    mask = np.zeros((60, 40, 8), dtype=np.bool_)
    for low, high in boxes:
        mask[low:high, 10:30, 2:6] = True
    return VisitMask(visit, organ, mask, np.eye(4), np.eye(4))


def remarks(*scans: VisitMask) -> list[tuple[str, ...]]:
    course = follow_lesions(scans)
    visits = sorted(course.imaged)
    return list(
        visit_remarks(course, responses(course.rows(), visits, imaged=course.imaged)).values()
    )


def test_nothing_is_said_where_all_is_measured() -> None:
    assert remarks(scan(0, "", (5, 20)), scan(1, "", (5, 20))) == [(), ()]


def test_organs_that_are_absent_or_were_before() -> None:
    assert remarks(scan(0, "liver", (5, 20)), scan(1, "", (5, 20)))[1] == (
        "no mask of liver: progression by what is left",
        "no visit before has a mask of the organ without a name: its lesions count as new",
    )
    whole = (scan(0, "liver", (5, 20)), scan(0, "lung", (5, 20)))
    assert remarks(*whole, scan(1, "lung", (5, 20)))[1] == ("no mask of liver: not evaluable",)


def test_a_target_that_is_measured_with_another() -> None:
    both = scan(0, "", (5, 30), (35, 45))
    assert remarks(both, scan(1, "", (5, 45)))[1] == (
        "L2 has merged with L1: measured as one",
    )  # fmt: skip
    three = scan(0, "", (2, 30), (33, 47), (50, 57))
    assert remarks(three, scan(1, "", (2, 30), (33, 57)))[1] == (
        "L3, which is no target, has merged with L2: measured as one",
    )  # fmt: skip
