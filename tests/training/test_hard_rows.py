import numpy as np

from tumorboard.training.batches import epoch_order
from tumorboard.training.hard_rows import HardRows

ROWS = np.arange(6)
TARGET = np.asarray([0, 0, 0, 0, 1, 1])
EVEN = np.ones(6)


def test_nothing_is_hard_before_it_was_seen() -> None:
    assert HardRows(6).weigh(ROWS, TARGET, EVEN).tolist() == [1.0] * 6


def test_a_row_weighs_its_loss_over_the_mean_of_its_class() -> None:
    hard = HardRows(6)
    hard.see(np.asarray([0, 1, 2, 4, 5]), np.asarray([1.0, 2.0, 3.0, 10.0, 10.0]))
    assert hard.weigh(ROWS, TARGET, EVEN).tolist() == [0.5, 1.0, 1.5, 1.0, 1.0, 1.0]


def test_the_newest_loss_counts_half() -> None:
    hard = HardRows(6)
    hard.see(np.asarray([0, 0]), np.asarray([4.0, 0.0]))
    assert hard.to_plain()[0] == 2.0


def test_a_mislabelled_row_does_not_take_over() -> None:
    hard = HardRows(20)
    rows = np.arange(20)
    hard.see(rows, np.where(rows == 7, 1e6, 1e-3))
    weights = hard.weigh(rows, np.zeros(20, dtype=np.int64), np.ones(20))
    assert weights[7] == 5.0
    assert set(np.delete(weights, 7)) == {0.2}


def test_a_checkpoint_goes_on_where_it_stopped() -> None:
    hard, again = HardRows(6), HardRows(6)
    hard.see(np.asarray([3, 5]), np.asarray([0.3, 0.7]))
    again.restore(hard.to_plain())
    np.testing.assert_array_equal(hard.weigh(ROWS, TARGET, EVEN), again.weigh(ROWS, TARGET, EVEN))


def test_hard_rows_are_drawn_more_often_and_classes_as_often_as_each_other() -> None:
    hard = HardRows(6)
    hard.see(np.asarray([0, 1, 2, 3]), np.asarray([3.0, 1.0, 1.0, 1.0]))
    weight = hard.weigh(ROWS, TARGET, EVEN)
    drawn = np.concatenate(
        [
            epoch_order(ROWS, target=TARGET, weight=weight, sampler="hard", seed=seed)
            for seed in range(2000)
        ]
    )
    share = np.bincount(drawn, minlength=6) / len(drawn)
    expected = [0.25, 1 / 12, 1 / 12, 1 / 12, 0.25, 0.25]
    np.testing.assert_allclose(share, expected, atol=0.01)
