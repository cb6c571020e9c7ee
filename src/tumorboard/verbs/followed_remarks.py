"""What must be said about the visits of a followed patient beside their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tumorboard.evaluation.lesion_course import Course
from tumorboard.evaluation.response import VisitResponse, targets_of
from tumorboard.formats.messages import listed


def visit_remarks(
    course: Course, visits: Sequence[VisitResponse]
) -> Mapping[int, tuple[str, ...]]:  # fmt: skip
    """Number of a visit -> what its category hangs on: absent organs, and targets that merged.

    Args:
        course: Every lesion at every visit.
        visits: Response at each.
    """
    targets = targets_of(course.rows())
    return {one.visit: (*_organs(one), *_merged(course, one.visit, targets)) for one in visits}


def _organs(visit: VisitResponse) -> list[str]:
    found: list[str] = []
    if visit.missing:
        judged = "progression by what is left" if visit.recist == "PD" else "not evaluable"
        found.append(f"no mask of {listed([_named(organ) for organ in visit.missing])}: {judged}")
    if visit.unseen:
        found.append(
            f"no visit before has a mask of {listed([_named(organ) for organ in visit.unseen])}: "
            "its lesions count as new"
        )
    return found


def _merged(course: Course, visit: int, targets: Sequence[str]) -> list[str]:
    rows = [row for row in course.rows() if row.visit == visit and row.state == "merged"]
    no_target = ", which is no target"
    return [
        f"{row.lesion}{'' if row.lesion in targets else f'{no_target},'} has merged with "
        f"{row.into}{'' if row.into in targets else no_target}: measured as one"
        for row in rows
        if {row.lesion, row.into} & set(targets)
    ]


def _named(organ: str) -> str:
    return organ or "the organ without a name"
