import numpy as np
import pytest

from tumorboard.transforms.further_matches import further_matches

N = 120


def codes(values: np.ndarray) -> np.ndarray:
    return np.unique(values, return_inverse=True)[1]


def made(seed: int) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """Age, sex and size as predictors; a date, a site and a weight beside them."""
    rng = np.random.default_rng(seed)
    predictors = [rng.integers(40, 75, N), rng.integers(0, 2, N), rng.integers(5, 40, N)]
    further = {
        "visit": rng.integers(0, 900, N),
        "site": rng.integers(0, 3, N),
        "weight": rng.integers(45, 110, N),
    }
    return predictors, further


def find(predictors: list[np.ndarray], further: dict[str, np.ndarray]) -> list[tuple[int, int]]:
    found = further_matches(
        [codes(c) for c in predictors],
        {name: codes(c) for name, c in further.items()},
        np.arange(N),
        below=0.001,
    )
    return [(match.first, match.second) for match in found]


def copy(columns: list[np.ndarray], pairs: list[tuple[int, int]]) -> None:
    for column in columns:
        for source, to in pairs:
            column[to] = column[source]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("pairs", [[(3, 50)], [(i, i + 60) for i in range(8)]])
def test_rows_of_one_person(seed: int, pairs: list[tuple[int, int]]) -> None:
    predictors, further = made(seed)
    copy([*predictors, *further.values()], pairs)
    assert find(predictors, further) == pairs


def test_a_column_that_differs_costs_but_does_not_hide() -> None:
    predictors, further = made(0)
    further["lump"] = np.random.default_rng(5).integers(0, 4000, N) // 2
    copy([*predictors, *further.values()], [(3, 50)])
    further["site"][50] = (further["site"][3] + 1) % 3
    assert find(predictors, further) == [(3, 50)]


@pytest.mark.parametrize("seed", range(5))
def test_columns_that_follow_from_others_are_no_evidence(seed: int) -> None:
    """Two patients of one age, sex and size by chance share whatever is computed from these."""
    predictors, _ = made(seed)
    copy(predictors, [(3, 50)])
    age, sex, size = predictors
    further = {
        "born": 2020 - age, "score": age * 3 + size * 7, "ratio": size * 1000 // age,
        "group": age // 5, "risk": np.exp(age / 20 + sex / 2 + size / 10).round(3),
    }  # fmt: skip
    assert find(predictors, further) == []


@pytest.mark.parametrize("seed", range(20))
def test_different_people_are_clean(seed: int) -> None:
    predictors, further = made(seed)
    assert find(predictors[:2], further) == []
    assert find([], further | {"second": further["visit"] + 3}) == []
