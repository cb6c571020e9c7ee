"""Numbers from worse inputs: paired falls with intervals."""

from __future__ import annotations

import numpy as np
import pytest

from tumorboard.evaluation.number_degradation import number_degradation_document
from tumorboard.evaluation.outcome_probes import OutcomeProbes, join_outcome_probes
from tumorboard.evaluation.outcome_table import OutcomeTable

N = 40
TRUTH = np.linspace(-1, 1, N)


def table_of(said: np.ndarray) -> OutcomeTable:
    """One arm on one split."""
    ids, ones = np.asarray([f"P{i}" for i in range(N)]), np.ones(N, np.int64)
    return OutcomeTable(
        patient_id=ids, unit_id=ids, arm=np.full(N, "net"), repeat=ones, fold=ones,
        part=np.full(N, "test"), modalities=np.full(N, "record"), outcome=TRUTH[:, None],
        outcome_names=("size",), predictions=said[:, None], prediction_names=("size",),
    )  # fmt: skip


def test_falls_are_those_of_the_units_that_every_strength_has() -> None:
    learned = np.ones(N, dtype=np.bool_)
    noise = 0.3 * np.resize([1.0, -1.0], N)
    parts = [OutcomeProbes.of(table_of(TRUTH), learned)]
    for strength in (0.5, 1.0):
        worse = OutcomeProbes.of(
            table_of(TRUTH + strength * noise), learned, probe="noise", strength=strength
        )
        parts.append(worse.take(np.arange(N - 4)) if strength == 1 else worse)
    hidden = OutcomeProbes.of(table_of(0 * TRUTH), learned, probe="missing_modality", strength=1.0)
    rng = np.random.default_rng(0)
    found = number_degradation_document(
        join_outcome_probes([*parts, hidden]), rng=rng, units={"noise": "SD"}
    )
    assert list(found["probes"]) == ["noise"]
    assert found["leading"] == "r2"
    assert found["probes"]["noise"]["unit"] == "SD"
    curve = found["probes"]["noise"]["arms"]["net"]
    assert curve["strengths"] == [0.0, 0.5, 1.0]
    assert curve["n_patients"] == N - 4
    kept = TRUTH[: N - 4]
    spread = np.square(kept - kept.mean()).sum()
    drop = [0.0, (N - 4) * 0.15**2 / spread, (N - 4) * 0.3**2 / spread]
    values = curve["metrics"]["r2"]
    assert values["value"][0] == 1.0
    assert values["drop"] == pytest.approx(drop)
    assert values["drop_low"][2] < drop[2] < values["drop_high"][2]
    # straight between the strengths: from drop[1] to drop[2]
    share = (0.05 - drop[1]) / (drop[2] - drop[1]) if drop[1] < 0.05 else 0.05 / drop[1] - 1
    assert values["falls_at"] == pytest.approx(0.5 + 0.5 * share)


def test_no_probe_of_strengths_no_curve() -> None:
    learned = np.ones(N, dtype=np.bool_)
    probes = OutcomeProbes.of(table_of(TRUTH), learned)
    found = number_degradation_document(probes, rng=np.random.default_rng(0))
    assert found["probes"] == {}
