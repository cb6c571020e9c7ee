"""The rarest class: how many of it each arm finds, and what an arm gains on it.

A class that few units have hardly moves a mean over units, and its AUROC can be near 1 while almost
none of it is called. So it is shown apart: what is found at the largest probability, the average
precision beside the line of a coin, the AUROC, and every arm's difference to the reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tumorboard.errors import InputError
from tumorboard.evaluation.auroc import NAN
from tumorboard.evaluation.bootstrap import bootstrap
from tumorboard.evaluation.comparison import align_folds, fold_scores, pair_arms
from tumorboard.evaluation.difference import Result, judge_folds, judge_replicates
from tumorboard.evaluation.estimates import MIN_PATIENTS, Counts, leading_estimate
from tumorboard.evaluation.part_sizes import Sizes, given_shares
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.statistic import ArmStatistic, ScoredUnits
from tumorboard.records import Estimate, Floats

#: Share of the units below which a class counts as rare.
RARE_SHARE = 0.10
#: What is shown of the class, in order.
SHOWN = ("sensitivity", "auprc", "auroc")


def rare_class_document(
    table: PredictionTable, metrics: Mapping[str, Mapping[str, Estimate]], *, reference: str,
    sizes: Sizes, n_bootstrap: int, rng: np.random.Generator,
) -> dict[str, Any] | None:  # fmt: skip
    """Evidence `rare_class`; None with two classes of which the rarer has a tenth of the units.

    Units are called by their largest probability, whatever threshold the study chose.

    Layout: `class`, `n_units` (of the class), `n_all`, `n_patients` (with the class),
    `n_all_patients`, `share`, `reference`, `n_repeats`, `arms`: arm -> `found` and `called` (units
    per repeat: rightly called the class, and called it at all), `of` (units of the class that the
    arm saw), `sensitivity`, `auprc`, `auroc`: `value`, `ci_low`, `ci_high`, and `differences`:
    metric -> the same with `p_value`, `test`, `n_patients`, `arm_value` and `reference_value` (the
    means over folds that the difference is of), empty for the reference.

    Args:
        table: Validation and test predictions of every arm.
        metrics: Arm -> metric -> estimate, as metrics.json has them.
        reference: Arm that the others are measured against.
        sizes: Patients of each split, for the corrected t-test.
        n_bootstrap: Resamples of the patients, where there is one split.
        rng: Source of the resamples.
    """
    test = table.take((table.part == "test") & (table.outcome >= 0))
    _, first = np.unique(test.unit_id, return_index=True)
    counts = np.bincount(test.outcome[first], minlength=len(test.classes))
    k = int(np.argmin(counts))
    share = float(counts[k] / max(counts.sum(), 1))
    if len(test.classes) == 2 and share >= RARE_SHARE:
        return None
    seed = int(rng.integers(2**63))
    arms: dict[str, Any] = {}
    for arm in table.arms:
        arms[arm] = _of_arm(test.of_arm(arm), metrics[arm], k)
        arms[arm]["differences"] = {}
        if arm != reference:
            arms[arm]["differences"] = _differences(
                test, (arm, reference), k, sizes, n_bootstrap, np.random.default_rng(seed)
            )
    return {
        "class": test.classes[k],
        "n_units": int(counts[k]),
        "n_all": int(counts.sum()),
        "n_patients": len(np.unique(test.patient_id[test.outcome == k])),
        "n_all_patients": len(np.unique(test.patient_id)),
        "share": share,
        "reference": reference,
        "n_repeats": len(np.unique(test.repeat)),
        "arms": arms,
    }


def _of_arm(table: PredictionTable, metrics: Mapping[str, Estimate], k: int) -> dict[str, Any]:
    """What one arm finds of class `k`; intervals of the areas are those of metrics.json."""
    units = _units(table, k)
    n_repeats = len(np.unique(units.repeat))
    is_class, is_called = units.target == 1, units.predicted == 1
    values = ArmStatistic(units, SHOWN)(np.ones((1, len(units.patients))))[0].tolist()
    estimates = {name: _bare(value) for name, value in zip(SHOWN, values, strict=True)}
    found = leading_estimate("sensitivity", values[0], Counts(units))
    if found is not None and len(units.patients) >= MIN_PATIENTS:
        estimates["sensitivity"] = _plain(found)
    for name in ("auprc", "auroc"):
        # of two classes metrics.json tells of the positive one
        known = f"{name}_{table.classes[k]}" if len(table.classes) > 2 else name
        if known in metrics and (len(table.classes) > 2 or k == 1):
            estimates[name] = _plain(metrics[known])
    return {
        "found": float((is_class & is_called).sum() / n_repeats),
        "called": float(is_called.sum() / n_repeats),
        "of": float(is_class.sum() / n_repeats),
        **estimates,
    }


def _units(table: PredictionTable, k: int) -> ScoredUnits:
    """Class `k` against the rest: called where it has the largest probability."""
    called = np.argmax(table.probabilities, axis=1) == k
    if len(table.classes) == 2:
        called = table.probabilities[:, k] >= 0.5
    patients, patient = np.unique(table.patient_id, return_inverse=True)
    p = table.probabilities[:, k]
    return ScoredUnits(
        patients=tuple(patients.tolist()),
        patient=patient.astype(np.int64),
        repeat=table.repeat,
        fold=table.fold,
        target=(table.outcome == k).astype(np.int64),
        probabilities=np.stack([1 - p, p], axis=1),
        predicted=called.astype(np.int64),
        classes=("rest", table.classes[k]),
    )


def _differences(
    table: PredictionTable, pair: tuple[str, str], k: int, sizes: Sizes, n_bootstrap: int,
    rng: np.random.Generator,
) -> dict[str, Any]:  # fmt: skip
    """Metric -> arm minus reference on the units that both predicted; {} where there are none."""
    try:
        sides = pair_arms(table, *pair)
    except InputError:  # arms of other patients: there is nothing to compare
        return {}
    first, second = align_folds(*(_units(side, k) for side in sides))
    n_patients = len(first.patients)
    found: dict[str, Any] = {}
    scores = [fold_scores(side, SHOWN) for side in (first, second)]
    drawn = _drawn(first, second, n_bootstrap, rng) if len(first.models) == 1 else None
    for j, metric in enumerate(SHOWN):
        differences = scores[0][:, j] - scores[1][:, j]
        result: Result
        if drawn is None:
            shares = given_shares(sizes, first.models)
            result = judge_folds(differences, metric, [shares[m] for m in first.models])
        else:
            result = judge_replicates(float(differences[0]), drawn[:, j], metric)
        value, low, high, p_value, test = result
        if n_patients < MIN_PATIENTS:
            low, high, p_value, test = NAN, NAN, NAN, f"none: under {MIN_PATIENTS} patients"
        found[metric] = {
            "value": value, "ci_low": low, "ci_high": high, "p_value": p_value, "test": test,
            "n_patients": n_patients, **_means([side[:, j] for side in scores]),
        }  # fmt: skip
    return found


def _means(scores: Sequence[Floats]) -> dict[str, float]:
    """Both arms' means over the folds where both have a value: their difference is the mean one."""
    defined = ~np.isnan(scores[0] - scores[1])
    means = [float(side[defined].mean()) if defined.any() else NAN for side in scores]
    return dict(zip(("arm_value", "reference_value"), means, strict=True))


def _drawn(
    first: ScoredUnits, second: ScoredUnits, n_bootstrap: int, rng: np.random.Generator
) -> Floats:
    """The differences in every resample of the patients: (replicates, metrics)."""
    sides = [ArmStatistic(side, SHOWN) for side in (first, second)]

    def difference(weights: Floats) -> Floats:
        return sides[0](weights) - sides[1](weights)

    return bootstrap(difference, n_patients=len(first.patients), n_replicates=n_bootstrap, rng=rng)


def _bare(value: float) -> dict[str, float]:
    return {"value": value, "ci_low": NAN, "ci_high": NAN}


def _plain(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "ci_low": estimate.ci_low, "ci_high": estimate.ci_high}
