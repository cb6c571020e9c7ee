"""What a segmentation study found beyond its metrics: evidence "segmentation"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tumorboard.evaluation.control_arms import without_controls
from tumorboard.evaluation.mask_columns import MaskColumns
from tumorboard.evaluation.outcome_comparison import metric_name_in
from tumorboard.evaluation.outcome_table import OutcomeTable, OutcomeUnits
from tumorboard.evaluation.part_sizes import Sizes
from tumorboard.evaluation.segmentation_agreement import guessed_dice, volume_agreement
from tumorboard.evaluation.segmentation_controls import controls_document
from tumorboard.evaluation.segmentation_difficulty import difficulty_document
from tumorboard.evaluation.segmentation_statistic import SegmentationStatistic, patient_values
from tumorboard.evaluation.segmentation_tests import paired_tests
from tumorboard.records import Estimate
from tumorboard.study_keys import Primary

#: Resamples of the patients, beside those of the metrics.
N_BOOTSTRAP = 1000
#: Cases that are listed as the worst.
N_WORST = 10
#: What the two masks of a case and label hold.
STATUSES = ("both", "missed", "invented", "both_empty")


def segmentation_document(
    table: OutcomeTable, metrics: Mapping[str, Mapping[str, Estimate]], *, primary: Primary,
    rng: np.random.Generator, fusions: Mapping[str, str] | None = None,
    columns: Mapping[str, Mapping[str, str]] | None = None, sizes: Sizes | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Plain data of the evidence `segmentation`.

    Layout: `labels`, `distance` and `volume` (units), `primary`, `metric`; `arms` {arm: `metrics`
    {name: `{mean, median, q1, q3, ci_low, ci_high, n, n_excluded}`}, `statuses` {label: {status:
    cases}}, `fusion`, `is_control`, `by_patient` (the metric of each)}; `controls`, `tests`,
    `difficulty`, `predicted_dice` and `volumes` by arm, and `worst`, the cases of the primary arm
    with the lowest Dice.

    Args:
        table: Predictions of all arms.
        metrics: Arm -> metric -> estimate, as in metrics.json.
        primary: The comparison of the study's first line.
        rng: Source of the resamples.
        fusions: Arm -> how notes enter it, for the table of fusions.
        columns: Column of `[evaluation] subgroups` -> patient -> value.
        sizes: Patients of each split, for the corrected t-test.
    """
    found = MaskColumns.of(table.prediction_names)
    seed = int(rng.integers(2**63))
    truthful = without_controls(table.arms)
    units = {arm: OutcomeUnits.of(table.of_arm(arm)) for arm in table.arms}
    metric = metric_name_in(table, primary.metric)
    shared: dict[str, Any] = {"n_bootstrap": N_BOOTSTRAP}
    guesses = {
        arm: guessed_dice(units[arm], rng=np.random.default_rng(seed), **shared) for arm in truthful
    }
    return {
        "labels": list(found.labels), "distance": found.distance, "volume": found.volume,
        "primary": {"arm": primary.arm, "reference": primary.reference}, "metric": metric,
        "arms": {
            arm: {
                "metrics": _summaries(own, metrics.get(arm, {})),
                "statuses": statuses(own),
                "fusion": (fusions or {}).get(arm, ""),
                "is_control": arm not in truthful,
                "by_patient": _by_patient(own, metric),
            }
            for arm, own in units.items()
        },
        "controls": controls_document(table, primary, sizes=sizes, seed=seed, **shared),
        "tests": paired_tests(table, truthful, primary.reference),
        "difficulty": difficulty_document(
            table, primary, metric, columns or {}, seed=seed, **shared
        ),
        "predicted_dice": {arm: guess for arm, guess in guesses.items() if guess is not None},
        "volumes": {
            arm: volume_agreement(units[arm], rng=np.random.default_rng(seed), **shared)
            for arm in truthful
        },
        "worst": _worst(table, primary),
    }  # fmt: skip


def _by_patient(units: OutcomeUnits, metric: str) -> dict[str, float]:
    values = patient_values(units, (metric,))[:, 0].tolist()
    return dict(zip(units.patients, values, strict=True))


def _summaries(units: OutcomeUnits, known: Mapping[str, Estimate]) -> dict[str, dict[str, Any]]:
    """Mean, median, quartiles and interval of every metric, over patients."""
    statistic = SegmentationStatistic(units)
    found: dict[str, dict[str, Any]] = {}
    for k, name in enumerate(statistic.names):
        values = statistic.values[~np.isnan(statistic.values[:, k]), k]
        quarters = np.quantile(values, [0.25, 0.5, 0.75]) if len(values) else np.full(3, np.nan)
        estimate = known.get(name)
        found[name] = {
            "mean": float(values.mean()) if len(values) else np.nan,
            "median": quarters[1], "q1": quarters[0], "q3": quarters[2],
            "ci_low": estimate.ci_low if estimate else np.nan,
            "ci_high": estimate.ci_high if estimate else np.nan,
            "n": len(values), "n_excluded": statistic.n_excluded(k),
        }  # fmt: skip
    return found


def statuses(units: OutcomeUnits) -> dict[str, dict[str, int]]:
    """Label -> what the masks hold -> predictions of cases (one per repeat).

    `both` masks hold the label, the prediction `missed` it, the prediction `invented` it, or
    `both_empty`, which metrics of overlap leave out.
    """
    columns = MaskColumns.of(units.names)
    found: dict[str, dict[str, int]] = {}
    for k, label in enumerate(columns.labels):
        is_there = units.outcome[:, k] > 0
        is_found = columns.of_label(units.predictions, "volume", label) > 0
        counts = (
            is_there & is_found, is_there & ~is_found, ~is_there & is_found, ~is_there & ~is_found,
        )  # fmt: skip
        found[label] = {name: int(rows.sum()) for name, rows in zip(STATUSES, counts, strict=True)}
    return found


def _worst(table: OutcomeTable, primary: Primary) -> list[dict[str, Any]]:
    """The cases of the primary arm with the lowest Dice, beside the reference arm."""
    own = by_case(table, primary.arm)
    other = {case: dice for case, _, dice in by_case(table, primary.reference)}
    columns = MaskColumns.of(table.prediction_names)
    rows = table.take((table.part == "test") & (table.arm == primary.arm))
    found: list[dict[str, Any]] = []
    for case, patient, dice in own[:N_WORST]:
        mine = rows.take(rows.unit_id == case)
        guess = [columns.of_label(mine.predictions, "predicted_dice", k) for k in columns.labels]
        volume = [columns.of_label(mine.predictions, "volume", k) for k in columns.labels]
        found.append(
            {
                "case": case, "patient": patient, "dice": dice,
                "reference_dice": other.get(case, np.nan),
                "predicted_dice": float(np.mean(guess)),
                "reference_volume": float(mine.outcome.sum(axis=1).mean()),
                "volume": float(np.sum(volume, axis=0).mean()),
            }
        )  # fmt: skip
    return found


def by_case(table: OutcomeTable, arm: str) -> list[tuple[str, str, float]]:
    """(case, patient, Dice) of an arm, the lowest first; cases without a Dice are left out."""
    rows = table.take((table.part == "test") & table.known & (table.arm == arm))
    dice = MaskColumns.of(table.prediction_names).values(rows.predictions, "dice")
    known = ~np.isnan(dice)
    cases, first, index = np.unique(rows.unit_id[known], return_index=True, return_inverse=True)
    mean = np.bincount(index, weights=dice[known]) / np.bincount(index)
    patients = rows.patient_id[known][first]
    order = np.argsort(mean, kind="stable")
    return [(str(cases[i]), str(patients[i]), float(mean[i])) for i in order]


def gallery_cases(table: OutcomeTable, arm: str, *, n: int = 4) -> dict[str, str]:
    """Case -> `worst`, `median` or `best`: those that a report draws.

    Args:
        table: Predictions of all arms.
        arm: Whose masks are drawn.
        n: Most cases of each kind; a small study has fewer, and none twice.
    """
    cases: Sequence[str] = [case for case, _, _ in by_case(table, arm)]
    middle = max(0, len(cases) // 2 - n // 2)
    chosen = {case: "worst" for case in cases[:n]}
    for kind, some in (("best", cases[-n:]), ("median", cases[middle : middle + n])):
        chosen |= {case: kind for case in some if case not in chosen}
    return chosen
