"""Notes of the simulated brains, and places that have to find out which of two lesions they mean.

A note names the tumour's side and lobe and mostly what lies elsewhere, in either order and in
varied words; the images say nothing here. Words one by one do not tell which place is whose.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812 torch's own name for it

from tumorboard.formats.text_bytes import to_bytes
from tumorboard.formats.words import words
from tumorboard.models.encoders.word_vectors import WordVectors
from tumorboard.models.fusion.dynamic_attention import DynamicAttention
from tumorboard.models.guides import Context, MapShape
from tumorboard.records import ArraySpec
from tumorboard.transforms.brain_atlas import LOBES, SIDES
from tumorboard.transforms.brain_lesions import HETEROGENEITY
from tumorboard.transforms.brain_notes import DECOYS, TREATMENTS, Subject, text_of, write_note

PLACES = [(side, lobe) for side in SIDES for lobe in LOBES]


def make_notes(n: int, seed: int) -> tuple[list[str], torch.Tensor]:
    """Notes, and (n, 2) number of the place of tumour and decoy."""
    rng = np.random.default_rng(seed)
    texts, where = [], []
    for _ in range(n):
        tumour, decoy = rng.choice(len(PLACES), 2, replace=False).tolist()
        looks_like = DECOYS[HETEROGENEITY[int(rng.integers(len(HETEROGENEITY)))]]
        subject = Subject(
            age_years=int(rng.integers(20, 90)), is_male=bool(rng.integers(2)),
            tumour=PLACES[tumour], decoy=PLACES[decoy],
            decoy_is=looks_like[int(rng.integers(len(looks_like)))],
            treatment=list(TREATMENTS)[int(rng.integers(len(TREATMENTS)))],
            diameter_mm=float(rng.uniform(28, 60)), is_silent=False,
            tells_decoy=bool(rng.random() < 0.7),
        )  # fmt: skip
        texts.append(text_of(write_note(subject, rng)))
        where.append((tumour, decoy))
    return texts, torch.tensor(where)


class Reader(torch.nn.Module):
    """A map that is the same everywhere, what its places hear of a note, and a logit of each."""

    def __init__(self, vocabulary: tuple[str, ...]) -> None:
        super().__init__()
        spec = ArraySpec("text", (1,), vocabulary=vocabulary)
        self.note = WordVectors(spec, pool="gru", size=64)
        settings = {"size": 64, "heads": 4, "dropout": "auto", "maps": 1}
        self.guide = DynamicAttention.guide(("note",), (64,), MapShape((8,), 2, 2, 1), **settings)
        self.last = torch.nn.Conv2d(8, 1, 1)

    def forward(self, texts: list[str], where: torch.Tensor) -> torch.Tensor:
        """(B, 2) logits of the tumour's and the decoy's place."""
        n = len(texts)
        vectors, tokens = self.note.read(torch.from_numpy(to_bytes(texts)))
        present = torch.ones(n, 1, dtype=torch.bool)
        places = torch.tensor([-1.0, 1.0]).expand(n, 2, 2)
        flat = torch.ones(n, 8, len(SIDES), len(LOBES))
        (heard,) = self.guide.maps([flat], Context((vectors,), (tokens,), present, places))
        return self.last(heard).flatten(1).gather(1, where)


def test_places_learn_which_lesion_the_note_calls_the_tumour() -> None:
    texts, where = make_notes(2000, seed=1)
    torch.manual_seed(0)
    reader = Reader(tuple(sorted({word for text in texts for word in words(text)})))
    optimiser = torch.optim.Adam(reader.parameters(), lr=2e-3)
    for _ in range(300):
        rows = torch.randint(len(texts), (16,))
        found = reader([texts[row] for row in rows.tolist()], where[rows])
        is_tumour = torch.tensor([1.0, 0.0]).expand_as(found)
        loss = F.binary_cross_entropy_with_logits(found, is_tumour)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.inference_mode():
        found = reader.eval()(*make_notes(200, seed=2))
    assert float((found[:, 0] > found[:, 1]).float().mean()) > 0.9
