import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tumorboard.training.batches import BatchRows, derive_seed, epoch_order, loss_weights


@given(n=st.integers(2, 60), size=st.integers(2, 17))
def test_every_row_once_and_no_batch_of_one(n: int, size: int) -> None:
    batches = list(BatchRows(np.arange(n), size))
    assert sorted(row for batch in batches for row in batch) == list(range(n))
    assert len(batches) == len(BatchRows(np.arange(n), size))
    assert min(map(len, batches)) > 1


def test_seeds_depend_on_every_part() -> None:
    seeds = {derive_seed(1, "fused", 1, 1, epoch) for epoch in range(100)}
    assert len(seeds) == 100
    assert derive_seed(1, "ab") != derive_seed("1a", "b")
    text = "\x1f".join(["7", "fused", "1", "2"]).encode()
    assert derive_seed(7, "fused", 1, 2) == int(hashlib.sha256(text).hexdigest()[:8], 16)


def test_weighted_sampler_balances_classes_and_patients() -> None:
    rows = np.arange(100)
    target = (rows < 10).astype(np.int64)
    weight = np.where(rows == 0, 4.0, 1.0)  # a patient of weight four times the others'
    drawn = np.concatenate(
        [epoch_order(rows, target=target, weight=weight, sampler="weighted", seed=s)
         for s in range(200)]
    )  # fmt: skip
    assert abs((drawn < 10).mean() - 0.5) < 0.02
    assert abs((drawn == 0).mean() - 0.5 * 4 / 13) < 0.02


def test_shuffle_shows_each_row_once() -> None:
    rows = np.asarray([3, 5, 9])
    order = epoch_order(
        rows, target=np.zeros(3, np.int64), weight=np.ones(3), sampler="shuffle", seed=1
    )
    assert sorted(order) == [3, 5, 9]


def test_rows_of_a_patient_share_its_weight() -> None:
    weight = loss_weights(("a", "a", "b", "c"), np.asarray([0, 1, 2]), n_rows=4)
    np.testing.assert_allclose(weight, [0.75, 0.75, 1.5, 0.0])
