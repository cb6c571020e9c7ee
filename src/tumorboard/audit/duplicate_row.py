"""One row of predictors under two patients."""

from __future__ import annotations

from tumorboard.audit import Audited, Check, SeenRows
from tumorboard.formats.messages import counted, listed
from tumorboard.records import Finding
from tumorboard.transforms.chance_matches import CHANCE_PAIRS, SharedRow, shared_rows


class DuplicateRow(Check):
    """duplicate-row: predictors of two patients that agree in every column beyond chance.

    Rows that agree count only where fewer than 0.001 pairs as improbable as they are would be
    expected over the whole cohort by chance; transforms/chance_matches.py has the formula.
    """

    def find(self, audited: Audited) -> list[Finding]:
        """One error per table modality, and one for rows that only all tables together betray."""
        findings: list[Finding] = []
        known: set[frozenset[str]] = set()
        for rows in audited.rows():
            shared = shared_rows(rows.codes, rows.owner, below=CHANCE_PAIRS)
            fresh = [
                entry for entry in shared
                if frozenset(str(rows.person[i]) for i in entry.rows) not in known
            ]  # fmt: skip
            known |= {frozenset(str(rows.person[i]) for i in entry.rows) for entry in shared}
            if fresh:
                findings.append(_finding(rows, fresh))
        return findings


def _finding(rows: SeenRows, shared: list[SharedRow]) -> Finding:
    groups = [" = ".join(str(rows.person[i]) for i in entry.rows[:3]) for entry in shared]
    return Finding(
        code="duplicate-row",
        severity="error",
        message=f"{rows.modality}: {counted(len(shared), 'row')} that several patients share in "
        f"every column, though chance hardly gives one: {listed(groups)}. Give one person one "
        "patient id, or mend the copied rows.",
        patients=tuple(
            dict.fromkeys(rows.person[i].patient_id for entry in shared for i in entry.rows)
        ),
        evidence={
            "modality": rows.modality,
            "columns": list(rows.names),
            "n_groups": len(shared),
            "groups": [
                {
                    "expected_by_chance": entry.n_expected,
                    "rows": [
                        {
                            "cohort": rows.person[i].cohort,
                            "patient_id": rows.person[i].patient_id,
                            "line": rows.line[i],
                        }
                        for i in entry.rows
                    ],
                }
                for entry in shared
            ],
        },
    )
