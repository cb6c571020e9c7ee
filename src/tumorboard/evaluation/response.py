"""Response of one patient over visits, by diameters and by volume, from measured lesions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

#: CR complete response, PR partial response, SD stable disease, PD progressive disease, NE not
#: evaluable.
Category = Literal["baseline", "CR", "PR", "SD", "PD", "NE"]
#: What became of a lesion; `merged` is measured as part of another one.
State = Literal["baseline", "followed", "new", "vanished", "merged"]
#: Change of volume beyond what the errors of both measurements explain.
Flag = Literal["growing", "shrinking", "within error", ""]

#: RECIST 1.1: targets are at least 10 mm, at most five, at most two in an organ.
LEAST_TARGET_MM, MOST_TARGETS, MOST_PER_ORGAN = 10.0, 5, 2
#: What RECIST 1.1 writes for a lesion that is there but too small to be measured.
TOO_SMALL_MM = 5.0
PARTIAL, PROGRESSION, PROGRESSION_MM = -0.30, 0.20, 5.0
#: The same changes of the diameter of a ball, as changes of its volume: -65.7 % and +72.8 %.
PARTIAL_VOLUME = (1 + PARTIAL) ** 3 - 1
PROGRESSION_VOLUME = (1 + PROGRESSION) ** 3 - 1
_NAN = math.nan


@dataclass(frozen=True)
class LesionRow:
    """One lesion at one visit.

    Args:
        visit: Number of the visit, from 0.
        lesion: Its name, the same at all visits.
        organ: Where it is; "" where nobody said.
        state: What became of it.
        volume_ml: Volume; 0 where it has vanished or merged.
        volume_error_ml: How far another contour may be off.
        diameter_mm: Longest axial diameter; of a lesion that split the sum over its parts.
        diameter_error_mm: How far another contour may be off.
        n_parts: Components that it consists of.
        into: Lesion that it has merged with; "" where it has not.
    """

    visit: int
    lesion: str
    organ: str
    state: State
    volume_ml: float
    volume_error_ml: float
    diameter_mm: float
    diameter_error_mm: float
    n_parts: int = 1
    into: str = ""


@dataclass(frozen=True)
class VisitResponse:
    """One visit of one patient; shares are of 1, NaN where there is nothing to compare with.

    Args:
        visit: Number of the visit, from 0.
        n_lesions: Lesions that are there.
        sum_mm: Sum of the longest diameters of the targets.
        sum_error_mm: Error of the sum.
        from_baseline: Change of the sum since the first visit.
        from_nadir: Change of the sum since its smallest value before.
        recist: Category by diameters.
        volume_ml: Volume of all lesions.
        volume_error_ml: Its error: the border off to one side in all of them.
        volume_from_baseline: Change of the volume since the first visit.
        volume_from_nadir: Change of the volume since its smallest value before.
        volumetric: Category by volume.
        volume_from_last: Change of the volume since the visit before.
        flag: Whether that is beyond measurement error.
        flag_from_baseline: Whether the change since the first visit is.
        new: Lesions that were not there before.
        vanished: Lesions that are no longer there.
        n_split: Lesions in more parts than at the visit before.
        n_merged: Lesions that became one with another at this visit.
        missing: Organs of earlier visits that this one has no mask of. Sums, volumes and their
            changes are NaN then.
        unseen: Organs of new lesions that no visit before has a mask of.
    """

    visit: int
    n_lesions: int
    sum_mm: float
    sum_error_mm: float
    from_baseline: float
    from_nadir: float
    recist: Category
    volume_ml: float
    volume_error_ml: float
    volume_from_baseline: float
    volume_from_nadir: float
    volumetric: Category
    volume_from_last: float
    flag: Flag
    flag_from_baseline: Flag
    new: tuple[str, ...]
    vanished: tuple[str, ...]
    n_split: int
    n_merged: int
    missing: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


def targets_of(rows: Sequence[LesionRow]) -> tuple[str, ...]:
    """Target lesions: the largest measurable ones of the first visit.

    Source:
        Eisenhauer et al., Eur J Cancer 2009; 45: 228, 3.1 and 4.1.
    """
    first = [row for row in rows if row.visit == 0 and row.diameter_mm >= LEAST_TARGET_MM]
    chosen: list[str] = []
    per_organ: Counter[str] = Counter()
    for row in sorted(first, key=lambda row: (-row.diameter_mm, row.lesion)):
        if len(chosen) < MOST_TARGETS and per_organ[row.organ] < MOST_PER_ORGAN:
            chosen.append(row.lesion)
            per_organ[row.organ] += 1
    return tuple(chosen)


def responses(
    rows: Sequence[LesionRow], visits: Sequence[int], *, least_change: float = _NAN,
    imaged: Mapping[int, Collection[str]] | None = None,
) -> list[VisitResponse]:  # fmt: skip
    """Response at each visit.

    By diameters as in RECIST 1.1: partial response from -30 % of the first visit's sum of the
    targets' diameters on, progression from +20 % and +5 mm over the smallest sum before, or with a
    new lesion; complete response where no lesion is left. What RECIST leaves to judgement
    (unequivocal progression of other lesions, nodes below 10 mm, confirmation) is not judged.
    Lesions that merged are measured as one: a target that is now part of another lesion, target or
    not, counts with the longest diameter of both together (4.3.2). A visit without an organ that
    was measured before is not evaluable, unless what is left is progression by itself (4.4.2). A
    lesion in an organ that was never measured before is a new one (4.3.5).
    By volume: the same changes of a ball, -65.7 % and +72.8 %, of the volume of all lesions.
    A change is flagged where it exceeds the errors of both measurements, joined as independent.

    Args:
        rows: Every lesion of the patient at every visit from the one where it was first seen on.
        visits: Numbers of the visits that could be measured, in order.
        least_change: Repeatability coefficient of the volume as a share: a smaller change may be
            chance. Where NaN, the lesions' own errors are taken.
        imaged: Number of a visit -> organs that it has a mask of; every visit has all of them
            where None.

    Source:
        Eisenhauer et al., Eur J Cancer 2009; 45: 228 (RECIST 1.1); volumes that go with diameters:
        Therasse et al., J Natl Cancer Inst 2000; 92: 205, table 2; repeatability coefficient:
        Bland & Altman, Lancet 1986; 327: 307.
    """
    targets = set(targets_of(rows))
    found: list[VisitResponse] = []
    parts: dict[str, int] = {}
    merged: set[str] = set()
    gone: set[str] = set()
    seen: set[str] = set()
    for visit in visits:
        own = [row for row in rows if row.visit == visit]
        here = set(imaged[visit]) if imaged is not None else set[str]()
        now = _now(own, targets, least_change, tuple(sorted(seen - here)))
        is_gone = {row.lesion for row in own if row.state == "vanished"}
        is_merged = {row.lesion for row in own if row.state == "merged"}
        new = tuple(row.lesion for row in own if row.state == "new")
        fresh = {row.organ for row in own if row.state == "new"} - seen
        split = [r for r in own if r.lesion in parts and r.n_parts > max(1, parts[r.lesion])]
        found.append(
            _compared(
                now, found, has_targets=bool(targets), new=new,
                vanished=tuple(sorted(is_gone - gone)), n_split=len(split),
                n_merged=len(is_merged - merged), visit=visit,
                unseen=tuple(sorted(fresh)) if imaged is not None else (),
            )
        )  # fmt: skip
        # a lesion of an organ that is missing here is as it was
        there = {row.lesion for row in own}
        parts |= {row.lesion: row.n_parts for row in own}
        gone, merged = (gone - there) | is_gone, (merged - there) | is_merged
        seen |= here
    return found


@dataclass(frozen=True)
class _Now:
    n_lesions: int
    sum_mm: float
    sum_error_mm: float
    volume_ml: float
    volume_error_ml: float
    missing: tuple[str, ...]


def _now(
    own: Sequence[LesionRow], targets: set[str], least_change: float, missing: tuple[str, ...]
) -> _Now:
    there = [row for row in own if row.state not in ("vanished", "merged")]
    into = {row.lesion: row.into for row in own if row.state == "merged"}
    counted = {whole_of(name, into) for name in targets}
    measured = [row for row in there if row.lesion in counted]
    volume = sum(row.volume_ml for row in there)
    error = sum(row.volume_error_ml for row in there)
    if not math.isnan(least_change):  # the coefficient is of a difference of two measurements
        error = volume * least_change / math.sqrt(2)
    return _Now(
        len(there),
        sum(max(row.diameter_mm, TOO_SMALL_MM) for row in measured) if targets else _NAN,
        math.sqrt(sum(row.diameter_error_mm**2 for row in measured)) if targets else _NAN,
        volume, error, missing,
    )  # fmt: skip


def whole_of(name: str, into: Mapping[str, str]) -> str:
    """The lesion that one is measured as: itself, or what it has merged with."""
    passed = {name}
    while into.get(name) and into[name] not in passed:
        name = into[name]
        passed.add(name)
    return name


def _compared(
    now: _Now, before: Sequence[VisitResponse], *, has_targets: bool, new: tuple[str, ...],
    vanished: tuple[str, ...], n_split: int, n_merged: int, visit: int, unseen: tuple[str, ...],
) -> VisitResponse:  # fmt: skip
    whole = [one for one in before if not one.missing]
    first, last = (whole[0], whole[-1]) if whole else (None, None)
    nadir = min((one.sum_mm for one in whole), default=_NAN)
    nadir_ml = min((one.volume_ml for one in whole), default=_NAN)
    from_first = _change(now.sum_mm, first.sum_mm if first else _NAN)
    from_nadir = _change(now.sum_mm, nadir)
    volume_first = _change(now.volume_ml, first.volume_ml if first else _NAN)
    volume_nadir = _change(now.volume_ml, nadir_ml)
    recist: Category = "baseline"
    volumetric: Category = "baseline"
    if first:
        grew = from_nadir >= PROGRESSION - 1e-9 and now.sum_mm - nadir >= PROGRESSION_MM
        recist = _category(now, first, bool(new) or grew, from_first <= PARTIAL + 1e-9)
        if not has_targets and recist in ("PR", "SD"):
            recist = "NE"
        grew = volume_nadir >= PROGRESSION_VOLUME - 1e-9
        shrank = volume_first <= PARTIAL_VOLUME + 1e-9
        volumetric = _category(now, first, bool(new) or grew, shrank)
    if now.missing:
        return VisitResponse(
            visit, now.n_lesions, _NAN, _NAN, _NAN, _NAN, recist, _NAN, _NAN, _NAN, _NAN,
            volumetric, _NAN, "", "", new, vanished, n_split, n_merged, now.missing, unseen,
        )  # fmt: skip
    return VisitResponse(
        visit=visit, n_lesions=now.n_lesions, sum_mm=now.sum_mm, sum_error_mm=now.sum_error_mm,
        from_baseline=from_first, from_nadir=from_nadir, recist=recist, volume_ml=now.volume_ml,
        volume_error_ml=now.volume_error_ml, volume_from_baseline=volume_first,
        volume_from_nadir=volume_nadir, volumetric=volumetric,
        volume_from_last=_change(now.volume_ml, last.volume_ml if last else _NAN),
        flag=_flag(now, last), flag_from_baseline=_flag(now, first), new=new, vanished=vanished,
        n_split=n_split, n_merged=n_merged, unseen=unseen,
    )  # fmt: skip


def _category(now: _Now, first: VisitResponse, grew: bool, shrank: bool) -> Category:
    if grew:
        return "PD"
    if now.missing:
        return "NE"
    if not first.n_lesions and not now.n_lesions:
        return "NE"
    if not now.n_lesions:
        return "CR"
    return "PR" if shrank else "SD"


def _change(value: float, reference: float) -> float:
    """Share by which a value differs; infinite from nothing to something."""
    if math.isnan(value) or math.isnan(reference):
        return _NAN
    if reference == 0:
        return 0.0 if value == 0 else math.inf
    return value / reference - 1


def _flag(now: _Now, reference: VisitResponse | None) -> Flag:
    if reference is None:
        return ""
    change = now.volume_ml - reference.volume_ml
    error = math.hypot(now.volume_error_ml, reference.volume_error_ml)
    if abs(change) <= error:
        return "within error"
    return "growing" if change > 0 else "shrinking"
