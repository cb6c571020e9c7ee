"""How well one column alone tells the classes, without looking perfect by chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tumorboard.records import Floats, Ints

#: Parts of the cross-fit: each patient's score comes from the other four fifths.
FOLDS = 5
#: Patients that a category is thought to have had already, at the share of the whole cohort.
PRIOR_PATIENTS = 1.0
_SEED = 20


@dataclass(frozen=True)
class Separation:
    """How well a score tells the class it tells best from all others.

    Args:
        auroc: Area under the ROC curve of that class, never below 0.5 for a single score.
        macro: Mean over the classes of one against the rest; the same for two classes.
        label: Number of that class.
        p_value: Chance of an area as far from 0.5 without any relation (Mann-Whitney, two-sided).
        n_patients: Patients that the area was computed on.
        way: What tells: `order`, `range`, `category` or `missing`.
    """

    auroc: float
    macro: float
    label: int
    p_value: float
    n_patients: int
    way: str


def by_order(scores: Floats, target: Ints, *, n_classes: int, way: str = "order") -> Separation:
    """Area under the ROC curve of a number, in whichever direction it points; NaN is left out.

    Source:
        Mann & Whitney 1947; variance with ties: Lehmann, Nonparametrics (1975), section 1.4.
    """
    seen = np.isfinite(scores)
    fold = np.zeros(int(seen.sum()), dtype=np.int64)
    areas = [_area(scores[seen], target[seen] == k, fold) for k in _asked(n_classes)]
    folded = [(max(area, 1 - area), variance) for area, variance in areas]
    return _best(folded, len(fold), way)


def by_category(
    tokens: Sequence[frozenset[str]], target: Ints, *, n_classes: int, way: str = "category"
) -> Separation:
    """Area of what categories tell, each patient scored by the other patients' categories alone.

    A patient's score is the sum over their categories of the log odds of the class among the other
    nine tenths of the patients that have the category, so a category that only one patient has
    tells nothing, however many such categories there are.

    Args:
        tokens: Categories of each patient; a missing value is a category of its own.
        target: (patients,) class numbers.
        n_classes: Number of classes.
        way: What is told in `Separation.way`.
    """
    row, code = _codes(tokens)
    fold = _folds(target, n_classes)
    areas = [
        _area(_cross_fitted(row, code, fold, target == k), target == k, fold)
        for k in _asked(n_classes)
    ]
    return _best(areas, len(target), way)


def ranges(values: Floats, *, parts: int = 10) -> list[frozenset[str]]:
    """The tenth of all patients that each number lies in, as a category; NaN is one of its own."""
    seen = np.isfinite(values)
    if not seen.any():
        return [frozenset({"missing"})] * len(values)
    edges = np.unique(np.quantile(values[seen], np.linspace(0, 1, parts + 1)[1:-1]))
    numbers = np.searchsorted(edges, values, side="right")
    return [
        frozenset({str(n) if known else "missing"})
        for n, known in zip(numbers.tolist(), seen.tolist(), strict=True)
    ]


def _asked(n_classes: int) -> Sequence[int]:
    """Every class; of two the last, which is the positive one."""
    return range(n_classes) if n_classes > 2 else (1,)


def _codes(tokens: Sequence[frozenset[str]]) -> tuple[Ints, Ints]:
    """Every pair of a patient and one of the patient's categories."""
    known: dict[str, int] = {}
    rows: list[int] = []
    codes: list[int] = []
    for row, own in enumerate(tokens):
        for token in own:
            rows.append(row)
            codes.append(known.setdefault(token, len(known)))
    return np.asarray(rows, dtype=np.int64), np.asarray(codes, dtype=np.int64)


def _folds(target: Ints, n_classes: int) -> Ints:
    """Each class dealt out over the folds, the same for every column."""
    rng = np.random.default_rng(_SEED)
    fold = np.zeros(len(target), dtype=np.int64)
    for k in range(n_classes):
        own = rng.permutation(np.flatnonzero(target == k))
        fold[own] = np.arange(len(own)) % FOLDS
    return fold


def _cross_fitted(row: Ints, code: Ints, fold: Ints, is_class: np.ndarray) -> Floats:
    share = float(is_class.mean())
    n_codes = int(code.max()) + 1 if len(code) else 0
    cell = code * FOLDS + fold[row]
    shape = (n_codes, FOLDS)
    totals = np.bincount(cell, minlength=n_codes * FOLDS).reshape(shape)
    hits = np.bincount(cell, weights=is_class[row], minlength=n_codes * FOLDS).reshape(shape)
    n = totals.sum(1, keepdims=True) - totals
    h = hits.sum(1, keepdims=True) - hits
    rate = (h + PRIOR_PATIENTS * share) / (n + PRIOR_PATIENTS)
    odds = np.log(rate / (1 - rate)) - np.log(share / (1 - share)) if 0 < share < 1 else rate * 0
    # rounding keeps patients with the same categories tied
    sums = np.bincount(row, weights=odds.ravel()[cell], minlength=len(fold))
    return np.asarray(sums, dtype=np.float64).round(9)


def _area(scores: Floats, is_class: np.ndarray, fold: Ints) -> tuple[float, float]:
    """Area over pairs within a fold, and its variance by chance (van Elteren 1960)."""
    if not len(scores):
        return 0.5, 0.0
    _, place = np.unique(scores, return_inverse=True)
    cell, inverse, ties = np.unique(
        fold * (int(place.max()) + 1) + place, return_inverse=True, return_counts=True
    )
    fold_of_cell = cell // (int(place.max()) + 1)
    n_all = np.bincount(fold, minlength=FOLDS)
    before = np.cumsum(n_all) - n_all
    middle = np.asarray(np.cumsum(ties) - (ties - 1) / 2, dtype=np.float64)
    ranks = middle[inverse] - before[fold]
    n = np.bincount(fold[is_class], minlength=FOLDS)
    sums = np.bincount(fold[is_class], weights=ranks[is_class], minlength=FOLDS)
    pairs = (n * (n_all - n)).astype(np.float64)
    if not pairs.sum():
        return 0.5, 0.0
    lost = np.bincount(fold_of_cell, weights=ties.astype(np.float64) ** 3 - ties, minlength=FOLDS)
    spread = n_all + 1 - lost / np.maximum(n_all * (n_all - 1.0), 1.0)
    wins = (sums - n * (n + 1) / 2)[pairs > 0].sum()
    variance = (pairs * spread).sum() / 12 / pairs.sum() ** 2
    return float(wins / pairs.sum()), float(variance)


def _best(areas: Sequence[tuple[float, float]], n_patients: int, way: str) -> Separation:
    from scipy.special import ndtr

    best = int(np.argmax([area for area, _ in areas]))
    area, variance = areas[best]
    p_value = 2 * float(ndtr(-abs(area - 0.5) / variance**0.5)) if variance > 0 else 1.0
    return Separation(
        auroc=area,
        macro=float(np.mean([own for own, _ in areas])),
        label=best if len(areas) > 1 else 1,
        p_value=p_value,
        n_patients=n_patients,
        way=way,
    )
