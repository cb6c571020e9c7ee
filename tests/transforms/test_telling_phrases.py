import numpy as np
import pytest
from scipy.stats import fisher_exact
from sklearn.metrics import roc_auc_score

from tumorboard.transforms.telling_phrases import phrases_of, telling_phrase


def test_phrases_are_words_and_pairs_without_numbers() -> None:
    assert phrases_of("Ductal Carcinoma, 12 mm") == {
        "ductal", "carcinoma", "mm", "ductal carcinoma",
    }  # fmt: skip


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_phrase_that_tells_a_class(n_classes: int) -> None:
    rng = np.random.default_rng(0)
    target = np.arange(120) % n_classes
    says = (target == 1) & (rng.random(120) < 0.9)
    texts = [f"seen {rng.choice(['today', 'again'])} {'invasive' if s else ''}" for s in says]
    tokens = [frozenset(phrases_of(text)) for text in texts]
    found = telling_phrase(tokens, target, n_classes=n_classes, fewest=10)
    assert found is not None
    assert (found.phrase, found.label) == ("invasive", 1)
    assert found.auroc == pytest.approx(roc_auc_score(target == 1, says))
    counts = [[int((says & (target == 1)).sum()), int((says & (target != 1)).sum())]]
    counts.append(
        [int((target == 1).sum()) - counts[0][0], int((target != 1).sum()) - counts[0][1]]
    )
    exact = float(fisher_exact(counts).pvalue)  # type: ignore[union-attr]
    assert exact <= found.p_value <= 60 * exact


def test_a_phrase_of_few_patients_proves_nothing() -> None:
    tokens = [frozenset({"invasive"} if i < 5 else {"other"}) for i in range(40)]
    assert telling_phrase(tokens, np.arange(40) // 5 == 0, n_classes=2, fewest=10) is None
