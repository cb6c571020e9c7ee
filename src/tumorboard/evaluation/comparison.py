"""One arm against another on the patients that both predicted: the difference and its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.evaluation.auroc import NAN
from tumorboard.evaluation.bootstrap import bootstrap
from tumorboard.evaluation.difference import (
    Result,
    corrected_resampled_t,
    holm,
    judge_auroc,
    judge_folds,
    judge_replicates,
)
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.evaluation.part_sizes import Sizes, estimated_shares, given_shares
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.results import Comparison, write_comparison
from tumorboard.evaluation.statistic import ArmStatistic, ScoredUnits, Thresholds
from tumorboard.evaluation.thresholds import choose_thresholds
from tumorboard.records import Floats
from tumorboard.study_keys import METRICS, Primary, Threshold

__all__ = [
    "Comparison", "compare_all", "compare_arms", "corrected_resampled_t", "holm", "pair_arms",
    "write_comparison",
]  # fmt: skip


def compare_all(
    table: PredictionTable, primary: Primary, *, threshold: Threshold, n_bootstrap: int,
    rng: np.random.Generator, positive: str = "none", arms: Sequence[str] = (),
    sizes: Sizes | None = None,
) -> list[Comparison]:  # fmt: skip
    """The primary comparison first, then each other arm against the primary's reference.

    Args:
        table: Predictions of all arms.
        primary: What the study's first line answers.
        threshold: How each model's decision threshold is chosen on its validation patients.
        n_bootstrap: Resamples of the patients, where there is one split.
        rng: Source of the resamples.
        positive: Positive class of two; "none" for the last.
        arms: Arms to compare, in order; empty for all of the table.
        sizes: Patients of each split, for the corrected t-test. None estimates them from the
            table, which knows nothing of patients who are only ever trained on: right for
            cross-validation, too few training patients for repeated hold-outs.
    """
    others = [a for a in arms or table.arms if a not in (primary.arm, primary.reference)]
    asked = [] if primary.arm == primary.reference else [primary.arm]
    table = table.with_positive(positive)
    thresholds, _ = choose_thresholds(table, threshold)
    seed = int(rng.integers(2**63))
    found = [
        compare_arms(
            table, arm, primary.reference, primary.metric, thresholds=thresholds,
            n_bootstrap=n_bootstrap, rng=np.random.default_rng(seed), sizes=sizes,
        )
        for arm in (*asked, *others)
    ]  # fmt: skip
    adjusted = holm([c.p_value for c in found])
    return [replace(c, p_value_holm=p) for c, p in zip(found, adjusted, strict=True)]


def compare_arms(
    table: PredictionTable, arm: str, reference: str, metric: str, *, thresholds: Thresholds,
    n_bootstrap: int, rng: np.random.Generator, positive: str = "none",
    sizes: Sizes | None = None,
) -> Comparison:  # fmt: skip
    """Difference of a metric between two arms.

    Several folds or repeats: the corrected resampled t-test on the differences of the folds. One
    split: the paired logit-DeLong interval and DeLong's p-value for AUROC, and the paired patient
    bootstrap for all others. See `compare_all` for the arguments; `thresholds` are by (arm, repeat,
    fold), 0.5 where absent.

    Raises:
        InputError: No patients in common, other outcomes, other folds, or a split without a size.
        StudyError: No such metric.
    """
    if metric not in METRICS:
        raise StudyError(f"{metric!r} is not a metric. {nearest(metric, METRICS)}")
    table = table.with_positive(positive)
    paired = pair_arms(table, arm, reference)
    first, second = align_folds(*(ScoredUnits.of(side, thresholds) for side in paired))
    n_patients = len(first.patients)
    if len(first.models) > 1:
        if sizes is None:
            sides = (table.of_arm(arm), table.of_arm(reference))
            shares = estimated_shares(sides, paired[0].fold, first)
        else:
            shares = given_shares(sizes, first.models)
        result = _over_folds(first, second, metric, shares)
    else:
        result = _one_split(first, second, metric, n_bootstrap, rng)
    difference, low, high, p_value, test = result
    if n_patients < MIN_PATIENTS:
        low, high, p_value, test = NAN, NAN, NAN, f"none: under {MIN_PATIENTS} patients"
    elif are_identical(first, second) and not np.isnan(difference):
        low, high, p_value, test = 0.0, 0.0, 1.0, "none: the predictions are identical"
    return Comparison(arm, reference, metric, difference, low, high, p_value, test, n_patients)


def pair_arms(
    table: PredictionTable, arm: str, reference: str
) -> tuple[PredictionTable, PredictionTable]:
    """Test rows of two arms with a known outcome, in the same order, of the units both predicted.

    Repeats that only one of them has are left out.

    Raises:
        InputError: No patients in common, or other outcomes of a unit.
    """
    sides = [table.of_arm(name) for name in (arm, reference)]
    sides = [s.take((s.part == "test") & (s.outcome >= 0)) for s in sides]
    keyed = [
        {
            key: row
            for row, key in enumerate(zip(s.unit_id.tolist(), s.repeat.tolist(), strict=True))
        }
        for s in sides
    ]
    common = sorted(set(keyed[0]) & set(keyed[1]), key=lambda key: (key[1], key[0]))
    if not common:
        raise InputError(
            f"arms {arm!r} and {reference!r} have no test patient with an outcome in common "
            f"({len(set(sides[0].patient_id))} and {len(set(sides[1].patient_id))} patients). "
            "Are the patient ids written alike?"
        )
    one, two = (
        s.take(np.asarray([rows[key] for key in common], dtype=np.int64))
        for s, rows in zip(sides, keyed, strict=True)
    )
    for column in ("outcome", "patient_id"):
        for row in np.flatnonzero(getattr(one, column) != getattr(two, column))[:1]:
            raise InputError(
                f"unit {str(one.unit_id[row])!r}, patient {str(one.patient_id[row])!r}: arms "
                f"{arm!r} and {reference!r} disagree on its {column.replace('_', ' ')}. They must "
                "predict the same patients of the same outcome."
            )
    return one, two


def align_folds(first: ScoredUnits, second: ScoredUnits) -> tuple[ScoredUnits, ScoredUnits]:
    """Units of both arms with one numbering of folds.

    An arm with a single fold in a repeat, such as a table of another program that does not name
    folds, is paired with the folds of the other, whatever number its own has.

    Raises:
        InputError: Both have folds, and they differ.
    """
    fold = first.fold.copy()
    for repeat in np.unique(first.repeat):
        rows = first.repeat == repeat
        one, two = first.fold[rows], second.fold[rows]
        if np.array_equal(one, two) or len(np.unique(two)) == 1:
            continue
        if len(np.unique(one)) > 1:
            raise InputError(
                "the two arms were tested in different folds. Models can only be compared on the "
                "same splits: give both programs the same folds."
            )
        fold[rows] = two
    return replace(first, fold=fold), replace(second, fold=fold)


def are_identical(first: ScoredUnits, second: ScoredUnits) -> bool:
    return np.array_equal(first.probabilities, second.probabilities) and np.array_equal(
        first.predicted, second.predicted
    )


def _over_folds(
    first: ScoredUnits, second: ScoredUnits, metric: str, shares: Mapping[tuple[int, int], float]
) -> Result:
    """Corrected resampled t-test on the differences of the folds."""
    scores = [fold_scores(side, (metric,))[:, 0] for side in (first, second)]
    return judge_folds(scores[0] - scores[1], metric, [shares[m] for m in first.models])


def fold_scores(units: ScoredUnits, metrics: Sequence[str]) -> Floats:
    """Metrics of every fitted model of one arm: (models, metrics), NaN where undefined."""
    values: list[Floats] = []
    for model in units.models:
        part = units.take(units.of_model(*model))
        patients, patient = np.unique(part.patient, return_inverse=True)
        part = replace(
            part,
            patients=tuple(units.patients[i] for i in patients.tolist()),
            patient=patient.astype(np.int64),
        )
        values.append(ArmStatistic(part, metrics)(np.ones((1, len(patients))))[0])
    return np.stack(values)


def _one_split(
    first: ScoredUnits, second: ScoredUnits, metric: str, n_bootstrap: int,
    rng: np.random.Generator,
) -> Result:  # fmt: skip
    """Paired logit-DeLong interval for AUROC, else the paired patient bootstrap."""
    if metric == "auroc":
        return judge_auroc(first, second)
    sides = [ArmStatistic(side, (metric,)) for side in (first, second)]
    n_patients = len(first.patients)

    def difference(weights: Floats) -> Floats:
        return (sides[0](weights) - sides[1](weights))[:, 0]

    value = float(difference(np.ones((1, n_patients)))[0])
    drawn = bootstrap(difference, n_patients=n_patients, n_replicates=n_bootstrap, rng=rng)
    return judge_replicates(value, drawn, metric)
