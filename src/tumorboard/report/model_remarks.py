"""Remarks about fitted models, each said once with how many models it is about."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tumorboard.report.run_contents import read_json

#: Arm, sentence, models of the arm that it is about.
Remark = tuple[str, str, int]

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")


def said_once(remarks: Iterable[Remark], arms: Sequence[str], n_models: int) -> list[str]:
    """Every remark once; those that differ in their numbers only are one, with ranges.

    Args:
        remarks: What was remarked.
        arms: All arms; those concerned are named where not every one is.
        n_models: Models of all arms together.
    """
    alike: dict[str, list[Remark]] = {}
    for remark in remarks:
        alike.setdefault(_NUMBER.sub("#", remark[1]), []).append(remark)
    lines: list[str] = []
    for each in alike.values():
        concerned = list(dict.fromkeys(arm for arm, _, _ in each))
        named = "" if len(concerned) == len(arms) else f": {', '.join(concerned)}"
        n = sum(count for _, _, count in each)
        lines.append(f"{_spread([text for _, text, _ in each])} ({n} of {n_models} models{named})")
    return lines


def _spread(texts: Sequence[str]) -> str:
    """Sentences that differ in numbers only, as one: each number that differs as a range."""
    ranges: list[str] = []
    for each in zip(*(_NUMBER.findall(text) for text in texts), strict=True):
        low, high = min(each, key=float), max(each, key=float)
        ranges.append(low if low == high else f"{low} to {high}")
    found = iter(ranges)
    return _NUMBER.sub(lambda _: next(found), texts[0])


def read_models(folder: Path, arm: str) -> list[dict[str, Any]]:
    """model.json of every fitted model of an arm of a run, by repeat and fold."""

    def split(path: Path) -> tuple[int, int]:
        repeat, _, fold = path.parent.name.partition("-")
        return int(repeat), int(fold)

    found = (folder / "models" / arm).glob("*-*/model.json")
    return [read_json(path) for path in sorted(found, key=split)]


@dataclass(frozen=True)
class CalibrationNotes:
    """What fitting the calibration of a run's models came to.

    Args:
        n_models: Models whose folder is there.
        n_calibrated: Those whose probabilities are calibrated.
        remarks: Sentences about the others and about doubtful fits, each once.
    """

    n_models: int
    n_calibrated: int
    remarks: list[str]


def calibration_notes(folder: Path, arms: Sequence[str]) -> CalibrationNotes:
    """Read model.json of every model of these arms."""
    remarks: list[Remark] = []
    n_models = n_calibrated = 0
    for arm in arms:
        documents = read_models(folder, arm)
        n_models += len(documents)
        n_calibrated += sum(is_calibrated(document) for document in documents)
        said = Counter(
            str(text)
            for document in documents
            for text in document.get("notes", {}).get("calibration", ())
        )
        remarks += [(arm, text, n) for text, n in said.items()]
    return CalibrationNotes(n_models, n_calibrated, said_once(remarks, arms, n_models))


def is_calibrated(document: Mapping[str, Any]) -> bool:
    """Whether a model.json holds a fitted calibration."""
    calibration = document.get("calibration", "none")
    kind = calibration if isinstance(calibration, str) else calibration.get("kind", "none")
    return kind != "none"
