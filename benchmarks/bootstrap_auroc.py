"""Bootstrap of AUROC: one vectorised pass against a loop over scikit-learn, on the same resamples.

Run: `.venv/bin/python benchmarks/bootstrap_auroc.py`. Both sides do the whole job from the same
seed: drawing the patients, then one AUROC per resample. Prints one line of JSON.
"""

import json
import os
import platform
import time

import numpy as np
import sklearn
from sklearn.metrics import roc_auc_score

from tumorboard.evaluation.bootstrap import bootstrap
from tumorboard.evaluation.ranking import Ranking

N_PATIENTS = 2_000
N_REPLICATES = 2_000
ROUNDS = 5


def vectorised(is_positive, score):
    """Every replicate at once, as the program does it."""
    ranking = Ranking(is_positive, score)
    return bootstrap(
        ranking.auroc,
        n_patients=N_PATIENTS,
        n_replicates=N_REPLICATES,
        rng=np.random.default_rng(1),
    )


def loop(is_positive, score):
    """One call of scikit-learn per replicate."""
    rng = np.random.default_rng(1)
    values = np.empty(N_REPLICATES)
    for i in range(N_REPLICATES):
        rows = rng.integers(N_PATIENTS, size=N_PATIENTS)
        values[i] = roc_auc_score(is_positive[rows], score[rows])
    return values


def timed(function, *arguments):
    """The result of a call and its seconds."""
    start = time.perf_counter()
    values = function(*arguments)
    return values, time.perf_counter() - start


def main():
    """Measure both, check that the values are equal, print the ratio."""
    rng = np.random.default_rng(0)
    is_positive = rng.random(N_PATIENTS) < 0.4
    score = rng.normal(size=N_PATIENTS) + is_positive
    vectorised(is_positive, score)  # the first call pays for importing and page faults
    rounds = [timed(vectorised, is_positive, score) for _ in range(ROUNDS)]
    expected, loop_s = timed(loop, is_positive, score)
    largest = float(np.abs(rounds[0][0] - expected).max())
    assert largest < 1e-12, f"values differ by {largest}"
    seconds = float(np.median([s for _, s in rounds]))
    result = {
        "benchmark": "bootstrap_auroc",
        "n_patients": N_PATIENTS,
        "n_replicates": N_REPLICATES,
        "vectorised_s": round(seconds, 4),
        "scikit_learn_loop_s": round(loop_s, 3),
        "ratio": round(loop_s / seconds, 1),
        "largest_difference": largest,
        "precision": "float64",
        "cores": os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS", "default"),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit_learn": sklearn.__version__,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
