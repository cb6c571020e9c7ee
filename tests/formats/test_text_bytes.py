"""Texts as padded bytes and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tumorboard.errors import InputError
from tumorboard.formats.text_bytes import to_bytes, to_texts

TEXTS = ["No metastasis.", "", "3 µm, Größe ≥ 2 cm\nκ 0.8 🩺"]


def test_texts_come_back_as_they_were_also_from_a_tensor_that_became_float() -> None:
    array = to_bytes(TEXTS)

    assert array.dtype == np.uint8
    assert array.shape == (3, max(len(text.encode()) for text in TEXTS))
    assert to_texts(array) == TEXTS
    assert to_texts(torch.from_numpy(array).float()) == TEXTS


def test_padding_to_a_wider_batch_changes_nothing() -> None:
    array = to_bytes(TEXTS)

    assert to_texts(np.pad(array, ((0, 0), (0, 7)))) == TEXTS


def test_no_text_and_empty_texts_have_an_array() -> None:
    assert to_bytes([]).shape == (0, 1)
    assert to_texts(to_bytes(["", ""])) == ["", ""]


def test_the_padding_character_inside_a_text_is_refused() -> None:
    with pytest.raises(InputError, match="NUL"):
        to_bytes(["left\0right"])
