"""One long numeric profile under two patients."""

from __future__ import annotations

import numpy as np

from tumorboard.audit import Audited, Check, SeenRows
from tumorboard.formats.messages import counted, listed
from tumorboard.modalities import MeasuredProfiles
from tumorboard.records import Bools, Finding, Floats
from tumorboard.transforms.profile_matches import ProfileMatch, find_profile_matches
from tumorboard.transforms.profiles import aligned

#: A table with at least so many numeric columns is a profile.
COLUMNS = 50
#: Columns of no more values are flags, grades or scores, not measurements.
_FEW_VALUES = 10


class DuplicateExpression(Check):
    """duplicate-expression: numeric profiles of two patients with a correlation above 0.999.

    For gene expression, ready features, and tables of at least 50 numeric columns that are
    measurements: flags and counts of a few values agree between different people. The profiles must
    also agree after every column is standardised over the cohort, where those of different people
    are unrelated.
    """

    def find(self, audited: Audited) -> list[Finding]:
        """One error per modality, with every pair."""
        findings: list[Finding] = []
        tables = [rows for rows in audited.rows() if "+" not in rows.modality]
        for rows in (*tables, *_seen_profiles(audited)):
            profiles = rows.numbers[:, _is_measured(rows.numbers)]
            if profiles.shape[1] < COLUMNS:
                continue
            matches = find_profile_matches(profiles, rows.owner, columns=COLUMNS)
            if matches:
                findings.append(_finding(rows, matches))
        return findings


def _seen_profiles(audited: Audited) -> list[SeenRows]:
    """Profiles of each modality that has them, over all cohorts, in the columns of all.

    None where records were dealt out at random, the same one to several patients.
    """
    if audited.is_paired_at_random:
        return []
    found: list[SeenRows] = []
    for modality in audited.measured:
        parts = [
            (number, measured[modality])
            for number, (_, _, measured) in enumerate(audited.cohorts)
            if modality in measured
        ]
        profiles = [
            (number, own)
            for number, own in parts
            if isinstance(own, MeasuredProfiles) and not own.is_nobodys
        ]
        if profiles:
            found.append(_side_by_side(audited, modality, profiles))
    return found


def _side_by_side(
    audited: Audited, modality: str, parts: list[tuple[int, MeasuredProfiles]]
) -> SeenRows:
    """Rows with a profile of several cohorts, each with its person and line."""
    shared = frozenset(parts[0][1].names).intersection(*(own.names for _, own in parts[1:]))
    names = tuple(name for name in parts[0][1].names if name in shared)
    rows = [(number, int(row)) for number, own in parts for row in np.flatnonzero(own.present)]
    values = [aligned(own.values[own.present], own.names, names) for _, own in parts]
    lines = [cohort.line for _, cohort, _ in audited.cohorts]
    return SeenRows(
        modality=modality,
        names=names,
        codes=(),
        numbers=np.concatenate(values),
        person=audited.people(rows),
        line=tuple(lines[number][row] for number, row in rows),
    )


def _is_measured(numbers: Floats) -> Bools:
    """(columns,) True where a column has more values than a flag, a grade or a score has."""
    distinct = [len(np.unique(column[np.isfinite(column)])) for column in numbers.T]
    return np.asarray(distinct, dtype=np.int64) > _FEW_VALUES


def _finding(rows: SeenRows, matches: list[ProfileMatch]) -> Finding:
    shown = [f"{rows.person[m.first]} = {rows.person[m.second]}" for m in matches]
    return Finding(
        code="duplicate-expression",
        severity="error",
        message=f"{rows.modality}: {counted(len(matches), 'pair')} of patients whose profiles "
        f"correlate above 0.999: {listed(shown)}. Give one person one patient id, or mend the "
        "sample that was labelled twice.",
        patients=tuple(
            dict.fromkeys(rows.person[i].patient_id for m in matches for i in (m.first, m.second))
        ),
        evidence={
            "modality": rows.modality,
            "n_pairs": len(matches),
            "pairs": [
                {
                    "patients": [
                        {
                            "cohort": rows.person[i].cohort,
                            "patient_id": rows.person[i].patient_id,
                            "line": rows.line[i],
                        }
                        for i in (m.first, m.second)
                    ],
                    "correlation": m.correlation,
                    "correlation_standardised": m.standardised,
                    "n_columns": m.n_columns,
                }
                for m in matches
            ],
        },
    )
