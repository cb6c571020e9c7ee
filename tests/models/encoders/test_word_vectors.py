"""Word vectors: tokens and their pooling by hand, padding, unknown words, order."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tumorboard.errors import StudyError
from tumorboard.formats.text_bytes import to_bytes
from tumorboard.models.encoders.word_vectors import WordVectors
from tumorboard.records import ArraySpec

SPEC = ArraySpec("text", (0,), vocabulary=("mass", "no", "left", "3", "mm"))
NOTES = ["No mass: left.", "Mass of 3mm, mass, mass", "", "left 3"]


def encoder(**settings: Any) -> WordVectors:
    torch.manual_seed(0)
    return WordVectors(SPEC, size=8, **settings).eval()


def batch(texts: list[str]) -> torch.Tensor:
    return torch.from_numpy(to_bytes(texts))


def test_mean_and_attention_by_hand() -> None:
    made = encoder(pool="mean")
    rows = torch.tensor([3, 2, 4])  # no, mass, left: behind the filler and the unknown word
    vectors = made.norm(made.vectors.weight[rows])
    embedding, tokens = made.read(batch(["No mass: left."]))
    torch.testing.assert_close(embedding[0], vectors.mean(dim=0))
    torch.testing.assert_close(tokens.values[0], vectors)
    made = encoder(pool="attention")
    assert made.score is not None
    vectors = made.norm(made.vectors.weight[rows])
    shares = made.score(vectors).softmax(dim=0)
    torch.testing.assert_close(made(batch(["No mass: left."]))[0], (shares * vectors).sum(dim=0))


@pytest.mark.parametrize("pool", ["mean", "attention", "gru"])
@pytest.mark.parametrize("layers", [0, 1])
def test_a_longer_note_in_the_batch_changes_nothing(pool: str, layers: int) -> None:
    made = encoder(pool=pool, layers=layers)
    embedding, tokens = made.read(batch(NOTES))
    assert tokens.values.shape == (4, 6, 8)
    assert tokens.mask.sum(dim=1).tolist() == [3, 6, 1, 2]
    for row, note in enumerate(NOTES):
        alone, own = made.read(batch([note]))
        torch.testing.assert_close(alone[0], embedding[row], atol=1e-6, rtol=1e-5)
        n = own.values.shape[1]
        torch.testing.assert_close(own.values[0], tokens.values[row, :n], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(made(batch(NOTES[::-1])).flip(0), embedding)


def test_order_of_words_counts_where_something_reads_it() -> None:
    turned = batch(["left mass", "mass left"])
    for settings, same in (
        ({"pool": "mean"}, True), ({"pool": "gru"}, False), ({"layers": 1}, False)
    ):  # fmt: skip
        first, second = encoder(**settings)(turned)
        assert torch.allclose(first, second, atol=1e-6) is same


def test_unknown_words_are_one_word_and_learn() -> None:
    made = encoder()
    first, second = made(batch(["left tumour", "left nodule"]))
    assert torch.equal(first, second)
    assert not torch.equal(first, made(batch(["left"]))[0])
    made = encoder(forget=0.5).train()
    (made(batch(NOTES)) ** 3).sum().backward()
    gradient = made.vectors.weight.grad
    assert gradient is not None
    assert gradient[1].abs().sum() > 0
    assert gradient[0].abs().sum() == 0


def test_long_notes_are_cut_and_counted() -> None:
    made = encoder(max_words=2)
    assert made.left_out(NOTES) == (1, 4, 0, 0)
    torch.testing.assert_close(made(batch(NOTES[:1])), made(batch(["no mass"])))


def test_widths_that_cannot_be() -> None:
    with pytest.raises(StudyError, match="found 7 with 4 heads, expected an even multiple"):
        WordVectors(SPEC, size=7)
