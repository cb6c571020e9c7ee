"""Predictors that were computed over all patients, those of the test folds among them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from tumorboard.audit import Audited, Check
from tumorboard.formats.messages import counted, listed
from tumorboard.modalities import MeasuredProfiles
from tumorboard.records import Cohort, Finding, Floats
from tumorboard.transforms.cohort_wide import components, decimals, trace
from tumorboard.transforms.expression_scale import n_standardised
from tumorboard.transforms.patient_columns import numbers_of

_NAMES = (
    (
        re.compile(r"(^|[^a-z])clusters?([_ .-]?(id|no|nr|label|assignment|\d+))?$", re.I),
        "clusters",
    ),
    (re.compile(r"(^|[^a-z])z[_ .-]?scores?([^a-z]|$)|(^|[^a-z])zscored", re.I), "z-scores"),
    (re.compile(r"(^|[^a-z])(pca?|umap|t-?sne|ica|nmf|lda)[_ .-]?\d+$", re.I), "components"),
    (re.compile(r"(^|[^a-z])(quantile|percentile)(_?norm\w*)?$", re.I), "ranks"),
)
_YES_NO = {"yes", "no", "y", "n", "true", "false", "0", "1", "0.0", "1.0", "present", "absent"}


class DerivedFromAllPatients(Check):
    """derived-from-all-patients: a predictor that was computed from every patient of the cohort.

    Declared in `[audit] derived`, or seen: mean 0 and standard deviation 1 over the cohort to the
    rounding of its numbers, exactly 0 to 1, ranks or their normal scores, columns with mean 0 that
    are uncorrelated with each other (principal components), or a name that says cluster, z-score,
    component or percentile. Looked at are all patients found and those that are analysed. A table
    of z-scored gene expression is one as well: its numbers say so, or its declared scale alone.
    """

    def find(self, audited: Audited) -> list[Finding]:
        """One warning per kind of computation, with its columns."""
        predictors = audited.predictors
        declared = set(audited.study.keys.audit.derived)
        how: dict[str, str] = {c: "declared" for c in predictors if c in declared}
        for cohort in (audited.found or audited.cohort, audited.cohort):
            for column, kind in _seen(cohort, list(predictors)).items():
                how.setdefault(column, kind)
        for column in predictors:
            kind = _named(column, audited.cohort.columns[column])
            if kind:
                how.setdefault(column, kind)
        kinds = dict.fromkeys(how.values())
        findings = [
            _finding(kind, [c for c, own in how.items() if own == kind], audited) for kind in kinds
        ]
        profiles = [m for m in audited.measured.values() if isinstance(m, MeasuredProfiles)]
        return findings + [found for own in profiles for found in _of_profiles(own)]


def _of_profiles(measured: MeasuredProfiles) -> list[Finding]:
    """A warning where most columns of a table of profiles were standardised over its patients.

    Declared z-scores are a warning whatever the numbers show: a part of the patients for whom they
    were computed has other means and deviations.
    """
    n_columns, n = len(measured.names), len(measured.profiles)
    n_standard = n_standardised(measured.profiles.astype(np.float64))
    is_seen = n_standard > 0.5 * n_columns
    if measured.scale != "z" and not is_seen:
        return []
    how = (
        f"{n_standard:,} of {n_columns:,} columns have mean 0 and standard deviation 1 over all "
        f"{counted(n, 'patient')} of the table, so each was standardised over all of them"
        if is_seen
        else f"its scale is declared z, but only {n_standard:,} of {n_columns:,} columns have mean "
        f"0 and standard deviation 1 over the {counted(n, 'patient')} of the table: over whom they "
        "were standardised could not be verified"
    )
    shaped = "shaped" if is_seen else "may have shaped"
    return [
        Finding(
            "derived-from-all-patients",
            "warning",
            f"{measured.name}: {measured.table.name} was standardised before any split: {how}. "
            f"Test patients {shaped} what models are trained on; give the values before that step "
            "(TPM or counts), which are scaled on training patients here.",
            evidence={
                "modality": measured.name,
                "how": "z-scores",
                "is_verified": is_seen,
                "n_standardised": n_standard,
                "n_columns": n_columns,
                "n_patients": n,
            },
        )
    ]


def _seen(cohort: Cohort, columns: Sequence[str]) -> dict[str, str]:
    """Column -> the trace of a computation over this cohort, by rows or by patients."""
    first = list(
        {patient: row for row, patient in reversed(list(enumerate(cohort.patient_id)))}.values()
    )
    found: dict[str, str] = {}
    numbers: dict[str, Floats] = {}
    for column in columns:
        values = numbers_of(cohort.columns[column])
        if values is None:
            continue
        n_decimals = decimals(cohort.columns[column])
        numbers[column] = values
        kind = trace(values, n_decimals) or trace(values[sorted(first)], n_decimals)
        if kind:
            found[column] = kind
    for column in components(numbers):
        found.setdefault(column, "components")
    return found


def _named(column: str, cells: Sequence[str | None]) -> str:
    """What a name says of how the values came to be; a clinical finding (yes, no) is none."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", re.sub(r"(?<=[A-Z])(?=[A-Z][a-z])", "_", column))
    kind = next((kind for pattern, kind in _NAMES if pattern.search(spaced)), "")
    values = {cell.strip().lower() for cell in cells if cell is not None and cell.strip()}
    return "" if values <= _YES_NO else kind


def _finding(kind: str, columns: Sequence[str], audited: Audited) -> Finding:
    n = len((audited.found or audited.cohort).patients)
    why = "declared so in audit.derived" if kind == "declared" else f"they look like {kind}"
    text = "is" if len(columns) == 1 else "are"
    return Finding(
        "derived-from-all-patients",
        "warning",
        f"{counted(len(columns), 'predictor')} ({listed(columns)}) {text} computed over all "
        f"{counted(n, 'patient')} ({why}), so test patients shaped what models are trained on. "
        "Give the values before that step: scaling and the like are fitted on training patients "
        "here.",
        evidence={"columns": list(columns), "how": kind, "n_patients": n},
    )
