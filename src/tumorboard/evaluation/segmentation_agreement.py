"""Segmentations against what is known of them: volumes, and the Dice that the model guessed."""

from __future__ import annotations

from typing import Any

import numpy as np

from tumorboard.evaluation.auroc import NAN
from tumorboard.evaluation.bootstrap import bootstrap, percentile_interval
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.evaluation.mask_columns import MaskColumns
from tumorboard.evaluation.outcome_table import OutcomeUnits
from tumorboard.evaluation.ratio import mean_of_defined
from tumorboard.evaluation.regression_statistic import RegressionStatistic
from tumorboard.evaluation.segmentation_statistic import patient_values
from tumorboard.records import Floats

#: Groups of equally many patients by predicted Dice.
N_BINS = 5
_GUESS = ("pearson", "spearman", "mae")


def volume_agreement(
    units: OutcomeUnits, *, n_bootstrap: int, rng: np.random.Generator
) -> dict[str, dict[str, Any]]:
    """Bland and Altman's comparison of predicted and reference volume, by patient and label.

    Patients without the label in either mask are left out: they would flatter the agreement.

    Layout: label -> `n`, `bias` `{value, ci_low, ci_high}` (predicted minus reference), `sd`,
    `low` and `high` (limits of agreement, bias and 1.96 standard deviations), `points` of [mean of
    the two volumes, difference].

    Source:
        Bland & Altman, Lancet 1986; 327: 307-310.
    """
    columns = MaskColumns.of(units.names)
    found: dict[str, dict[str, Any]] = {}
    for k, label in enumerate(columns.labels):
        predicted = columns.of_label(units.predictions, "volume", label)
        both = _by_patient(units, np.stack([predicted, units.outcome[:, k]], axis=1))
        both = both[(both > 0).any(axis=1)]
        difference = both[:, 0] - both[:, 1]
        n = len(difference)
        bias = float(difference.mean()) if n else NAN
        sd = float(difference.std(ddof=1)) if n > 1 else NAN
        limits = _interval_of_mean(difference, n_bootstrap, rng)
        found[label] = {
            "n": n, "bias": {"value": bias, "ci_low": limits[0], "ci_high": limits[1]}, "sd": sd,
            "low": bias - 1.96 * sd, "high": bias + 1.96 * sd,
            "points": np.stack([both.mean(axis=1), difference], axis=1),
        }  # fmt: skip
    return found


def guessed_dice(
    units: OutcomeUnits, *, n_bootstrap: int, rng: np.random.Generator
) -> dict[str, Any] | None:
    """The model's own guess of its Dice against the Dice it reached; None where it made none.

    Labels and cases without a Dice (both masks empty) are left out of the guess as well.

    Layout: `n`, `metrics` {`pearson`, `spearman`, `mae`: `{value, ci_low, ci_high}`}, `bias`
    (predicted minus reached), `points` of [predicted, reached], `bins` of equally many patients by
    predicted Dice, and `kept`: `coverage` and `dice`, the mean Dice reached where only the patients
    with the highest predicted Dice are kept, with `best`, of an order by the Dice reached.
    """
    columns = MaskColumns.of(units.names)
    said, reached = (
        np.stack([columns.of_label(units.predictions, word, k) for k in columns.labels])
        for word in ("predicted_dice", "dice")
    )
    guess = mean_of_defined(np.where(np.isnan(reached), np.nan, said))
    both = np.stack([_by_patient(units, guess[:, None])[:, 0],
                     patient_values(units, ("dice",))[:, 0]], axis=1)  # fmt: skip
    both = both[~np.isnan(both).any(axis=1)]
    n = len(both)
    if n < 2:
        return None
    ones = np.ones(n, dtype=np.int64)
    name, people = ("dice",), tuple(map(str, range(n)))
    pairs = OutcomeUnits(people, np.arange(n), ones, ones, both[:, 1:], both[:, :1], name, name)
    statistic = RegressionStatistic(pairs, _GUESS)
    value = statistic(np.ones((1, n)))[0]
    limits = np.full((2, len(_GUESS)), NAN)
    if n >= MIN_PATIENTS:
        drawn = bootstrap(statistic, n_patients=n, n_replicates=n_bootstrap, rng=rng)
        limits = np.asarray([percentile_interval(column)[:2] for column in drawn.T]).T
    return {
        "n": n,
        "metrics": {
            name: {"value": value[k], "ci_low": limits[0, k], "ci_high": limits[1, k]}
            for k, name in enumerate(_GUESS)
        },
        "bias": float((both[:, 0] - both[:, 1]).mean()),
        "points": both,
        "bins": _bins(both),
        "kept": _kept(both),
    }


def _bins(both: Floats) -> list[dict[str, float]]:
    """Groups by predicted Dice; none of fewer than two patients."""
    groups = np.array_split(
        both[np.argsort(both[:, 0], kind="stable")], min(N_BINS, len(both) // 2)
    )
    return [
        {"predicted": float(g[:, 0].mean()), "reached": float(g[:, 1].mean()), "n": len(g)}
        for g in groups
    ]


def _kept(both: Floats) -> dict[str, Any]:
    """Mean Dice among the first patients by predicted Dice; risk against coverage, as a gain."""
    n = np.arange(1, len(both) + 1)
    order = np.argsort(-both[:, 0], kind="stable")
    return {
        "coverage": n / len(both),
        "dice": np.cumsum(both[order, 1]) / n,
        "best": np.cumsum(np.sort(both[:, 1])[::-1]) / n,
    }


def _by_patient(units: OutcomeUnits, values: Floats) -> Floats:
    """(patients, columns) mean over a patient's cases and repeats, NaN left out."""
    n = len(units.patients)
    found = np.full((n, values.shape[1]), np.nan)
    for k, column in enumerate(values.T):
        known = ~np.isnan(column)
        count = np.bincount(units.patient[known], minlength=n)
        total = np.bincount(units.patient[known], weights=column[known], minlength=n)
        found[count > 0, k] = total[count > 0] / count[count > 0]
    return found


def _interval_of_mean(
    values: Floats, n_bootstrap: int, rng: np.random.Generator
) -> tuple[float, float]:
    n = len(values)
    if n < MIN_PATIENTS:
        return NAN, NAN
    drawn = bootstrap(lambda w: (w @ values / n)[:, None], n_patients=n,
                      n_replicates=n_bootstrap, rng=rng)  # fmt: skip
    return percentile_interval(drawn[:, 0])[:2]
