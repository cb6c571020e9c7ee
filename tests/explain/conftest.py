"""Networks whose answer is the brightness of one quadrant of the image: the map is known."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image as Picture
from torch import nn

from tumorboard.cache import Cache
from tumorboard.explain import Asked
from tumorboard.models.assembly import Network
from tumorboard.records import Cohort
from tumorboard.training.fitted import FittedArm
from tumorboard.training.prepare import build_modality, build_task

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
sys.path.insert(0, str(Path(__file__).parent))

from small_study import make_study

SIDE, N = 32, 8
ARMS = {
    "image": {"modalities": ["image"]},
    "fused": {"modalities": ["image", "record"], "fusion": "concatenation"},
    "late": {"modalities": ["image", "record"], "fusion": "late_average"},
    "logistic": {"modalities": ["record"], "baseline": {"name": "logistic_regression"}},
    "record": {"modalities": ["record"]},
    "transformer": {
        "modalities": ["image"],
        "encoders": {"image": {"name": "vit", "patch_size": 8, "width": 12, "depth": 1}},
    },
}  # fmt: skip


def make_cohort(folder: Path) -> Cohort:
    """Eight patients; the image of the last is missing."""
    rng = np.random.default_rng(0)
    files: list[tuple[Path, ...]] = []
    for i in range(N):
        path = folder / f"{i}.png"
        Picture.fromarray(rng.integers(60, 200, (SIDE, SIDE)).astype(np.uint8)).save(path)
        files.append((path,) if i < N - 1 else ())
    ids = tuple(f"P{i}" for i in range(N))
    return Cohort(
        name="small",
        patient_id=ids,
        unit_id=ids,
        columns={
            "diagnosis": ("benign", "malignant") * (N // 2),
            "age": tuple(str(40 + i) for i in range(N)),
            "sex": ("f", "m") * (N // 2),
        },
        files={"image": tuple(files)},
        line=tuple(range(2, N + 2)),
        table=folder / "patients.csv",
        root=folder,
    )


def look_at_quadrant(network: Network) -> None:
    """Class 1 is the brightness of the upper left quadrant, by one channel through every block."""
    blocks = cast(Any, network.encoder("image")).blocks
    with torch.no_grad():
        for number, block in enumerate(blocks):
            convolution, norm = block[0], block[1]
            convolution.weight.zero_()
            convolution.weight[0, 0, 1, 1] = 1.0
            norm.reset_running_stats()
            nn.init.ones_(norm.weight)
            nn.init.zeros_(norm.bias)
            if number == len(blocks) - 1:
                # Channel 1 is the same without the weight of the head: it must not count.
                convolution.weight[1, 0, 1, 1] = 1.0
        head = cast(nn.Linear, network.heads[0])
        head.weight.zero_()
        head.weight[1, 0] = 10.0


class Quadrant(nn.Module):
    """Hides three quadrants behind the first convolution."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = torch.zeros_like(x)
        mask[..., : x.shape[-2] // 2, : x.shape[-1] // 2] = 1
        return x * mask


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., Asked]:
    """A question about an arm, `quadrant` with the known answer, else with random weights."""

    def build(arm: str, *, quadrant: bool = False, target: int = 1) -> Asked:
        torch.manual_seed(0)
        study = make_study(tmp_path, arms=ARMS)
        cohort = make_cohort(tmp_path)
        task = build_task(study.keys.task)
        outcomes = task.read(cohort)
        chosen = study.arms[arm]
        rows = np.arange(N)
        modalities = {name: build_modality(study.modalities[name]) for name in chosen.modalities}
        with Cache(tmp_path / "cache") as cache:
            measured = {n: m.read(cohort, name=n, cache=cache) for n, m in modalities.items()}
        weight = np.ones(N)
        specs = {n: m.fit(measured[n], rows, weight=weight) for n, m in modalities.items()}
        network = None
        if chosen.baseline is None:
            network = Network(
                specs, chosen.encoders, chosen.fusion, n_outputs=2, link="softmax"
            ).eval()
            if quadrant:
                look_at_quadrant(network)
                cast(Any, network.encoder("image")).blocks[0].insert(0, Quadrant())
        fitted = FittedArm(
            study=study,
            arm=chosen,
            modalities=modalities,
            specs=specs,
            task=task,
            classes=outcomes.classes,
            values=dict(outcomes.values),
            network=network,
            threshold=0.5,
        )
        return Asked(
            fitted=fitted,
            cohort=cohort,
            outcomes=outcomes,
            measured=measured,
            rows=rows,
            background=rows[:0],
            target=target,
            rng=np.random.default_rng(0),
        )

    return build
