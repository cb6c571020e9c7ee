"""Tests of two arms on the same patients or the same folds, each as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tumorboard.evaluation.auroc import NAN
from tumorboard.evaluation.statistic import ScoredUnits
from tumorboard.records import Bools, Floats, Ints


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two arms' right and wrong calls on the same patients.

    Args:
        n_arm_only: Patients whom only the arm called rightly.
        n_reference_only: Patients whom only the reference called rightly.
        n_patients: Patients compared.
        exact: Two-sided exact binomial p-value.
        mid_p: The same with half of the probability of what was seen: less conservative.
        chi_square: P-value of the chi-square statistic with continuity correction.
    """

    n_arm_only: int
    n_reference_only: int
    n_patients: int
    exact: float
    mid_p: float
    chi_square: float


def mcnemar(arm_is_right: Bools, reference_is_right: Bools) -> McNemar:
    """Compare right calls, from the patients on whom the two arms disagree.

    Without such a patient the p-values are 1; without any patient they are NaN.

    Args:
        arm_is_right: (patients,) whether the arm called the patient rightly.
        reference_is_right: (patients,) the same of the reference.

    Source:
        McNemar, Psychometrika 1947; 12: 153-157. Edwards, Psychometrika 1948; 13: 185-187
        (continuity). Fagerland et al., BMC Med Res Methodol 2013; 13: 91 (mid-p).
    """
    from scipy.special import bdtr, chdtrc

    b = int((arm_is_right & ~reference_is_right).sum())
    c = int((~arm_is_right & reference_is_right).sum())
    n = b + c
    if len(arm_is_right) == 0:
        return McNemar(0, 0, 0, NAN, NAN, NAN)
    if n == 0:
        return McNemar(b, c, len(arm_is_right), 1.0, 1.0, 1.0)
    tail = float(bdtr(min(b, c), n, 0.5))
    seen = tail - (float(bdtr(min(b, c) - 1, n, 0.5)) if min(b, c) else 0.0)
    exact = min(1.0, 2 * tail)
    # where both are equal, twice the lower tail counts what was seen twice
    mid_p = 1.0 - seen / 2 if b == c else 2 * tail - seen
    statistic = max(abs(b - c) - 1, 0) ** 2 / n
    return McNemar(b, c, len(arm_is_right), exact, mid_p, float(chdtrc(1, statistic)))


def right_calls(units: ScoredUnits, rows: Ints | None = None) -> Bools:
    """Whether each patient is called rightly in at least half of its calls.

    Calls are those of all units and repeats of the patient. Half against half is not wrong, as in
    the list of errors.

    Args:
        units: What was scored.
        rows: Units that count; None for all. Patients without one are left out.
    """
    if rows is not None:
        units = units.take(rows)
    n = len(units.patients)
    total = np.bincount(units.patient, minlength=n)
    right = np.bincount(units.patient, units.predicted == units.target, minlength=n)
    return (2 * right >= total)[total > 0]


def signed_rank(differences: Floats) -> float:
    """Two-sided exact p-value of Wilcoxon's signed-rank test.

    Every pattern of signs is counted, ties by their mean ranks; differences of zero are left out.
    NaN where all are zero. Folds share training patients, so their differences are not independent
    as the test assumes.

    Args:
        differences: (J,) arm minus reference, of each fold.

    Source:
        Wilcoxon, Biometrics Bulletin 1945; 1: 80-83.
    """
    from scipy.stats import rankdata

    kept = differences[~np.isnan(differences)]
    kept = kept[kept != 0]
    if len(kept) == 0:
        return NAN
    # doubled, mean ranks are whole numbers
    ranks = np.rint(2 * rankdata(np.round(np.abs(kept), 12))).astype(np.int64)
    total = int(ranks.sum())
    share = np.zeros(total + 1)  # share of all sign patterns with each sum of positive ranks
    share[0] = 1.0
    for rank in ranks.tolist():
        share[rank:] = 0.5 * share[rank:] + 0.5 * share[: total + 1 - rank]
        share[:rank] *= 0.5
    positive = int(ranks[kept > 0].sum())
    tail = min(float(share[: positive + 1].sum()), float(share[positive:].sum()))
    return min(1.0, 2 * tail)
