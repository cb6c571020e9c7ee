"""How often 95 % intervals hold the truth, and prediction sets the true class, on simulated tables.

Run: `.venv/bin/python benchmarks/intervals.py`. Two arms score the same patients, one of each per
unit; scores are normal within each class (Hanley 1988), so that the true AUROCs are known: the
reference's is 0.05 lower, and the arms' scores correlate by 0.5 within a class. Prints Markdown.
"""

import argparse
import time

import numpy as np
from scipy.special import expit, ndtri

from tumorboard.evaluation.bootstrap import bootstrap, percentile_interval
from tumorboard.evaluation.comparison import compare_arms
from tumorboard.evaluation.conformal import fit_conformal
from tumorboard.evaluation.estimates import Counts, leading_estimate
from tumorboard.evaluation.prediction_table import PredictionTable, concatenate
from tumorboard.evaluation.statistic import ArmStatistic, ScoredUnits

SIZES = (60, 200, 1_000)
AUROCS = (0.70, 0.85, 0.95)
LOWER = 0.05
PREVALENCE = 0.4
CORRELATION = 0.5
COVERAGE = 0.90


def draw(rng, n, aurocs):
    """Class of every patient, and the score of each arm: (arms, n)."""
    target = (rng.permutation(n) < round(PREVALENCE * n)).astype(np.int64)
    shared = rng.normal(size=n) * np.sqrt(CORRELATION)
    own = rng.normal(size=(len(aurocs), n)) * np.sqrt(1 - CORRELATION)
    distance = np.sqrt(2) * ndtri(np.asarray(aurocs))
    return target, shared + own + distance[:, None] * target


def table_of(arm, target, score):
    """A prediction table of one split; the scores become probabilities of the same order."""
    n = len(target)
    ids = np.char.mod("%05d", np.arange(n))
    p = expit(score - score.mean())
    return PredictionTable(
        patient_id=ids, unit_id=ids, arm=np.full(n, arm), repeat=np.ones(n, dtype=np.int64),
        fold=np.ones(n, dtype=np.int64), part=np.full(n, "test"), modalities=np.full(n, "m"),
        outcome=target, outcome_name="outcome", classes=("no", "yes"),
        probabilities=np.column_stack([1 - p, p]),
    )  # fmt: skip


def one_table(rng, n, auroc, n_bootstrap):
    """Whether each interval of one simulated table holds its truth."""
    target, scores = draw(rng, n, (auroc, auroc - LOWER))
    tables = [table_of(arm, target, s) for arm, s in zip(("a", "b"), scores, strict=True)]
    units = [ScoredUnits.of(table, {}) for table in tables]
    statistics = [ArmStatistic(side, ("auroc",)) for side in units]
    values = bootstrap(
        lambda weights: np.hstack([s(weights) for s in statistics]),
        n_patients=n, n_replicates=n_bootstrap, rng=rng,
    )  # fmt: skip
    point = float(statistics[0](np.ones((1, n)))[0, 0])
    alone = leading_estimate("auroc", point, Counts(units[0]))
    paired = compare_arms(
        concatenate(tables), "a", "b", "auroc", thresholds={}, n_bootstrap=n_bootstrap, rng=rng
    )
    intervals = {
        "AUROC": (alone.ci_low, alone.ci_high, auroc),
        "AUROC, bootstrap": (*percentile_interval(values[:, 0])[:2], auroc),
        "difference": (paired.ci_low, paired.ci_high, LOWER),
        "difference, bootstrap": (*percentile_interval(values[:, 0] - values[:, 1])[:2], LOWER),
    }
    return {name: low <= truth <= high for name, (low, high, truth) in intervals.items()}


def prediction_sets(rng, n, auroc, n_tables):
    """Coverage of sets whose quantiles come from `n` patients, on 1,000 others of each table."""
    held = {"all": [], "class": []}
    for _ in range(n_tables):
        target, scores = draw(rng, n + 1_000, (auroc,))
        p = expit(scores[0] - scores[0].mean())
        both = np.column_stack([1 - p, p])
        order = rng.permutation(len(target))  # fitted and new patients are drawn alike
        fitted, new = order[:n], order[n:]
        for by, found in held.items():
            rule, _ = fit_conformal(
                target[fitted], both[fitted], coverage=COVERAGE, by=by, patient=fitted
            )
            found.append(rule.sets(both[new])[np.arange(1_000), target[new]].mean())
    return {by: float(np.mean(found)) for by, found in held.items()}


def main():
    """Simulate, count, print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--tables", type=int, default=1_000)
    arguments.add_argument("--bootstrap", type=int, default=1_000)
    arguments.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    asked = arguments.parse_args()
    start = time.perf_counter()
    lines = []
    for n in asked.sizes:
        for auroc in AUROCS:
            rng = np.random.default_rng([n, round(100 * auroc)])
            rows = [one_table(rng, n, auroc, asked.bootstrap) for _ in range(asked.tables)]
            cells = [f"{100 * np.mean([r[name] for r in rows]):.1f}" for name in rows[0]]
            sets = prediction_sets(rng, n, auroc, asked.tables)
            cells += [f"{100 * share:.1f}" for share in sets.values()]
            names = [*rows[0], *(f"sets by {by}" for by in sets)]
            lines.append(f"| {n} | {auroc:.2f} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    print(f"| patients | AUROC | {' | '.join(names)} |")
    print(f"{asked.tables} tables each, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
