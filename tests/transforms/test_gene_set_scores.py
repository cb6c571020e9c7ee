import numpy as np

from tumorboard.transforms.gene_set_scores import mean_scores, members, rank_scores


def walked(values: np.ndarray, inside: set[int]) -> float:
    """The running sum of Barbie et al., gene by gene."""
    order = sorted(range(len(values)), key=lambda gene: -values[gene])
    n = len(order)
    weights = {gene: (n - place) ** 0.25 for place, gene in enumerate(order)}
    total = sum(weights[gene] for gene in inside)
    hit = miss = score = 0.0
    for gene in order:
        if gene in inside:
            hit += weights[gene] / total
        else:
            miss += 1 / (n - len(inside))
        score += hit - miss
    return score / n


def test_rank_scores_equal_the_walk_down_the_list() -> None:
    values = np.random.default_rng(0).normal(size=(5, 40))
    groups = {"a": np.array([1, 5, 7]), "b": np.arange(20)}
    found = rank_scores(values, groups)
    expected = [[walked(row, {1, 5, 7}), walked(row, set(range(20)))] for row in values]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_rank_scores_see_the_order_alone() -> None:
    values = np.random.default_rng(1).normal(size=(3, 30))
    groups = {"a": np.array([0, 4, 9])}
    np.testing.assert_allclose(rank_scores(np.exp(values), groups), rank_scores(values, groups))


def test_mean_scores_by_hand() -> None:
    standard = np.array([[1.0, 3.0, 8.0], [np.nan, 2.0, 0.0], [np.nan, np.nan, 1.0]])
    found = mean_scores(standard, {"a": np.array([0, 1]), "b": np.array([2])})
    np.testing.assert_array_equal(found, [[2, 8], [2, 0], [np.nan, 1]])


def test_no_one_gene_is_the_whole_score() -> None:
    standard = np.array([[400.0, 1.0, -2.0], [-400.0, np.inf, 0.0]])
    found = mean_scores(standard, {"a": np.array([0, 1, 2])})
    np.testing.assert_array_equal(found, [[3.0], [-5.0]])


def test_members_of_sets_with_enough_genes() -> None:
    sets = {"big": ("C", "A", "X"), "small": ("B", "X", "Y")}
    found = members(sets, ["A", "B", "C"], least=2)
    assert {name: own.tolist() for name, own in found.items()} == {"big": [0, 2]}
