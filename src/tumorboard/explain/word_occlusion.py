"""Word occlusion: what happens to the answer when a word is taken out of the note."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from tumorboard.explain import Asked, Attributions, Explainer, Explanation
from tumorboard.formats.messages import counted
from tumorboard.formats.text_bytes import to_bytes, to_texts
from tumorboard.formats.words import word_places
from tumorboard.models.feature_maps import log_odds
from tumorboard.models.kept_embeddings import kept_in_memory
from tumorboard.models.setting_types import Count
from tumorboard.prediction.activation_maps import device_of
from tumorboard.records import Floats
from tumorboard.training.fitted import FittedArm
from tumorboard.transforms.sentence_context import sentences

#: Word -> how far the log odds fall without it, and how often it stands in the sentences looked at.
_Words = dict[str, tuple[float, int]]


class WordOcclusion(Explainer):
    """Word occlusion: how far the answer's log odds fall when a word is taken out of the note.

    Works with every encoder of text. First each sentence is taken out; then, in the sentences that
    moved the answer most, each word, wherever in them it stands. Only words are shown, never a
    sentence, and only of notes as the model reads them: cleaned and de-identified.

    Args:
        most_sentences: Sentences whose words are looked at.
        most_words: Different words that are looked at in each note, the first ones.
        at_once: Changed notes that the network sees at a time.

    Source:
        Li, Monroe & Jurafsky, Understanding Neural Networks through Representation Erasure,
        arXiv:1612.08220.
    """

    question = "Which words of the note moved the answer?"

    def __init__(
        self, *, most_sentences: Count = 3, most_words: Count = 60, at_once: Count = 32
    ) -> None:
        self.most_sentences, self.most_words, self.at_once = most_sentences, most_words, at_once

    def refuses(self, fitted: FittedArm) -> str:
        """Baselines and arms without a text."""
        if fitted.network is None:
            return f"{fitted.arm.name} has no network that answers for a patient."
        if not _texts_of(fitted):
            return f"{fitted.arm.name} reads no text."
        return ""

    def explain(self, asked: Asked) -> Explanation:
        """Attributions of the words of every row that has a note."""
        network = asked.fitted.network
        if network is None:
            raise ValueError(f"{asked.fitted.arm.name} has no network; ask `refuses` first")
        network.eval()
        found: list[dict[tuple[str, str], tuple[float, int]]] = []
        base, output = np.zeros(len(asked.rows)), np.zeros(len(asked.rows))
        with kept_in_memory(network), torch.inference_mode():
            for i in range(len(asked.rows)):
                row = _Row(asked, i, self.at_once)
                output[i] = row.output
                base[i] = row.without_any_text()
                found.append(
                    {
                        (name, word): value
                        for name in row.texts
                        for word, value in self._words(row, name).items()
                    }
                )
        return Explanation(
            _attributions(found, base, output),
            remarks=(
                "Each word is taken out alone: words that say the same stand in for each other, "
                "and the falls do not add up. Explained before calibration.",
            ),
        )

    def _words(self, row: _Row, name: str) -> _Words:
        """What each word of a row's note moved."""
        text = row.texts[name]
        spans = sentences(text)
        falls = row.falls(name, [text[:a] + " " + text[b:] for a, b in spans])
        chosen = [spans[k] for k in np.argsort(-np.abs(falls), kind="stable")][
            : self.most_sentences
        ]
        places: dict[str, list[tuple[int, int]]] = {}
        for a, b in sorted(chosen):
            for word, start, end in word_places(text[a:b]):
                places.setdefault(word, []).append((a + start, a + end))
        some = dict(list(places.items())[: self.most_words])
        falls = row.falls(name, [_without(text, own) for own in some.values()])
        return {
            word: (float(fall), len(own))
            for (word, own), fall in zip(some.items(), falls, strict=True)
        }


class _Row:
    """One row as the network sees it, with other texts in place of its own."""

    def __init__(self, asked: Asked, i: int, at_once: int) -> None:
        fitted, network = asked.fitted, asked.fitted.network
        if network is None:
            raise ValueError("no network")
        self._network, self._target, self._at_once = network, asked.target, at_once
        self._inputs, self._present = fitted.batch(
            asked.measured, asked.rows[i : i + 1], device_of(network)
        )
        columns = list(fitted.specs)
        self.texts = {
            name: to_texts(self._inputs[name])[0]
            for name in _texts_of(fitted)
            if bool(self._present[0, columns.index(name)])
        }
        self.output = float(self._odds(self._inputs, 1)[0])

    def falls(self, name: str, changed: Sequence[str]) -> Floats:
        """(n,) how far the log odds fall with each of these texts."""
        parts: list[Floats] = [np.empty(0)]
        for start in range(0, len(changed), self._at_once):
            some = changed[start : start + self._at_once]
            parts.append(self._odds({**self._repeated(len(some)), name: _bytes(some)}, len(some)))
        return self.output - np.concatenate(parts)

    def without_any_text(self) -> float:
        """Log odds with empty notes."""
        empty = {name: _bytes([""]) for name in self.texts}
        return float(self._odds({**self._inputs, **empty}, 1)[0])

    def _repeated(self, n: int) -> dict[str, torch.Tensor]:
        return {name: x.expand(n, *x.shape[1:]) for name, x in self._inputs.items()}

    def _odds(self, inputs: dict[str, torch.Tensor], n: int) -> Floats:
        device = self._present.device
        given = {name: x.to(device) for name, x in inputs.items()}
        logits = self._network(given, self._present.expand(n, -1)).logits.float()
        return log_odds(logits, self._target).double().cpu().numpy()


def _attributions(
    found: Sequence[dict[tuple[str, str], tuple[float, int]]], base: Floats, output: Floats
) -> Attributions:
    """Words of all rows as columns; NaN where a row was not asked about the word."""
    columns = list(dict.fromkeys(key for row in found for key in row))
    values = np.full((len(found), len(columns)), np.nan)
    shown = [[""] * len(columns) for _ in found]
    number = {key: k for k, key in enumerate(columns)}
    for i, row in enumerate(found):
        for key, (fall, n) in row.items():
            values[i, number[key]] = fall
            shown[i][number[key]] = counted(n, "time")
    return Attributions(
        modalities=tuple(name for name, _ in columns),
        features=tuple(word for _, word in columns),
        shown=tuple(tuple(row) for row in shown),
        values=values,
        base=base,
        output=output,
        scale="logit",
        is_complete=False,
    )


def _texts_of(fitted: FittedArm) -> tuple[str, ...]:
    """The arm's modalities of text, in its order."""
    return tuple(name for name, spec in fitted.specs.items() if spec.layout == "text")


def _without(text: str, places: Sequence[tuple[int, int]]) -> str:
    for start, end in sorted(places, reverse=True):
        text = text[:start] + text[end:]
    return text


def _bytes(texts: Sequence[str]) -> torch.Tensor:
    return torch.from_numpy(to_bytes(texts))
