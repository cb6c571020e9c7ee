"""One arm against another where outcomes are numbers: the difference and its interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from tumorboard.errors import InputError
from tumorboard.evaluation.auroc import NAN
from tumorboard.evaluation.bootstrap import bootstrap
from tumorboard.evaluation.control_arms import without_controls
from tumorboard.evaluation.difference import holm, judge_folds, judge_replicates
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.evaluation.mask_columns import MaskColumns
from tumorboard.evaluation.outcome_table import OutcomeTable, OutcomeUnits
from tumorboard.evaluation.part_sizes import Sizes, given_shares
from tumorboard.evaluation.regression_statistic import RegressionStatistic
from tumorboard.evaluation.results import Comparison
from tumorboard.evaluation.segmentation_statistic import SegmentationStatistic, where_both
from tumorboard.evaluation.survival_statistic import SurvivalStatistic
from tumorboard.records import Floats
from tumorboard.study_keys import Primary

#: Weights (replicates, patients) to values (replicates, 1) of one metric.
Statistic = Callable[[Floats], Floats]


def compare_outcomes(
    kind: str, table: OutcomeTable, primary: Primary, *, n_bootstrap: int,
    rng: np.random.Generator, sizes: Sizes | None = None,
) -> list[Comparison]:  # fmt: skip
    """The primary comparison first, then each other arm against the primary's reference.

    Several folds or repeats: the corrected resampled t-test on the differences of the folds. One
    split: the paired patient bootstrap.

    Args:
        kind: The task, `survival`, `regression` or `segmentation`.
        table: Predictions of all arms.
        primary: What the study's first line answers.
        n_bootstrap: Resamples of the patients, where there is one split.
        rng: Source of the resamples.
        sizes: Patients of each split, for the corrected t-test; None takes the table's own.

    Raises:
        InputError: Arms without a test patient in common, or with other outcomes or folds.
    """
    others = [a for a in table.arms if a not in (primary.arm, primary.reference)]
    asked = [] if primary.arm == primary.reference else [primary.arm]
    seed = int(rng.integers(2**63))
    found = [
        _compare(
            kind, table, arm, primary.reference, primary.metric, n_bootstrap,
            np.random.default_rng(seed), sizes,
        )
        for arm in (*asked, *others)
    ]  # fmt: skip
    return _adjusted(found, table.arms)


def _adjusted(found: Sequence[Comparison], arms: Sequence[str]) -> list[Comparison]:
    """Holm over the arms of the study; other notes put in are a family of their own."""
    own = set(without_controls(arms))
    families = [
        [i for i, c in enumerate(found) if (c.arm in own) == is_own] for is_own in (True, False)
    ]
    p_of = {
        i: p
        for family in filter(None, families)
        for i, p in zip(family, holm([found[i].p_value for i in family]), strict=True)
    }
    return [replace(c, p_value_holm=p_of[i]) for i, c in enumerate(found)]


def _compare(
    kind: str, table: OutcomeTable, arm: str, reference: str, metric: str, n_bootstrap: int,
    rng: np.random.Generator, sizes: Sizes | None,
) -> Comparison:  # fmt: skip
    first, second = _sides(table, arm, reference)
    metric = metric_name_in(table, metric)
    n = len(first.patients)
    if len(first.models) > 1:
        shares = given_shares(sizes or _sizes(table, arm), first.models)
        differences = [
            _value(kind, first, metric, model) - _value(kind, second, metric, model)
            for model in first.models
        ]
        result = judge_folds(np.asarray(differences), metric, [shares[m] for m in first.models])
    else:
        sides = [_statistic(kind, side, metric) for side in (first, second)]

        def difference(weights: Floats) -> Floats:
            return (sides[0](weights) - sides[1](weights))[:, 0]

        value = float(difference(np.ones((1, n)))[0])
        drawn = bootstrap(difference, n_patients=n, n_replicates=n_bootstrap, rng=rng)
        result = judge_replicates(value, drawn, metric)
    difference_, low, high, p_value, test = result
    if kind == "segmentation":
        n = SegmentationStatistic(first, (metric,)).n_defined(0)
    if n < MIN_PATIENTS:
        low, high, p_value, test = NAN, NAN, NAN, f"none: under {MIN_PATIENTS} patients"
    elif np.array_equal(first.predictions, second.predictions, equal_nan=True) and not np.isnan(
        difference_
    ):
        low, high, p_value, test = 0.0, 0.0, 1.0, "none: the predictions are identical"
    return Comparison(arm, reference, metric, difference_, low, high, p_value, test, n)


def mean_values(table: OutcomeTable, arm: str, reference: str, metric: str) -> tuple[float, float]:
    """What a difference is made of: the means over the folds of both arms, on shared units."""
    sides = _sides(table, arm, reference)
    each = [[_value(table.kind, side, metric, m) for m in side.models] for side in sides]
    defined = [
        i for i in range(len(each[0])) if each[0][i] == each[0][i] and each[1][i] == each[1][i]
    ]
    first, second = (float(np.mean([own[i] for i in defined])) if defined else NAN for own in each)
    return first, second


def metric_name_in(table: OutcomeTable, metric: str) -> str:
    """A study's word for a metric as the table names it: `hd95` is `hd95_mm` or `hd95_px`."""
    if table.kind != "segmentation":
        return metric
    return MaskColumns.of(table.prediction_names).resolve(metric)


def _sides(table: OutcomeTable, arm: str, reference: str) -> tuple[OutcomeUnits, OutcomeUnits]:
    """Units of two arms that have a difference."""
    first, second = (OutcomeUnits.of(side) for side in pair_outcomes(table, arm, reference))
    return where_both(first, second) if table.kind == "segmentation" else (first, second)


def pair_outcomes(
    table: OutcomeTable, arm: str, reference: str
) -> tuple[OutcomeTable, OutcomeTable]:
    """Test rows of two arms with a known outcome, in the same order, of the units both predicted.

    Raises:
        InputError: No patients in common, or other folds or outcomes of a unit.
    """
    sides = [table.of_arm(name) for name in (arm, reference)]
    sides = [side.take((side.part == "test") & side.known) for side in sides]
    keyed = [
        {key: i for i, key in enumerate(zip(s.unit_id.tolist(), s.repeat.tolist(), strict=True))}
        for s in sides
    ]
    common = sorted(set(keyed[0]) & set(keyed[1]), key=lambda key: (key[1], key[0]))
    if not common:
        raise InputError(
            f"arms {arm!r} and {reference!r} have no test patient with an outcome in common. Are "
            "the patient ids written alike?"
        )
    one, two = (
        s.take(np.asarray([rows[key] for key in common], dtype=np.int64))
        for s, rows in zip(sides, keyed, strict=True)
    )
    # targets that are computed inside a fold (gene sets) agree to rounding
    differs = ~np.isclose(one.outcome, two.outcome, rtol=1e-9, atol=1e-12).all(axis=1)
    differs |= (one.patient_id != two.patient_id) | (one.fold != two.fold)
    for row in np.flatnonzero(differs)[:1]:
        raise InputError(
            f"unit {str(one.unit_id[row])!r}, patient {str(one.patient_id[row])!r}: arms {arm!r} "
            f"and {reference!r} disagree on its outcome, patient or fold. They must predict the "
            "same patients on the same folds."
        )
    return one, two


def _value(kind: str, units: OutcomeUnits, metric: str, model: tuple[int, int]) -> float:
    rows = units.take(units.of_model(*model))
    return float(_statistic(kind, rows, metric)(np.ones((1, len(units.patients))))[0, 0])


def _statistic(kind: str, units: OutcomeUnits, metric: str) -> Statistic:
    kinds = {
        "survival": SurvivalStatistic,
        "regression": RegressionStatistic,
        "segmentation": SegmentationStatistic,
    }
    return kinds[kind](units, (metric,))


def _sizes(table: OutcomeTable, arm: str) -> Sizes:
    """Patients tested and trained on as far as the table knows: all the others of the arm."""
    own = table.of_arm(arm)
    everybody = len(np.unique(own.patient_id))
    found: dict[tuple[int, int], dict[str, int]] = {}
    for repeat, fold in OutcomeUnits.of(own).models:
        rows = (own.repeat == repeat) & (own.fold == fold)
        seen = len(np.unique(own.patient_id[rows]))
        n_test = len(np.unique(own.patient_id[rows & (own.part == "test")]))
        found[repeat, fold] = {"test": n_test, "train": everybody - seen}
    return found
