"""AUROC with its DeLong variance: clustered by patient, averaged over folds, paired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tumorboard.records import Bools, Floats, Ints

#: Two-sided 95 % point of the normal distribution.
Z_95 = 1.959963984540054
NAN = float("nan")


@dataclass(frozen=True)
class Components:
    """An AUROC and how much each patient moves it.

    Args:
        value: AUROC, mean of AUROCs, or difference of two.
        positive: (patients,) centred sum of the placements of the patient's positive units, over
            their total number.
        negative: (patients,) the same of the negative units.
        factors: Small-sample factors of the squares of `positive`, of `negative`, and of their
            product; NaN where one class has one patient and its spread is unknown.
    """

    value: float
    positive: Floats
    negative: Floats
    factors: tuple[float, float, float]

    @property
    def variance(self) -> float:
        """Variance of `value` (Obuchowski 1997); with one unit per patient, DeLong's."""
        squares = (
            np.sum(self.positive**2), np.sum(self.negative**2),
            2.0 * np.sum(self.positive * self.negative),
        )  # fmt: skip
        return float(np.dot(self.factors, squares))

    def minus(self, other: Components) -> Components:
        """Difference of two AUROCs of the same units."""
        return Components(
            self.value - other.value,
            self.positive - other.positive,
            self.negative - other.negative,
            self.factors,
        )


def auroc_components(
    is_positive: Bools, score: Floats, patient: Ints, n_patients: int
) -> Components:
    """AUROC and its components, in O(n log n).

    The placement of a positive unit is the share of negative units with a smaller score, ties as
    one half (midranks), and the other way round.

    Args:
        is_positive: (n,) True where the unit has the positive class.
        score: (n,) higher means more likely positive.
        patient: (n,) index of each unit's patient.
        n_patients: Number of patients that the indices count.

    Source:
        DeLong et al., Biometrics 1988; 44: 837-845. Sun & Xu, IEEE Signal Process Lett 2014; 21:
        1389-1393 (midranks). Obuchowski, Biometrics 1997; 53: 567-578 (clusters).
    """
    is_negative = ~is_positive
    n_positive, n_negative = int(is_positive.sum()), int(is_negative.sum())
    if not n_positive or not n_negative:
        return Components(NAN, np.zeros(n_patients), np.zeros(n_patients), (NAN, NAN, NAN))
    below = _share_below(score[is_positive], score[is_negative])
    above = 1.0 - _share_below(score[is_negative], score[is_positive])
    value = float(below.mean())
    positive, negative = patient[is_positive], patient[is_negative]
    n_with_positive, n_with_negative = len(np.unique(positive)), len(np.unique(negative))
    return Components(
        value,
        np.bincount(positive, below - value, n_patients) / n_positive,
        np.bincount(negative, above - value, n_patients) / n_negative,
        (
            _unbiased(n_with_positive), _unbiased(n_with_negative),
            # a product of two classes in one patient is 0 unless a patient has units of both
            _unbiased(len(np.unique(patient))),
        ),
    )  # fmt: skip


def macro_components(
    target: Ints, probabilities: Floats, patient: Ints, n_patients: int
) -> Components:
    """Mean over the classes of each class against the rest; all classes move with the same patient.

    Undefined where a class is absent. The variance is that of the summed influence of each patient.
    """
    each = [
        auroc_components(target == k, probabilities[:, k], patient, n_patients)
        for k in range(probabilities.shape[1])
    ]
    influence = np.mean([c.positive + c.negative for c in each], axis=0)
    return Components(
        float(np.mean([c.value for c in each])),
        influence,
        np.zeros(n_patients),
        (_unbiased(len(np.unique(patient))), 0.0, 0.0),
    )


@dataclass(frozen=True)
class FoldedAuroc:
    """AUROC averaged over folds, then over repeats.

    Args:
        value: NaN where no fold holds both classes.
        variance: NaN where no fold has any spread.
        n_folds: Folds (over all repeats) that were averaged.
        n_left_out: Folds without both (all) classes.
        n_without_spread: Averaged folds whose own variance is 0 or unknown.
    """

    value: float
    variance: float
    n_folds: int
    n_left_out: int
    n_without_spread: int


def average_folds(folds: Mapping[tuple[int, int], Components]) -> FoldedAuroc:
    """Average AUROCs of (repeat, fold) over the folds, then over the repeats.

    Folds of one repeat hold different patients, so the variance of their mean is the sum of theirs
    over the square of their number. Repeats hold the same patients again: the mean of the repeats'
    variances does not shrink with their number. A fold without spread (perfect separation, or one
    patient in a class) takes the mean variance of the other folds, and never 0.
    """
    defined = {key: c for key, c in folds.items() if not np.isnan(c.value)}
    variances = {key: c.variance for key, c in defined.items()}
    known = [v for v in variances.values() if v > 0]
    typical = float(np.mean(known)) if known else NAN
    values: list[float] = []
    spreads: list[float] = []
    for repeat in dict.fromkeys(key[0] for key in defined):
        keys = [key for key in defined if key[0] == repeat]
        values.append(float(np.mean([defined[key].value for key in keys])))
        total = sum(variances[key] if variances[key] > 0 else typical for key in keys)
        spreads.append(total / len(keys) ** 2)
    return FoldedAuroc(
        value=float(np.mean(values)) if values else NAN,
        variance=float(np.mean(spreads)) if spreads else NAN,
        n_folds=len(defined),
        n_left_out=len(folds) - len(defined),
        n_without_spread=len(defined) - len(known),
    )


def auroc_interval(
    value: float, variance: float, *, n_smaller_class: int
) -> tuple[float, float, str]:
    """95 % interval of an AUROC and the name of its method.

    On the logit scale, which stays within 0 and 1. At an AUROC of 0 or 1, or where every score is
    equal, DeLong's variance is 0 and says nothing: each patient of the smaller class then counts as
    one trial of an exact binomial interval (Clopper & Pearson 1934), which is wide on purpose.

    Args:
        value: AUROC.
        variance: Of the AUROC; 0 or NaN where unknown.
        n_smaller_class: Patients of the smaller class.

    Source:
        Pepe, The Statistical Evaluation of Medical Tests, 2003, section 5.2 (logit transform).
    """
    if np.isnan(value):
        return NAN, NAN, "undefined: a class is absent"
    if variance > 0 and 0 < value < 1:
        logit = np.log(value / (1 - value))
        reach = Z_95 * np.sqrt(variance) / (value * (1 - value))
        low, high = 1 / (1 + np.exp(-(logit - reach))), 1 / (1 + np.exp(-(logit + reach)))
        return float(low), float(high), "logit-DeLong"
    low, high = exact_binomial(value, n_smaller_class)
    return low, high, f"exact binomial of the {n_smaller_class} patients of the smaller class"


def paired_auroc_interval(
    first: Components, second: Components, *, n_smaller_class: int
) -> tuple[float, float]:
    """95 % interval of the difference of two AUROCs of the same units.

    The intervals of both, which are not symmetric near 1, are joined by square-and-add with
    DeLong's correlation. Percentiles of the paired bootstrap, and the difference plus or minus 1.96
    standard errors, hold the truth too rarely or too often in small studies of good models; this
    one does not (docs/results/intervals.md). NaN where both arms rank all units alike.

    Args:
        first: Of the arm.
        second: Of the reference.
        n_smaller_class: Patients of the smaller class.

    Source:
        Zou & Donner, Stat Med 2008; 27: 1693-1702. Newcombe, Stat Med 1998; 17: 2635-2650.
    """
    one, two, both = first.variance, second.variance, first.minus(second).variance
    if np.isnan(first.value) or np.isnan(second.value) or not both > 0:
        return NAN, NAN
    low_1, high_1, _ = auroc_interval(first.value, one, n_smaller_class=n_smaller_class)
    low_2, high_2, _ = auroc_interval(second.value, two, n_smaller_class=n_smaller_class)
    correlation = 0.0  # unknown where an arm separates the classes
    if one > 0 and two > 0:
        correlation = float(np.clip((one + two - both) / (2 * np.sqrt(one * two)), -1.0, 1.0))

    def reach(a: float, b: float) -> float:
        return float(np.sqrt(max(0.0, a**2 + b**2 - 2 * correlation * a * b)))

    difference = first.value - second.value
    return (
        difference - reach(first.value - low_1, high_2 - second.value),
        difference + reach(high_1 - first.value, second.value - low_2),
    )


def exact_binomial(share: float, n: int) -> tuple[float, float]:
    """95 % interval of a share of `n` trials (Clopper & Pearson, Biometrika 1934; 26: 404-413)."""
    from scipy.special import betaincinv

    hits = share * n
    low = float(betaincinv(hits, n - hits + 1, 0.025)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, n - hits, 0.975)) if hits < n else 1.0
    return low, high


def delong_test(first: Components, second: Components) -> float:
    """Two-sided p-value of two AUROCs of the same units; NaN where their difference has no spread.

    Source:
        DeLong et al., Biometrics 1988; 44: 837-845; several units per patient, Obuchowski 1997.
    """
    from scipy.special import ndtr

    difference = first.minus(second)
    variance = difference.variance
    if not variance > 0:
        return NAN
    return float(2 * ndtr(-abs(difference.value) / np.sqrt(variance)))


def _share_below(values: Floats, reference: Floats) -> Floats:
    """Share of `reference` below each value, ties as one half."""
    ordered = np.sort(reference)
    ranks = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return ranks / (2.0 * len(reference))


def _unbiased(n: int) -> float:
    return n / (n - 1) if n > 1 else NAN
