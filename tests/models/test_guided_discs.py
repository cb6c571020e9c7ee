"""Two identical discs, and a note that says which one is the tumour: what each fusion makes of it.

From the image alone either disc is as likely: marking both gives a Dice of 2/3, one of them 1/2 on
average. Half of the images are mirrored, so that only the coordinates tell left from right.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 torch's own name for it

from tumorboard import registry
from tumorboard.models.segmentation_network import SegmentationNetwork
from tumorboard.records import ArraySpec

SIDE = 24
SPECS = {"note": ArraySpec("vector", (2,)), "mri": ArraySpec("image", (1, SIDE, SIDE))}
ENCODERS: dict[str, dict[str, Any]] = {
    "note": {"name": "identity"},
    "mri": {"name": "unet", "widths": [6, 12, 12]},
}
GUIDES = [n for n in registry.names("models.fusion") if registry.load("models.fusion", n).guides]


def make_cases(n: int, seed: int) -> tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor]:
    """Images and notes, places and masks of n cases."""
    generator = torch.Generator().manual_seed(seed)
    line = torch.arange(SIDE) + 0.5
    discs = []
    radius = 2.5 + torch.rand(n, 1, 1, generator=generator)
    for left in (0, SIDE // 2):
        x = left + 4 + 4 * torch.rand(n, 1, 1, generator=generator)
        y = 4 + 16 * torch.rand(n, 1, 1, generator=generator)
        discs.append((line[:, None] - y) ** 2 + (line - x) ** 2 < radius**2)
    image = (discs[0] | discs[1]).float() + 0.1 * torch.randn(n, SIDE, SIDE, generator=generator)
    is_left = torch.rand(n, generator=generator) < 0.5
    mask = torch.where(is_left.view(-1, 1, 1), discs[0], discs[1]).float()
    places = torch.tensor([-1.0, 1.0]).repeat(n, 2, 1)
    half = n // 2
    image[:half], mask[:half] = image[:half].flip(2), mask[:half].flip(2)
    places[:half, 1] = places[:half, 1].flip(1)
    note = F.one_hot(is_left.long(), 2).float()
    return {"mri": image.unsqueeze(1), "note": note}, places, mask.unsqueeze(1)


def dice(network: SegmentationNetwork, inputs: Any, places: Any, mask: Any) -> float:
    network.eval()
    with torch.inference_mode():
        found = network(inputs, torch.ones(len(mask), len(network.names)).bool(), places).logits[0]
    found = (found > 0).float()
    both = (found * mask).flatten(1).sum(dim=1)
    return float((2 * both / (found + mask).flatten(1).sum(dim=1)).mean())


def fit(fusion: str, *, steps: int = 60, **settings: Any) -> SegmentationNetwork:
    torch.manual_seed(4)
    specs = SPECS if fusion != "none" else {"mri": SPECS["mri"]}
    table = {"name": fusion, **settings} if fusion != "none" else None
    network = SegmentationNetwork(specs, "mri", ENCODERS, table, n_outputs=1, n_dims=2).train()
    inputs, places, mask = make_cases(192, seed=1)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    generator = torch.Generator().manual_seed(0)
    for step in range(steps):
        rows = torch.randperm(len(mask), generator=generator)[:16]
        batch = {name: inputs[name][rows] for name in specs}
        present = torch.ones(len(rows), len(specs)).bool()
        logits = network(batch, present, places[rows]).logits[0]
        for group in optimiser.param_groups:
            group["lr"] = 0.01 * (1 - step / steps)
        p = logits.sigmoid()
        both = (p * mask[rows]).flatten(1).sum(dim=1)
        overlap = (2 * both + 1) / ((p + mask[rows]).flatten(1).sum(dim=1) + 1)
        loss = F.binary_cross_entropy_with_logits(logits, mask[rows]) + 1 - overlap.mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network


def test_image_alone_cannot_know() -> None:
    assert 0.4 < dice(fit("none"), *make_cases(64, seed=2)) < 0.7


def test_scale_and_shift_without_places_cannot_know_either() -> None:
    """FiLM as published says the same of every place: "left" means nothing to it."""
    network = fit("film", steps=30, places=False)
    assert dice(network, *make_cases(64, seed=2)) < 0.7


@pytest.mark.parametrize("name", GUIDES)
def test_a_truthful_note_helps_and_a_wrong_one_harms(name: str) -> None:
    network = fit(name)
    inputs, places, mask = make_cases(64, seed=2)
    truthful = dice(network, inputs, places, mask)
    contradicting = dice(network, {**inputs, "note": 1 - inputs["note"]}, places, mask)
    assert truthful > 0.85
    assert contradicting < 0.2
