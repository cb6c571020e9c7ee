"""Word occlusion: equal to taking words out by hand; only words that the answer hangs on count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from test_notes_in_training import encoder_table, prepared_in

from tumorboard.explain import Asked
from tumorboard.explain.word_occlusion import WordOcclusion
from tumorboard.formats.text_bytes import to_bytes
from tumorboard.models import kept_embeddings
from tumorboard.training.fit import fit_arm


def ask(tmp_path: Path, kind: str, arm: str = "fused") -> Asked:
    study, prepared, split = prepared_in(tmp_path, encoder_table(kind, tmp_path))
    fitted = fit_arm(study, prepared, split, study.arms[arm], checkpoint=tmp_path / "c").fitted
    return Asked(
        fitted=fitted, cohort=prepared.cohort, outcomes=prepared.outcomes,
        measured=prepared.measured, rows=np.array([0, 1, 2, 3]),
        background=np.empty(0, dtype=np.int64), target=1, rng=np.random.default_rng(0),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUMORBOARD_CACHE", str(tmp_path / "cache"))
    kept_embeddings.MEMORY.clear()


def test_as_by_hand_and_the_side_moves_most(tmp_path: Path) -> None:
    asked = ask(tmp_path, "word_vectors")
    found = WordOcclusion().explain(asked).attributions
    assert found is not None
    assert not found.is_complete
    values = {word: found.values[:, k] for k, word in enumerate(found.features)}
    assert set(values) == {"mass", "of", "3", "mm", "in", "the", "left", "right", "lobe", "no"}
    assert set(found.modalities) == {"note"}
    assert np.isnan(found.values[0]).all()  # no note
    assert np.isnan(values["right"][1])
    for word in ("mass", "of", "3", "mm", "in", "the", "lobe"):
        assert abs(values[word][1]) < abs(values["left"][1])
    assert values["left"][1] > 0
    assert values["right"][2] < 0
    inputs, present = asked.fitted.batch(asked.measured, np.array([1]), torch.device("cpu"))
    network = asked.fitted.network
    assert network is not None
    with torch.no_grad():
        for text, expected in (
            ("Mass of 3 mm in the  lobe. No mass.", found.output[1] - values["left"][1]),
            ("Mass of 3 mm in the left lobe. No mass.", found.output[1]),
            ("", found.base[1]),
        ):
            given = {**inputs, "note": torch.from_numpy(to_bytes([text]))}
            first, second = network(given, present).logits[0]
            assert float(second - first) == pytest.approx(expected, abs=1e-5)
    k = found.features.index("mass")
    assert found.shown[1][k] == "2 times"


def test_changed_notes_are_not_kept_on_disk(tmp_path: Path) -> None:
    asked = ask(tmp_path, "frozen")
    before = len(list((tmp_path / "cache").rglob("*.npy")))
    explained = WordOcclusion(most_sentences=1, most_words=4).explain(asked).attributions
    assert explained is not None
    n_words = np.isfinite(explained.values).sum(axis=1)
    assert n_words[0] == 0
    assert set(n_words[1:]) <= {2, 4}  # "No mass.", or the first four words of the first sentence
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == before
    fitted = asked.fitted
    assert WordOcclusion().refuses(fitted) == ""
    fitted.specs.pop("note")
    assert WordOcclusion().refuses(fitted) == "fused reads no text."
    fitted.network = None
    assert "no network" in WordOcclusion().refuses(fitted)
