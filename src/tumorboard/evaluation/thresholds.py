"""Decision thresholds, chosen on the validation patients of the same fitted model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.ratio import ratio
from tumorboard.records import Bools, Floats, Ints
from tumorboard.study_keys import Threshold


def choose_threshold(
    rule: Threshold, is_positive: Bools, probability: Floats, weight: Floats
) -> float:
    """Threshold at or above which a unit is called positive.

    Thresholds lie half-way between two neighbouring probabilities, so that an equal decision on the
    validation patients does not hang on the last digit of one of them. Equally good ones: the
    nearest to 0.5.

    Args:
        rule: `youden` maximises sensitivity + specificity - 1; `sensitivity` takes the highest
            threshold that reaches `at_least`; `precision` the highest sensitivity whose PPV reaches
            `at_least`, or the highest PPV where none does; `cost` the lowest summed cost of errors;
            `fixed` takes `at`.
        is_positive: (n,) True where the validation unit has the positive class.
        probability: (n,) of the positive class.
        weight: (n,) weight of every unit.

    Returns:
        The threshold; 0.5 where the validation units lack a class that the rule needs.

    Source:
        Youden, Cancer 1950; 3: 32-35.
    """
    return _choose(rule, is_positive, probability, weight)[0]


def _choose(
    rule: Threshold, is_positive: Bools, probability: Floats, weight: Floats
) -> tuple[float, bool]:
    """The threshold, and whether it reaches what the rule asks for on the validation units."""
    if rule.rule == "fixed":
        return rule.at, True
    if not _can_choose(rule, is_positive):
        return 0.5, True
    candidates, true_positive, false_positive = _operating_points(is_positive, probability, weight)
    merit = _merit(rule, true_positive, false_positive)
    best = candidates[merit >= merit.max() - 1e-12]
    is_reached = True
    if rule.rule == "precision":  # a sensitivity is always reached, by calling everybody positive
        precision = ratio(true_positive, true_positive + false_positive)
        is_reached = bool((precision >= rule.at_least - 1e-12).any())
    return float(best[np.argmin(np.abs(best - 0.5))]), is_reached


def choose_thresholds(
    table: PredictionTable, rule: Threshold
) -> tuple[dict[tuple[str, int, int], float], tuple[str, ...]]:
    """Thresholds of every arm, repeat and fold of a binary outcome, and notes on them.

    Each validation unit weighs 1, as it does in the metrics of the test units.

    Args:
        table: Predictions with the positive class last. Of more than two classes the likeliest is
            called, and there is no threshold.
        rule: How to choose.

    Returns:
        (arm, repeat, fold) -> threshold, and sentences for the report about those left at 0.5 and
        those that do not reach what the rule asks for.
    """
    if len(table.classes) != 2:
        return {}, ()
    chosen: dict[tuple[str, int, int], float] = {}
    unchosen: dict[str, int] = {}
    unreached: dict[str, int] = {}
    known = table.take(table.outcome >= 0)
    rows_of = _rows_of_models(known)
    for key in _rows_of_models(table):
        rows = rows_of.get(key, np.empty(0, dtype=np.int64))
        rows = rows[known.part[rows] == "validation"]
        is_positive = known.outcome[rows] == 1
        if rule.rule != "fixed" and not _can_choose(rule, is_positive):
            unchosen[key[0]] = unchosen.get(key[0], 0) + 1
        probability = known.probabilities[rows, 1]
        chosen[key], is_reached = _choose(rule, is_positive, probability, np.ones(len(rows)))
        if not is_reached:
            unreached[key[0]] = unreached.get(key[0], 0) + 1
    return chosen, _notes(rule, unchosen, unreached)


def _notes(
    rule: Threshold, unchosen: Mapping[str, int], unreached: Mapping[str, int]
) -> tuple[str, ...]:
    """Sentences about the models of each arm whose threshold is not what the rule asks for."""
    notes = [
        f"The threshold of arm {arm} is 0.5 in {n} of its models: no validation patients of the "
        f"classes that the rule {rule.rule!r} needs."
        for arm, n in unchosen.items()
    ]
    notes += [
        f"No threshold of arm {arm} reaches a {rule.rule} of {rule.at_least:g} on the validation "
        f"patients in {n} of its models: the one with the highest {rule.rule} is used."
        for arm, n in unreached.items()
    ]
    return tuple(notes)


def _rows_of_models(table: PredictionTable) -> dict[tuple[str, int, int], Ints]:
    keys = list(zip(table.arm.tolist(), table.repeat.tolist(), table.fold.tolist(), strict=True))
    rows: dict[tuple[str, int, int], list[int]] = {}
    for row, key in enumerate(keys):
        rows.setdefault(key, []).append(row)
    return {key: np.asarray(index, dtype=np.int64) for key, index in rows.items()}


def _can_choose(rule: Threshold, is_positive: Bools) -> bool:
    has_positive, has_negative = bool(is_positive.any()), bool((~is_positive).any())
    return has_positive and (has_negative or rule.rule in ("sensitivity", "precision"))


def _operating_points(
    is_positive: Bools, probability: Floats, weight: Floats
) -> tuple[Floats, Floats, Floats]:
    """Candidate thresholds, ascending, with the weight of true and of false positives at each."""
    values, group = np.unique(probability, return_inverse=True)
    between = (values[1:] + values[:-1]) / 2
    between = np.where(between > values[:-1], between, values[1:])  # neighbours in the last digit
    # the lowest calls everybody positive, the highest nobody
    candidates = np.r_[values[0] / 2, between, np.nextafter((values[-1] + 1) / 2, 2.0)]
    at_or_above: list[Floats] = []
    for counted in (is_positive, ~is_positive):
        per_value = np.bincount(group, np.where(counted, weight, 0.0), len(values))
        at_or_above.append(np.r_[np.cumsum(per_value[::-1])[::-1], 0.0])
    return candidates, at_or_above[0], at_or_above[1]


def _merit(rule: Threshold, true_positive: Floats, false_positive: Floats) -> Floats:
    """What the rule maximises, at every candidate; the first calls everybody positive."""
    n_positive, n_negative = true_positive[0], false_positive[0]
    sensitivity = true_positive / n_positive
    if rule.rule == "youden":
        return sensitivity - false_positive / n_negative
    if rule.rule == "cost":
        missed = n_positive - true_positive
        return -(rule.false_negative_cost * missed + rule.false_positive_cost * false_positive)
    if rule.rule == "sensitivity":
        order = np.arange(len(sensitivity), dtype=np.float64)
        return np.where(sensitivity >= rule.at_least - 1e-12, order, -1.0)
    precision = ratio(true_positive, true_positive + false_positive)
    reached = precision >= rule.at_least - 1e-12
    return np.where(reached, sensitivity, -1.0) if reached.any() else np.nan_to_num(precision)
