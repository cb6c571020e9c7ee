"""Whether attributions follow from what was learned."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from tumorboard.models.assembly import Network
from tumorboard.prediction import table_randomisation
from tumorboard.prediction.table_randomisation import randomised_weights_check

KEYS = ("rank_correlation_random_head", "rank_correlation_random_network")
NETWORK = cast("Network", None)


@pytest.fixture(autouse=True)
def no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    def unchanged(network: Network, **_: object) -> Network:
        return network

    monkeypatch.setattr(table_randomisation, "randomised", unchanged)


def test_inputs_that_no_network_sees_are_no_agreement() -> None:
    """Most genes are in no set: their attributions are 0, whatever was learned."""
    rng = np.random.default_rng(0)
    values, other = np.zeros((40, 50)), np.zeros((40, 50))
    values[:, :5], other[:, :5] = rng.normal(size=(2, 40, 5))
    values[0, 6] = np.nan
    checks, remarks = randomised_weights_check(values, lambda _: other, NETWORK, seed=0)
    assert all(abs(checks[key]) < 0.2 for key in KEYS)
    assert remarks == ()


def test_attributions_that_stay_are_named() -> None:
    values = np.random.default_rng(0).normal(size=(20, 4))
    checks, remarks = randomised_weights_check(values, lambda _: -2 * values, NETWORK, seed=0)
    assert [checks[key] for key in KEYS] == pytest.approx([1.0, 1.0])
    assert len(remarks) == 2
    assert "Do not read them" in remarks[0]
