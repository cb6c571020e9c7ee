"""metrics.json and comparison.json: written whole, read back as records."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from tumorboard.cache import write_text
from tumorboard.errors import InputError
from tumorboard.records import Estimate


@dataclass(frozen=True)
class Comparison:
    """Arm minus reference, of one metric, on the patients that both predicted.

    Args:
        arm: The arm in question.
        reference: What it is measured against.
        metric: Name of the metric; for `brier` and `log_loss` smaller is better.
        difference: Metric of the arm minus metric of the reference.
        ci_low: Lower limit of the 95 % interval; NaN where an interval would mislead.
        ci_high: Upper limit.
        p_value: Two-sided, not adjusted.
        test: How interval and p-value were computed.
        n_patients: Patients that both arms predicted, with a known outcome.
        p_value_holm: Adjusted for all comparisons made together.
    """

    arm: str
    reference: str
    metric: str
    difference: float
    ci_low: float
    ci_high: float
    p_value: float
    test: str
    n_patients: int
    p_value_holm: float = math.nan


T = TypeVar("T", Estimate, Comparison)


def write_metrics(path: Path, metrics: Mapping[str, Mapping[str, Estimate]]) -> None:
    """Write {arm: {metric: {value, ci_low, ...}}}, atomically; NaN is written as null."""
    _write(path, {a: {m: _plain(e) for m, e in each.items()} for a, each in metrics.items()})


def write_comparison(path: Path, comparisons: Sequence[Comparison]) -> None:
    """Write the comparisons, the primary one first, atomically; NaN is written as null."""
    _write(path, [_plain(comparison) for comparison in comparisons])


def read_metrics(path: Path) -> dict[str, dict[str, Estimate]]:
    """What `write_metrics` wrote.

    Raises:
        InputError: Absent or damaged.
    """
    content = _read(path)
    if not isinstance(content, dict):
        raise _damaged(path, "it is not a table of arms")
    found: dict[str, dict[str, Estimate]] = {}
    for arm, metrics in content.items():
        if not isinstance(metrics, dict):
            raise _damaged(path, f"arm {arm!r} is not a table of metrics")
        found[arm] = {name: _record(path, Estimate, entry) for name, entry in metrics.items()}
    return found


def read_comparison(path: Path) -> tuple[Comparison, ...]:
    """What `write_comparison` wrote.

    Raises:
        InputError: Absent or damaged.
    """
    content = _read(path)
    if not isinstance(content, list):
        raise _damaged(path, "it is not a list of comparisons")
    return tuple(_record(path, Comparison, entry) for entry in content)


def _plain(record: Estimate | Comparison) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in asdict(record).items()
    }


def _write(path: Path, content: object) -> None:
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error


def _record(path: Path, kind: type[T], entry: object) -> T:
    """One record; null is NaN, and an older file may lack the keys that have a default."""
    if not isinstance(entry, dict):
        raise _damaged(path, f"found {entry!r} in place of a table")
    known = {field.name: field.type for field in fields(kind)}
    values: dict[str, Any] = {}
    for name, value in entry.items():
        if name not in known:
            raise _damaged(path, f"unknown key {name!r}")
        is_number = known[name] in ("float", "int")
        if is_number and not (value is None or isinstance(value, int | float)):
            raise _damaged(path, f"{name} is {value!r}, expected a number or null")
        values[name] = math.nan if is_number and value is None else value
    try:
        return kind(**values)
    except TypeError as error:  # a key without a default is absent
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, reason: str) -> InputError:
    return InputError(
        f"{path}: not what an evaluation writes ({reason}). Run the evaluation again to replace it."
    )
