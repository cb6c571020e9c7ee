import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tumorboard.transforms import near_duplicates
from tumorboard.transforms.near_duplicates import ORIENTATIONS, find_matches, is_blank, turned


def pictures(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 128 + 300 * gaussian_filter(rng.standard_normal((n, 64, 64)), (0, 1.5, 1.5))


@pytest.mark.parametrize("turn", range(8))
def test_each_orientation_is_named_by_what_turns_the_second_into_the_first(turn: int) -> None:
    made = pictures(30)
    made[29] = next(
        candidate
        for candidate in (turned(made[4], back) for back in range(8))
        if np.array_equal(turned(candidate, turn), made[4])
    )
    (match,) = find_matches(made, np.arange(30))
    assert (match.first, match.second) == (4, 29)
    assert match.orientation == ORIENTATIONS[turn]
    assert match.correlation == pytest.approx(1, abs=1e-5)
    assert match.agreement == 1


def test_orientations_are_what_they_are_called() -> None:
    corner = np.zeros((4, 4))
    corner[0, 0], corner[0, 1] = 1, 2
    assert np.array_equal(turned(corner, 4), corner[:, ::-1])
    assert np.array_equal(turned(corner, 6), corner[::-1])
    assert np.array_equal(turned(corner, 2), corner[::-1, ::-1])
    assert len({turned(corner, k).tobytes() for k in range(8)}) == 8


def test_hashing_finds_what_comparing_every_pair_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    made = pictures(300)
    for k in range(40):
        made[260 + k] = turned(made[k] + rng.normal(0, 6, (64, 64)), k % 8)
    exact = find_matches(made, np.arange(300))
    assert [(m.first, m.second) for m in exact] == [(k, 260 + k) for k in range(40)]
    monkeypatch.setattr(near_duplicates, "_EVERY_PAIR", 0)
    hashed = find_matches(made, np.arange(300))
    assert {frozenset((m.first, m.second)) for m in hashed} == {
        frozenset((m.first, m.second)) for m in exact
    }


def test_a_flood_of_one_picture_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """400 copies are 79,800 pairs; a bucket is compared with 64 neighbours only."""
    monkeypatch.setattr(near_duplicates, "_EVERY_PAIR", 0)
    monkeypatch.setattr(near_duplicates, "_BUCKET_NEIGHBOURS", 4)
    made = np.concatenate([pictures(50), np.repeat(pictures(1, 9), 100, axis=0)])
    matches = find_matches(made, np.arange(150))
    copies = {number for match in matches for number in (match.first, match.second)}
    assert copies == set(range(50, 150))
    assert len(matches) < 99 * 100 / 2


def test_blank_pictures_are_left_out() -> None:
    blank = np.full((2, 64, 64), 7.0)
    assert is_blank(blank).all()
    assert not is_blank(pictures(2)).any()
    assert find_matches(blank, np.arange(2)) == []
    assert find_matches(np.empty((0, 64, 64)), np.arange(0)) == []
