import numpy as np
import pytest
from sklearn.decomposition import PCA

from tumorboard.transforms import coexpression
from tumorboard.transforms.coexpression import (
    Similarity,
    eigengenes,
    modules,
    neighbour_graph,
    shared_set_pairs,
    strongest_edges,
    topological_overlap,
)


def factors(n_patients: int = 60, per: int = 8, n: int = 3, seed: int = 0) -> np.ndarray:
    """Standardised genes of `n` modules, every third gene of a module turned upside down."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(n_patients, n)).repeat(per, axis=1)
    sign = np.where(np.arange(n * per) % 3 == 0, -1, 1)
    values = sign * factor + rng.normal(0, 0.4, factor.shape)
    return (values - values.mean(axis=0)) / values.std(axis=0)


@pytest.mark.parametrize("block", [5, 1024])
def test_neighbours_are_those_of_numpy(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coexpression, "_BLOCK", block)
    standard = np.random.default_rng(1).normal(size=(40, 23))
    standard = (standard - standard.mean(axis=0)) / standard.std(axis=0)
    graph = neighbour_graph(standard, neighbours=4)
    strength = np.abs(np.corrcoef(standard.T))
    np.fill_diagonal(strength, -1)
    expected = np.argsort(-strength, axis=1)[:, :4]
    np.testing.assert_array_equal(graph[1], np.repeat(np.arange(23), 4))
    np.testing.assert_array_equal(graph[0].reshape(23, 4), expected)


def test_few_genes_have_few_neighbours() -> None:
    standard = factors(per=1, n=3)
    assert neighbour_graph(standard, neighbours=10).shape == (2, 6)
    assert neighbour_graph(standard[:, :1], neighbours=10).shape == (2, 0)


def test_strongest_edges_by_hand() -> None:
    pairs = np.array([[0, 0, 1], [1, 2, 2]])
    graph = strongest_edges(pairs, np.array([3.0, 2.0, 1.0]), n_genes=4, neighbours=1)
    # to gene 0 from 1, to 1 from 0, to 2 from 0; gene 3 has none
    assert graph.tolist() == [[1, 0, 0], [0, 1, 2]]


def test_pairs_of_a_set_once_with_their_correlation() -> None:
    standard = factors()
    pairs, strength = shared_set_pairs(standard, [np.array([0, 1, 2]), np.array([2, 1])])
    assert pairs.T.tolist() == [[0, 1], [0, 2], [1, 2]]
    expected = np.abs(np.corrcoef(standard.T))[pairs[0], pairs[1]]
    np.testing.assert_allclose(strength, expected)


@pytest.mark.parametrize("similarity", ["correlation", "topological_overlap"])
def test_modules_are_found(similarity: Similarity) -> None:
    module = modules(factors(), n_modules=3, similarity=similarity, power=2.0)
    assert [len(set(part.tolist())) for part in np.split(module, 3)] == [1, 1, 1]
    assert set(module.tolist()) == {0, 1, 2}


def test_the_largest_module_comes_first() -> None:
    standard = np.concatenate([factors(per=3, n=1), factors(per=9, n=1, seed=5)], axis=1)
    assert modules(standard, n_modules=2).tolist() == [1] * 3 + [0] * 9


def test_topological_overlap_by_hand() -> None:
    adjacency = np.array([[1, 0.5, 0.2], [0.5, 1, 0.4], [0.2, 0.4, 1]])
    # genes 0 and 1 share gene 2: (0.2 * 0.4 + 0.5) / (min(0.7, 0.9) + 1 - 0.5)
    assert topological_overlap(adjacency)[0, 1] == pytest.approx(0.58 / 1.2)
    np.testing.assert_array_equal(np.diag(topological_overlap(adjacency)), 1)


def test_eigengenes_are_first_principal_components() -> None:
    standard = factors()
    module = np.repeat(np.arange(3), 8)
    weights = eigengenes(standard, module)
    scores = standard @ weights.T
    np.testing.assert_allclose(scores.std(axis=0), 1)
    for number in range(3):
        own = standard[:, module == number]
        first = PCA(1).fit_transform(own)[:, 0]
        assert abs(np.corrcoef(first, scores[:, number])[0, 1]) == pytest.approx(1)
        assert np.corrcoef(own.mean(axis=1), scores[:, number])[0, 1] > 0
        assert (weights[number, module != number] == 0).all()
