import pytest

from tumorboard.transforms.note_chance import chance_of_texts


def test_the_probability_of_a_text_is_that_of_its_choices() -> None:
    """100 texts of two choices of ten: a text that two have follows 8 of 98 and then 1 of 10."""
    texts = [["lump", f"of{i % 10}", f"for{i // 10}"] for i in range(100)]
    texts[1] = list(texts[0])
    (q,) = chance_of_texts(texts, texts, [0])
    # "lump": all; "of0": 9 of the 98 others; "for0": none of these 9
    assert q == pytest.approx(10 / 99 * 1 / 10)


def test_texts_that_go_together_are_as_probable_as_their_kind() -> None:
    """Every second text is one of two kinds: its words are no independent choices."""
    normal = [f"n{k}" for k in range(30)]
    other = [f"o{k}" for k in range(30)]
    texts = [[*(normal if i % 2 else other), f"end{i}"] for i in range(40)]
    texts[3] = list(texts[1])
    (q,) = chance_of_texts(texts, texts, [1])
    assert q == pytest.approx(19 / 39 * 1 / 19, rel=0.05)
