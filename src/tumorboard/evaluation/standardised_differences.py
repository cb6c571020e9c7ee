"""How far two groups of patients differ: standardised differences, KS, and a classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tumorboard.evaluation.auroc import auroc_components, auroc_interval, average_folds
from tumorboard.formats.tables import parse_numbers
from tumorboard.records import Floats, Ints

Cells = Sequence[str | None]

NAN = float("nan")
#: Fewer patients than this in a cohort give no difference.
FEWEST = 10
#: Levels of a category that a classifier sees; rarer ones are one level.
MAX_LEVELS = 15
#: Beyond this a standardised difference is usually called imbalance (Austin 2009).
NOTEWORTHY = 0.1


def standardised_difference(a: Floats, b: Floats) -> float:
    """Difference of two means over the root of the mean of the two variances; NaN left out.

    Source:
        Austin, Stat Med 2009; 28: 3083-3107, equation 1.
    """
    a, b = a[~np.isnan(a)], b[~np.isnan(b)]
    if min(len(a), len(b)) < 2:
        return NAN
    return difference_of_moments(a.mean(), a.std(ddof=1), b.mean(), b.std(ddof=1))


def difference_of_moments(mean_a: float, sd_a: float, mean_b: float, sd_b: float) -> float:
    """The same from means and standard deviations; 0 where nothing differs, NaN without spread."""
    spread = float(np.sqrt((sd_a**2 + sd_b**2) / 2))
    if spread == 0:
        return 0.0 if mean_a == mean_b else NAN
    return float((mean_a - mean_b) / spread)


def difference_of_counts(a: Sequence[int], b: Sequence[int]) -> float:
    """Standardised difference of one category: a Mahalanobis distance of the levels' shares.

    Args:
        a: Patients of the first group per level.
        b: Patients of the second group, in the same order.

    Source:
        Yang & Dalton, SAS Global Forum 2012, paper 335: with two levels, Austin's of shares.
    """
    counts = np.asarray([a, b], dtype=np.float64)
    if counts.sum(axis=1).min() == 0:
        return NAN
    p, q = (counts / counts.sum(axis=1, keepdims=True))[:, 1:]
    covariance = (np.diag(p) - np.outer(p, p) + np.diag(q) - np.outer(q, q)) / 2
    apart = p - q
    if not apart.any():
        return 0.0
    solved = np.linalg.pinv(covariance, hermitian=True) @ apart
    if not np.allclose(covariance @ solved, apart, atol=1e-9):  # separated groups: no spread
        return NAN
    return float(np.sqrt(apart @ solved))


def cohort_differences(
    cohorts: Mapping[str, Mapping[str, Cells]], numeric: Sequence[str],
    categorical: Sequence[str], patient_id: Mapping[str, Sequence[str]],
    *, classify: bool = True, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Evidence `cohorts`: the first cohort beside each of the others, by patient.

    Each patient counts once, with the cells of the patient's first row.

    Layout: `cohorts`: name -> patients; `pairs`: `[{a, b, columns, classifier}]`, where `columns`
    are `{column, kind, difference, missing_a, missing_b, missing_difference, ks, ks_p, a, b}` (`a`
    and `b`: mean and sd, or level -> patients) and `classifier` is `{auroc, ci_low, ci_high,
    n_patients, method}` or None. Cohorts under 10 patients have no differences.

    Args:
        cohorts: Name -> column -> one cell per row; None where missing.
        numeric: Columns of numbers.
        categorical: Columns of categories.
        patient_id: Name -> patient of each row.
        classify: Whether a classifier tries to tell the cohorts apart.
        seed: Of its folds.

    Raises:
        InputError: A cell of a numeric column that is not a number.
    """
    groups = {
        name: _Group.of(name, columns, patient_id[name], numeric, categorical)
        for name, columns in cohorts.items()
    }
    first, *others = groups.values()
    return {
        "cohorts": {name: group.n for name, group in groups.items()},
        "pairs": [_pair(first, other, classify=classify, seed=seed) for other in others],
    }


@dataclass(frozen=True)
class _Group:
    """First rows of the patients of one cohort."""

    name: str
    n: int
    numbers: Mapping[str, Floats]
    labels: Mapping[str, Cells]

    @classmethod
    def of(
        cls, name: str, columns: Mapping[str, Cells], patients: Sequence[str],
        numeric: Sequence[str], categorical: Sequence[str],
    ) -> _Group:  # fmt: skip
        first: dict[str, int] = {}
        for row, patient in enumerate(patients):
            first.setdefault(patient, row)
        rows, ids = list(first.values()), list(first)
        numbers = {
            c: parse_numbers(
                [columns[c][r] for r in rows], column=c, lines=[r + 2 for r in rows],
                patient_ids=ids, table=Path(name),
            )
            for c in numeric if c in columns
        }  # fmt: skip
        labels = {c: [columns[c][r] for r in rows] for c in categorical if c in columns}
        return cls(name, len(rows), numbers, labels)


def _pair(a: _Group, b: _Group, *, classify: bool, seed: int) -> dict[str, Any]:
    enough = min(a.n, b.n) >= FEWEST
    columns: list[dict[str, Any]] = []
    for name in (n for n in a.numbers if n in b.numbers) if enough else ():
        columns.append(_numeric(name, a.numbers[name], b.numbers[name]))
    for name in (n for n in a.labels if n in b.labels) if enough else ():
        columns.append(_categorical(name, a.labels[name], b.labels[name]))
    classifier = classifier_auroc(a, b, seed=seed) if enough and classify and columns else None
    return {"a": a.name, "b": b.name, "columns": columns, "classifier": classifier}


def _numeric(name: str, a: Floats, b: Floats) -> dict[str, Any]:
    from scipy.stats import ks_2samp

    known_a, known_b = a[~np.isnan(a)], b[~np.isnan(b)]
    enough = min(len(known_a), len(known_b)) >= FEWEST
    ks: Any = ks_2samp(known_a, known_b, method="asymp") if enough else None
    return {
        "column": name,
        "kind": "numeric",
        "difference": standardised_difference(a, b) if enough else NAN,
        **_missing(np.isnan(a), np.isnan(b)),
        "ks": float(ks.statistic) if ks else NAN,
        "ks_p": float(ks.pvalue) if ks else NAN,
        "a": _moments(known_a),
        "b": _moments(known_b),
    }


def _moments(known: Floats) -> dict[str, float]:
    return {
        "mean": float(known.mean()) if len(known) else NAN,
        "sd": float(known.std(ddof=1)) if len(known) > 1 else NAN,
    }


def _categorical(name: str, a: Cells, b: Cells) -> dict[str, Any]:
    levels = sorted({x for x in (*a, *b) if x is not None})
    counts_a = {level: sum(x == level for x in a) for level in levels}
    counts_b = {level: sum(x == level for x in b) for level in levels}
    return {
        "column": name,
        "kind": "categorical",
        "difference": difference_of_counts(list(counts_a.values()), list(counts_b.values())),
        **_missing(np.asarray([x is None for x in a]), np.asarray([x is None for x in b])),
        "ks": NAN,
        "ks_p": NAN,
        "a": counts_a,
        "b": counts_b,
    }


def _missing(a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
    return {
        "missing_a": int(a.sum()),
        "missing_b": int(b.sum()),
        "missing_difference": difference_of_counts(
            [int((~a).sum()), int(a.sum())], [int((~b).sum()), int(b.sum())]
        ),
    }


def classifier_auroc(a: _Group, b: _Group, *, folds: int = 5, seed: int = 0) -> dict[str, Any]:
    """How well a classifier tells the cohort of an unseen patient: AUROC near 0.5 means alike.

    A random forest on the columns of both, in cross-validation by patient; medians, levels and
    trees are fitted within the fold, and AUROCs are averaged over folds.

    Source:
        Lopez-Paz & Oquab, ICLR 2017 (classifier two-sample tests).
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import StratifiedKFold

    is_b = np.repeat([False, True], [a.n, b.n])
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    parts = {}
    for number, (train, test) in enumerate(splitter.split(is_b, is_b), start=1):
        inputs = _features(a, b, train)
        forest = RandomForestClassifier(
            200, min_samples_leaf=5, class_weight="balanced", random_state=seed, n_jobs=1
        ).fit(inputs[train], is_b[train])
        score = np.asarray(forest.predict_proba(inputs[test]))[:, 1]
        parts[1, number] = auroc_components(is_b[test], score, test.astype(np.int64), len(is_b))
    folded = average_folds(parts)
    low, high, method = auroc_interval(folded.value, folded.variance, n_smaller_class=min(a.n, b.n))
    return {
        "auroc": folded.value,
        "ci_low": low,
        "ci_high": high,
        "n_patients": len(is_b),
        "method": f"random forest, {folds}-fold, {method}",
    }


def _features(a: _Group, b: _Group, train: Ints) -> Floats:
    """(patients, features): numbers with the training median, missing marks, levels as 0 and 1."""
    parts: list[Floats] = []
    for name in (n for n in a.numbers if n in b.numbers):
        values = np.concatenate([a.numbers[name], b.numbers[name]])
        known = values[train][~np.isnan(values[train])]
        middle = float(np.median(known)) if len(known) else 0.0
        parts += [np.where(np.isnan(values), middle, values), np.isnan(values).astype(np.float64)]
    for name in (n for n in a.labels if n in b.labels):
        cells = np.asarray([x or "" for x in (*a.labels[name], *b.labels[name])])
        levels, counts = np.unique(cells[train], return_counts=True)
        common = levels[np.argsort(-counts, kind="stable")][:MAX_LEVELS]
        parts += [(cells == level).astype(np.float64) for level in common]
    return np.column_stack(parts)
