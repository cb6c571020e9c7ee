"""Splits that go by images or visits while another column says which belong to one person."""

from __future__ import annotations

import re
from collections import Counter

from tumorboard.audit import Audited, Check
from tumorboard.formats.messages import counted
from tumorboard.records import Cohort, Finding
from tumorboard.transforms.person_columns import people_joined

#: What follows the number of a person in the name of an image, side or visit.
_PART = re.compile(
    r"^(.*\d)[-_. ](\d|[a-d]|[lr]|left|right|(?:img|image|slice|visit|scan|view|v|t|s)[-_]?\d+)$",
    re.IGNORECASE,
)


class SplitNotByPatient(Check):
    """split-not-by-patient: rows of one person may lie on two sides of a split.

    A warning where a column that names people (`patient`, `lesion`, `case` ..., or ids such as
    HAM_0002450) joins several values of `[cohort] patient_id`, each of which belongs to one of its
    values; or where the ids themselves end in the number of an image, a side or a visit. Another
    where the study asks for a second split by unit (`[evaluation] split_beside`).
    """

    def find(self, audited: Audited) -> list[Finding]:
        """One warning that names the coarsest such column, or the shape of the ids."""
        return [*_asked(audited), *_in_the_ids(audited)]


def _asked(audited: Audited) -> list[Finding]:
    """A warning where the study itself asks for a split by unit."""
    if audited.study.keys.evaluation.split_beside == "none":
        return []
    cohort = audited.cohort
    often = Counter(cohort.patient_id)
    several = tuple(patient for patient, n in often.items() if n > 1)
    return [
        Finding(
            "split-not-by-patient",
            "warning",
            f'evaluation.split_beside = "unit": the {counted(cohort.n_rows, "row")} of '
            f"{counted(len(cohort.patients), 'patient')} are also split one by one, so that "
            f"{len(several):,} patients are trained and tested on at once. Those numbers are "
            "optimistic; the report shows them only beside those by patient.",
            patients=several,
            evidence={"n_rows": cohort.n_rows, "n_patients": len(cohort.patients)},
        )
    ]


def _in_the_ids(audited: Audited) -> list[Finding]:
    """By a column that names people, or by the shape of the ids."""
    cohort = audited.cohort
    own = cohort.patient_id
    coarser = {
        column: n
        for column, cells in cohort.columns.items()
        if column not in audited.own_columns
        and column not in audited.predictors
        and (n := people_joined(column, cells, own))
    }
    if coarser:
        column = min(coarser, key=lambda name: coarser[name])
        return [_by_column(audited, column, coarser[column])]
    return _by_ids(cohort, audited.study.keys.cohort.patient_id)


def _by_column(audited: Audited, column: str, n_people: int) -> Finding:
    cohort = audited.cohort
    named = audited.study.keys.cohort.patient_id
    cells = cohort.columns[column]
    pairs = set(zip(cells, cohort.patient_id, strict=True))
    often = Counter(value for value, _ in pairs)
    several = {value for value, n in often.items() if n > 1}
    ids = tuple(
        dict.fromkeys(p for v, p in zip(cells, cohort.patient_id, strict=True) if v in several)
    )
    n_own = len(cohort.patients)
    return Finding(
        "split-not-by-patient",
        "warning",
        f"Splits go by {named!r} ({counted(n_own, 'value')}), but column {column!r} joins them to "
        f"{n_people:,}: {len(several):,} of these have several, which may be trained and tested on "
        f'at once. Set cohort.patient_id = "{column}".',
        patients=ids,
        evidence={
            "patient_id": named, "n_patient_ids": n_own, "column": column,
            "n_groups": n_people, "n_groups_with_several": len(several),
        },
    )  # fmt: skip


def _by_ids(cohort: Cohort, named: str) -> list[Finding]:
    matches = [_PART.match(patient) for patient in cohort.patients]
    if not matches or sum(match is not None for match in matches) < 0.9 * len(matches):
        return []
    stems = Counter(match.group(1) for match in matches if match)
    several = {stem for stem, n in stems.items() if n > 1}
    if len(stems) < max(5, 0.1 * len(matches)) or len(several) < 0.2 * len(stems):
        return []
    ids = tuple(
        patient
        for patient, match in zip(cohort.patients, matches, strict=True)
        if match and match.group(1) in several
    )
    return [
        Finding(
            "split-not-by-patient",
            "warning",
            f"The {len(matches):,} values of {named!r} end in the number of a part, such as "
            f"{ids[0]!r}: without it they are {len(stems):,}, of which {len(several):,} occur more "
            "than once. If these are images, sides or visits of one person, put the person's own "
            "number into a column and name it in cohort.patient_id.",
            patients=ids,
            evidence={
                "patient_id": named, "n_patient_ids": len(matches), "n_groups": len(stems),
                "n_groups_with_several": len(several),
            },
        )
    ]  # fmt: skip
