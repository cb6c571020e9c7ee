from pathlib import Path

import numpy as np

from tumorboard.audit import Audited, blocking, run_checks
from tumorboard.records import Cohort, Finding, Outcomes


def audited(n_positive: int) -> Audited:
    ids = tuple(f"P{i}" for i in range(40))
    target = (np.arange(40) < n_positive).astype(np.int64)
    cohort = Cohort("t", ids, ids, {}, {}, tuple(range(2, 42)), Path("t.csv"), Path())
    outcomes = Outcomes(np.ones(40, bool), target, target, {}, ("benign", "malignant"), {})
    return Audited(study=None, cohort=cohort, outcomes=outcomes, measured={})  # type: ignore[arg-type]


def test_a_class_of_nine_patients_is_a_warning_that_names_them() -> None:
    (finding,) = run_checks(audited(9))
    assert (finding.code, finding.severity) == ("small-class", "warning")
    assert finding.message.startswith("Class 'malignant' has 9 patients")
    assert finding.patients == tuple(f"P{i}" for i in range(9))


def test_ten_patients_are_enough() -> None:
    assert run_checks(audited(10)) == []


def test_only_errors_that_are_not_accepted_block() -> None:
    findings = [Finding("label-proxy", "error", "m"), Finding("small-class", "warning", "m")]
    assert blocking(findings, []) == [findings[0]]
    assert blocking(findings, ["label-proxy"]) == []
