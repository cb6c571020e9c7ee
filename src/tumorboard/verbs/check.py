"""`tumorboard check`: study, data and audit before any training, and how long it takes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tumorboard.audit import Audited, blocking, run_checks
from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError, TumorboardError
from tumorboard.formats.messages import counted, listed
from tumorboard.records import Cohort, Finding, Outcomes, Part, Split
from tumorboard.study import Study
from tumorboard.study_keys import Conformal
from tumorboard.training.arm_rows import refuse_empty_parts
from tumorboard.training.estimate import duration, estimate_seconds
from tumorboard.training.found_cohort import read_cohort, with_columns
from tumorboard.training.other_cohorts import read_others
from tumorboard.training.prepare import Prepared, build_task, prepare
from tumorboard.training.rehearsal import rehearse, without_words
from tumorboard.transforms.column_patterns import is_pattern
from tumorboard.verbs.evaluate import audit, data_root, load_study
from tumorboard.verbs.held_out import locked_patients
from tumorboard.verbs.inputs import write_inputs
from tumorboard.verbs.mirrored_sides import mirrored_sides
from tumorboard.verbs.study_splits import split_study, units_apart

#: Findings of one code that are printed one by one; all are in audit.json and `--json`.
PRINTED = 5
_MOST_CHARACTERS = 600
#: A table modality without the settings that name some of its columns again.
_ALONE = {"strata": [], "indicators": True, "separator": {}}


@dataclass(frozen=True)
class CheckReport:
    """What a check found.

    Args:
        findings: Findings of the audit, errors first.
        lines: What the user should read, one line each.
        exit_code: 0; 2 where an error is not accepted or a setting cannot work; 3 where files were
            rejected.
        faults: What must be mended in the study, its data or this machine, one line each.
    """

    findings: tuple[Finding, ...]
    lines: tuple[str, ...]
    exit_code: int
    faults: tuple[str, ...] = ()


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
        out: Folder for manifest.csv, cohort.json and audit.json; written whatever the exit code, as
            soon as study and table can be read.
        overrides: `key=value` settings over the study file.
        estimate_time: Time two batches of every arm and say how long the study will take here.

    Raises:
        StudyError, InputError: The study or its table cannot be read.
    """
    checked = load_study(Path(study), overrides=overrides)
    root = data_root(checked, data)
    with Cache(workers=checked.keys.runtime.workers) as cache:
        try:
            prepared = prepare(checked, root, cache=cache)
            asked, checked = checked, with_columns(checked, prepared.found)
            others = read_others(checked, root, prepared.outcomes, cache=cache)
        except (InputError, StudyError) as error:
            return _unprepared(checked, root, out, error, cache)
        findings = audit(checked, prepared, others)
        if out is not None:
            write_inputs(out, checked, prepared, findings, root, cache)
    faults, splits = _trial(checked, prepared)
    lines = [*_patients(checked, prepared), *_meant(asked, prepared), *_parts(splits)]
    lines += told(findings, checked.keys.audit.accept)
    lines += [f"external cohort {other.name}: {n}" for other in others for n in other.cohort.notes]
    lines += [*_wide_sets(checked, prepared, splits), *mirrored_sides(checked, prepared.cohort)]
    if estimate_time and not faults:
        beside = units_apart(checked, prepared, locked_patients(checked, prepared))
        lines.append(_time(checked, prepared, splits, n_beside=len(beside)))
    is_stopped = bool(faults or blocking(findings, checked.keys.audit.accept))
    code = 2 if is_stopped else 3 if prepared.rejections else 0
    return CheckReport(tuple(findings), tuple(lines), code, tuple(faults))


def _trial(study: Study, prepared: Prepared) -> tuple[list[str], list[Split]]:
    """Settings that cannot work, and the splits."""
    try:
        splits = split_study(study, prepared, locked_patients(study, prepared))
        refuse_empty_parts(study, prepared, splits)
    except TumorboardError as error:
        return list(error.problems), []
    faults = rehearse(study, prepared, splits[0])
    return faults or without_words(study, prepared, splits), splits


def _wide_sets(study: Study, prepared: Prepared, splits: Sequence[Split]) -> list[str]:
    """A sentence where validation patients are too few for prediction sets that say anything."""
    rule = study.keys.evaluation.conformal
    if not isinstance(rule, Conformal) or not splits:
        return []
    needed = math.ceil(rule.coverage / (1 - rule.coverage) - 1e-9)
    target, ids = prepared.outcomes.target, prepared.cohort.patient_id
    fewest, where = len(ids), ""
    for split in splits:
        rows = split.rows(prepared.cohort, "validation")
        classes = range(len(prepared.outcomes.classes)) if rule.by == "class" else [-1]
        for k in classes:
            n = len({ids[int(r)] for r in rows if k < 0 or target[r] == k})
            if n < fewest:
                fewest, where = n, f" of class {prepared.outcomes.classes[k]}" if k >= 0 else ""
    if fewest >= needed:
        return []
    return [
        f"evaluation.conformal: sets of coverage {rule.coverage:g} need {needed} validation "
        f"patients{' of each class' if rule.by == 'class' else ''}, a fold has {fewest}{where}; "
        "its sets will hold every class and refer everybody. Raise evaluation.validation, lower "
        'the coverage, or use by = "all".'
    ]


def _patients(study: Study, prepared: Prepared) -> list[str]:
    cohort = prepared.cohort
    return [
        f"{study.name}: {counted(len(cohort.patients), 'patient')} in "
        f"{counted(cohort.n_rows, 'row')}, "
        + ", ".join(
            f"{name} in {counted(int(sum(m.present)), 'row')}"
            for name, m in prepared.measured.items()
        ),
        *cohort.notes,
        *(
            f"left out: {s.reason}: {counted(s.n_patients, 'patient')}, {counted(s.n_rows, 'row')}"
            f"{f' ({listed(s.patients)})' if s.patients else ''}"
            for s in cohort.flow
        ),
        *(
            f"rejected: patient {r.patient_id}"
            f"{f', {r.path}' if r.path and r.path.name not in r.reason else ''}: {r.reason}"
            for r in prepared.rejections
        ),
    ]


def _meant(asked: Study, prepared: Prepared) -> list[str]:
    """What each pattern of a table modality stands for: one may mean more than its author thinks.

    Args:
        asked: The study as its author wrote it.
        prepared: Its patients.
    """
    lines: list[str] = []
    for name, settings in asked.modalities.items():
        for key in ("numeric", "categorical"):
            for pattern in filter(is_pattern, settings.get(key, ())):
                one = {"numeric": [pattern], "categorical": []}
                only = replace(asked, modalities={name: {**settings, **_ALONE, **one}})
                meant = with_columns(only, prepared.found).modalities[name]["numeric"]
                few = meant[0] if len(meant) == 1 else f"{meant[0]} ... {meant[-1]}"
                n = counted(len(meant), "column")
                lines.append(f"modalities.{name}.{key}: {pattern}: {n} ({few})")
    return lines


def _parts(splits: Sequence[Split]) -> list[str]:
    """How many patients train, validate and test in each fold."""
    if not splits:
        return []
    numbers: list[str] = []
    words: dict[Part, str] = {"train": "train", "validation": "validate", "test": "test"}
    for part, word in words.items():
        counts = [Counter(split.parts.values())[part] for split in splits]
        low, high = min(counts), max(counts)
        numbers.append(f"{low} {word}" if low == high else f"{low} to {high} {word}")
    where = "each fold" if len(splits) > 1 else "one split"
    shared = "; units of training patients validate" if splits[0].validating else ""
    return [f"{where}: {', '.join(numbers)} patients{shared}"]


def told(findings: Sequence[Finding], accept: Sequence[str]) -> list[str]:
    """The audit for people: how many of what, then each finding, a few of every code.

    Args:
        findings: Errors first.
        accept: Codes that the study accepts.
    """
    if not findings:
        return ["audit: nothing found"]
    n_of = Counter(finding.severity for finding in findings)
    counts = [counted(n_of[word], word) for word in ("error", "warning", "note") if n_of[word]]
    lines = [f"audit: {', '.join(counts)}"]
    seen: Counter[tuple[str, str]] = Counter()
    for finding in findings:
        group = (finding.severity, finding.code)
        seen[group] += 1
        if seen[group] > PRINTED:
            continue
        is_accepted = finding.severity == "error" and finding.code in accept
        aside = " (accepted)" if is_accepted else ""
        lines.append(f"{finding.severity}{aside}: {finding.code}: {_cut(finding.message)}")
    lines += [
        f"{severity}: {code}: {n - PRINTED} more of these (all are in audit.json and --json)"
        for (severity, code), n in seen.items()
        if n > PRINTED
    ]
    return lines


def _cut(message: str) -> str:
    """A message that fits a terminal; its middle, a list of rows, is what goes."""
    if len(message) <= _MOST_CHARACTERS:
        return message
    head, tail = message[: _MOST_CHARACTERS // 2], message[-_MOST_CHARACTERS // 3 :]
    return f"{head.rsplit(' ', 1)[0]} [...] {tail.split(' ', 1)[-1]}"


def _time(study: Study, prepared: Prepared, splits: Sequence[Split], *, n_beside: int) -> str:
    seconds = estimate_seconds(study, prepared, splits)
    compared = {study.primary.arm, study.primary.reference}
    for arm in compared:  # these are fitted on the splits by unit as well
        seconds[arm] *= (len(splits) + n_beside) / len(splits)
    longest = max(seconds, key=lambda name: seconds[name])
    beside = f", {len(compared)} on {n_beside} more" if n_beside else ""
    return (
        f"this study takes at most about {duration(sum(seconds.values()))} here "
        f"({len(study.arms)} arms on {len(splits)} splits{beside}; longest: {longest}, "
        f"{duration(seconds[longest])}); early stopping makes it shorter"
    )


def _unprepared(
    study: Study, root: Path, out: Path | None, error: TumorboardError, cache: Cache
) -> CheckReport:
    """What can be said where the table could be read, but not all of what the study asks of it.

    Raises:
        StudyError, InputError: The table cannot be read.
    """
    found = read_cohort(study, root)
    outcomes = _outcomes(study, found)
    findings: list[Finding] = []
    if outcomes.classes or outcomes.groups:
        findings = run_checks(Audited(study, found, outcomes.as_classes(), {}))
    prepared = Prepared(
        found=found, found_outcomes=outcomes, found_measured={}, cohort=found, outcomes=outcomes,
        measured={}, rejections=found.rejections, records=found.records,
    )  # fmt: skip
    if out is not None:
        write_inputs(out, study, prepared, findings, root, cache)
    lines = [
        f"{study.name}: {counted(len(found.patients), 'patient')} in "
        f"{counted(found.n_rows, 'row')} of "
        f"{found.table.name}; not all that the study asks of them could be read",
        *found.notes,
        *told(findings, study.keys.audit.accept),
    ]
    return CheckReport(tuple(findings), tuple(lines), 2, error.problems)


def _outcomes(study: Study, found: Cohort) -> Outcomes:
    """Outcomes of everything found; nobody's where they are what cannot be read."""
    try:
        return build_task(study.keys.task).read(found)
    except TumorboardError:
        nobody = np.zeros(found.n_rows, dtype=np.bool_)
        none = np.zeros(found.n_rows, dtype=np.int64)
        return Outcomes(nobody, none, none, {}, (), {})
