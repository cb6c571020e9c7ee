"""`tumorboard check`: study, data and audit before any training, and how long it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tumorboard.audit import blocking
from tumorboard.cache import Cache
from tumorboard.records import Finding
from tumorboard.training.estimate import duration, estimate_seconds
from tumorboard.training.prepare import prepare
from tumorboard.verbs.evaluate import audit, data_root, load_study, split_study, write_inputs


@dataclass(frozen=True)
class CheckReport:
    """What a check found.

    Args:
        findings: Findings of the audit, errors first.
        lines: What the user should read, one line each.
        exit_code: 0; 2 where an error is not accepted; 3 where files were rejected.
    """

    findings: tuple[Finding, ...]
    lines: tuple[str, ...]
    exit_code: int


def check(
    study: str | Path,
    *,
    data: Path | None = None,
    out: Path | None = None,
    overrides: Sequence[str] = (),
    estimate_time: bool = True,
) -> CheckReport:
    """Check a study and its data without training anything.

    Args:
        study: The study file.
        data: Folder that the study's file names start from.
        out: Folder for manifest.csv, cohort.json and audit.json; written whatever the exit code.
        overrides: `key=value` settings over the study file.
        estimate_time: Time two batches of every arm and say how long the study will take here.

    Raises:
        StudyError, InputError: The study or its table cannot be read.
    """
    checked = load_study(Path(study), overrides=overrides)
    root = data_root(checked, data)
    with Cache(workers=checked.keys.runtime.workers) as cache:
        prepared = prepare(checked, root, cache=cache)
        findings = audit(checked, prepared)
        if out is not None:
            write_inputs(out, checked, prepared, findings, root, cache)
    cohort = prepared.cohort
    lines = [
        f"{checked.name}: {len(cohort.patients)} patients in {cohort.n_rows} rows, "
        + ", ".join(f"{name} in {sum(m.present)} rows" for name, m in prepared.measured.items()),
        *cohort.notes,
        *(f"left out: {s.reason}: {s.n_patients} patients, {s.n_rows} rows" for s in cohort.flow),
        *(f"rejected: patient {r.patient_id}: {r.reason}" for r in prepared.rejections),
        *(f"{finding.severity}: {finding.code}: {finding.message}" for finding in findings),
    ]
    splits = split_study(checked, prepared)
    if estimate_time:
        seconds = estimate_seconds(checked, prepared, splits)
        longest = max(seconds, key=lambda name: seconds[name])
        lines.append(
            f"this study takes at most about {duration(sum(seconds.values()))} here "
            f"({len(checked.arms)} arms on {len(splits)} splits; longest: {longest}, "
            f"{duration(seconds[longest])}); early stopping makes it shorter"
        )
    stopping = blocking(findings, checked.keys.audit.accept)
    code = 2 if stopping else 3 if prepared.rejections else 0
    return CheckReport(tuple(findings), tuple(lines), code)
