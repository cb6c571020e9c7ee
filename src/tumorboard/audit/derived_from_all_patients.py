"""Predictors that were computed over all patients, those of the test folds among them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tumorboard.audit import Audited, Check
from tumorboard.formats.messages import counted, listed
from tumorboard.records import Cohort, Finding, Floats
from tumorboard.transforms.cohort_wide import components, decimals, trace
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
    component or percentile. Looked at are all patients found and those that are analysed.
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
        return [
            _finding(kind, [c for c, own in how.items() if own == kind], audited) for kind in kinds
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
