import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tumorboard.evaluation.prediction_table import PredictionTable

sys.path.insert(0, str(Path(__file__).parent))


def _table(
    target, positive, *, arm: str = "a", repeat: int = 1, fold: int = 1, part: str = "test",
    prefix: str = "p", patient=None,
) -> PredictionTable:  # fmt: skip
    n = len(target)
    probability = np.asarray(positive, dtype=np.float64)
    if probability.ndim == 1:
        probability = np.stack([1 - probability, probability], axis=1)
    unit = np.asarray([f"{prefix}{i}" for i in range(n)])
    return PredictionTable(
        patient_id=unit if patient is None else np.asarray([f"{prefix}{i}" for i in patient]),
        unit_id=unit,
        arm=np.full(n, arm),
        repeat=np.full(n, repeat),
        fold=np.full(n, fold),
        part=np.full(n, part),
        modalities=np.full(n, "record"),
        outcome=np.asarray(target).astype(np.int64),
        outcome_name="Classification",
        classes=("benign", "malignant") if probability.shape[1] == 2 else ("x", "y", "z"),
        probabilities=probability,
    )


@pytest.fixture
def make_table() -> Callable[..., PredictionTable]:
    return _table
