"""Where the primary arm is wrong, and what its errors share: evidence "errors"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tumorboard.evaluation.auroc import NAN
from tumorboard.evaluation.difference import holm
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.evaluation.group_tests import compare_categories, compare_numbers
from tumorboard.evaluation.patient_columns import MISSING
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.statistic import decide
from tumorboard.evaluation.thresholds import choose_thresholds
from tumorboard.records import Bools, Floats, Ints
from tumorboard.study_keys import Threshold

#: Fewer wrong (or right) patients than this are not tested: nothing could be found.
MIN_GROUP = 3
#: Ends the name of the column that says whether a modality is there.
_PRESENT = " present"


def errors_document(
    table: PredictionTable, arm: str, *, threshold: Threshold,
    columns: Mapping[str, Mapping[str, str]], numbers: Mapping[str, Mapping[str, float]],
    rng: np.random.Generator, positive: str = "none",
) -> dict[str, Any]:  # fmt: skip
    """Wrong calls of one arm, the most confident first, and what they have in common.

    A unit is wrong when more than half of its calls (one per repeat) are. Tests are by patient: one
    whose calls are wrong in more than half against one whose are not, among patients of the same
    true class where there are two classes, so that what goes with the outcome itself is not taken
    for a cause of errors. Whether a modality is there, and whether a number is there, is tested as
    well; numbers of a modality that are missing where it is are no further tests. Holm goes over
    all tests of the document.

    Args:
        table: Predictions; those of `arm` are read.
        arm: Usually the primary one.
        threshold: How each model's decision threshold is chosen on its validation patients.
        columns: Column -> patient -> category; "" is missing, and a category of its own.
        numbers: Column or measure of the image (`contrast`) -> patient -> number, NaN if missing.
        rng: Source of the permutations behind tables larger than 2 x 2.
        positive: Positive class of two; "none" for the last.

    Returns:
        {arm, n_units, n_wrong, kinds: {kind: n}, errors: [{unit_id, patient_id, kind, truth,
        called, probability, certainty, n_wrong, n_repeats, modalities}], comparisons: [{kind,
        against, n_wrong, n_right, note, tests: [{column, type, effect, wrong, right, n_missing,
        p_value, p_value_holm, test}]}], n_tests}. `probability` is of the positive class, or of the
        class called where there are more; `certainty` that of the wrong call.
    """
    units = _Units.of(table.with_positive(positive), arm, threshold)
    errors = units.errors()
    kinds: dict[str, int] = {}
    for error in errors:
        kinds[error["kind"]] = kinds.get(error["kind"], 0) + 1
    shared = {**{k: dict(v) for k, v in columns.items()}, **units.presence()}
    comparisons = [
        _compare(kind, against, wrong, right, shared, numbers, rng)
        for kind, against, wrong, right in units.sides()
    ]
    tests = [test for each in comparisons for test in each["tests"]]
    for test, p_value in zip(tests, holm([t["p_value"] for t in tests]), strict=True):
        test["p_value_holm"] = p_value
    return {
        "arm": arm,
        "n_units": len(units.unit_id),
        "n_wrong": len(errors),
        "kinds": dict(sorted(kinds.items(), key=lambda item: -item[1])),
        "errors": errors,
        "comparisons": comparisons,
        "n_tests": sum(not np.isnan(test["p_value"]) for test in tests),
    }


@dataclass(frozen=True)
class _Units:
    """Units of one arm over its repeats.

    Args:
        unit_id: (units,).
        patient_id: (units,).
        truth: (units,) true class.
        votes: (units, classes) how often each class was called.
        mean: (units, classes) mean probabilities.
        modalities: (units,) modalities present, joined by "+".
        classes: Class names.
    """

    unit_id: list[str]
    patient_id: list[str]
    truth: Ints
    votes: Ints
    mean: Floats
    modalities: list[str]
    classes: tuple[str, ...]

    @classmethod
    def of(cls, table: PredictionTable, arm: str, threshold: Threshold) -> _Units:
        table = table.of_arm(arm)
        chosen, _ = choose_thresholds(table, threshold)
        table = table.take((table.part == "test") & (table.outcome >= 0))
        keys = zip(table.arm.tolist(), table.repeat.tolist(), table.fold.tolist(), strict=True)
        limit = np.asarray([chosen.get(key, 0.5) for key in keys], dtype=np.float64)
        unit_id, first, unit = np.unique(table.unit_id, return_index=True, return_inverse=True)
        shape = (len(unit_id), len(table.classes))
        votes, total = np.zeros(shape, dtype=np.int64), np.zeros(shape)
        np.add.at(votes, (unit, decide(table.probabilities, limit)), 1)
        np.add.at(total, unit, table.probabilities)
        return cls(
            unit_id.tolist(), table.patient_id[first].tolist(), table.outcome[first], votes,
            total / votes.sum(axis=1, keepdims=True), table.modalities[first].tolist(),
            table.classes,
        )  # fmt: skip

    def is_wrong(self) -> Bools:
        """(units,) wrong in more than half of the repeats."""
        right = self.votes[np.arange(len(self.truth)), self.truth]
        return 2 * (self.votes.sum(axis=1) - right) > self.votes.sum(axis=1)

    def errors(self) -> list[dict[str, Any]]:
        """Wrong units, the most confident first."""
        found = [self._error(i) for i in np.flatnonzero(self.is_wrong()).tolist()]
        return sorted(found, key=lambda error: (-error["certainty"], error["unit_id"]))

    def _error(self, i: int) -> dict[str, Any]:
        truth = int(self.truth[i])
        others = [k for k in range(len(self.classes)) if k != truth]
        called = max(others, key=lambda k: (self.votes[i, k], self.mean[i, k]))
        certainty = float(self.mean[i, called])
        is_binary = len(self.classes) == 2
        if is_binary:
            kind = "false negative" if truth == 1 else "false positive"
        else:
            kind = f"{self.classes[truth]}, called {self.classes[called]}"
        return {
            "unit_id": self.unit_id[i], "patient_id": self.patient_id[i], "kind": kind,
            "truth": self.classes[truth], "called": self.classes[called],
            "probability": float(self.mean[i, 1]) if is_binary else certainty,
            "certainty": certainty,
            "n_wrong": int(self.votes[i].sum() - self.votes[i, truth]),
            "n_repeats": int(self.votes[i].sum()), "modalities": self.modalities[i],
        }  # fmt: skip

    def sides(self) -> list[tuple[str, str, list[str], list[str]]]:
        """(kind of error, set against, wrong patients, right patients)."""
        if len(self.classes) != 2:
            return [("wrong", "right", *self._patients(np.ones(len(self.truth), dtype=bool)))]
        return [
            ("false negatives", "true positives", *self._patients(self.truth == 1)),
            ("false positives", "true negatives", *self._patients(self.truth == 0)),
        ]

    def _patients(self, counted: Bools) -> tuple[list[str], list[str]]:
        """Patients wrong and right in most calls of their counted units."""
        calls: dict[str, list[int]] = {}
        for i in np.flatnonzero(counted).tolist():
            of_patient = calls.setdefault(self.patient_id[i], [0, 0])
            of_patient[0] += int(self.votes[i].sum() - self.votes[i, self.truth[i]])
            of_patient[1] += int(self.votes[i].sum())
        wrong = [patient for patient, (n, total) in calls.items() if 2 * n > total]
        return wrong, [patient for patient in calls if patient not in set(wrong)]

    def presence(self) -> dict[str, dict[str, str]]:
        """`image present` -> patient -> yes or no, of every modality that somebody lacks."""
        names = dict.fromkeys(n for joined in self.modalities for n in joined.split("+") if n)
        found: dict[str, dict[str, str]] = {}
        for name in names:
            has: dict[str, str] = {}
            for patient, joined in zip(self.patient_id, self.modalities, strict=True):
                if has.get(patient) != "yes":
                    has[patient] = "yes" if name in joined.split("+") else "no"
            if "no" in has.values():
                found[f"{name}{_PRESENT}"] = has
        return found


def _compare(
    kind: str, against: str, wrong: Sequence[str], right: Sequence[str],
    columns: Mapping[str, Mapping[str, str]], numbers: Mapping[str, Mapping[str, float]],
    rng: np.random.Generator,
) -> dict[str, Any]:  # fmt: skip
    found: dict[str, Any] = {
        "kind": kind, "against": against, "n_wrong": len(wrong), "n_right": len(right),
        "note": "", "tests": [],
    }  # fmt: skip
    too_few = min(len(wrong), len(right)) < MIN_GROUP or len(wrong) + len(right) < MIN_PATIENTS
    if too_few:
        found["note"] = (
            f"not tested: at least {MIN_GROUP} patients on each side and {MIN_PATIENTS} together "
            "are needed"
        )
        return found
    tests: list[dict[str, Any]] = []
    tested: set[tuple[str, ...]] = set()  # a modality, and who of the patients lacks it
    for name, values in columns.items():
        sides = [[values.get(p, "") or MISSING for p in side] for side in (wrong, right)]
        tests.append({"column": name, **compare_categories(sides[0], sides[1], rng=rng)})
        if name.endswith(_PRESENT):
            lacking = ("no" if has == "yes" else "yes" for side in sides for has in side)
            tested.add((name.removesuffix(_PRESENT), *lacking))
    for name, values in numbers.items():
        first, second = (np.asarray([values.get(p, NAN) for p in s]) for s in (wrong, right))
        tests.append({"column": name, **compare_numbers(first, second)})
        lacks = [np.where(np.isnan(side), "yes", "no").tolist() for side in (first, second)]
        # `ultrasound contrast` is of the ultrasound
        lacking = (name.rsplit(" ", 1)[0], *lacks[0], *lacks[1])
        if "yes" in lacking[1:] and lacking not in tested:
            tested.add(lacking)
            column = f"{name} {MISSING}"
            tests.append({"column": column, **compare_categories(lacks[0], lacks[1], rng=rng)})
    found["tests"] = sorted(tests, key=lambda test: _last_if_nan(test["p_value"]))
    return found


def _last_if_nan(p_value: float) -> float:
    return 2.0 if np.isnan(p_value) else p_value
