"""End-to-end training throughput of ResNet-18 at 224x224, against a bare loop and MONAI's default.

Three loops over the same network, batch size and number of images, in one process, interleaved:

* `tumorboard`: fit_arm as a study runs it (cached 8-bit images, augmentation, Lightning, bfloat16
where
  the CPU has it, channels last), the seconds of its training epochs after the first;
* `bare`: forward, backward and optimiser step on tensors that are ready, at the same precision and
  memory format;
* `monai default`: the same bare loop in fp32 with contiguous tensors.

Command: python benchmarks/training_throughput.py [--images 192] [--rounds 3]
Prints one JSON line. Targets: tumorboard / bare at least 0.9; tumorboard / monai default at least
1.8.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from monai.networks.nets.resnet import resnet18
from PIL import Image

from tumorboard.cache import Cache
from tumorboard.records import Cohort, Split
from tumorboard.study import Study
from tumorboard.training.device import choose_precision
from tumorboard.training.fit import fit_arm
from tumorboard.training.prepare import Prepared, build_modality, build_task

BATCH = 16
SIZE = 224


def make(folder: Path, n: int) -> tuple[Study, Prepared, Split]:
    """A cohort of noise images with as many patients, a few of them for validation."""
    rng = np.random.default_rng(0)
    validation = 8
    ids = tuple(f"P{i}" for i in range(n + validation))
    files = []
    for patient in ids:
        path = folder / f"{patient}.png"
        Image.fromarray(rng.integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)).save(path)
        files.append((path,))
    study = Study.from_tables(
        {
            "study": {"name": "throughput"},
            "cohort": {"table": "patients.csv"},
            "task": {"target": "y", "positive": "1"},
            "modalities": {"image": {"kind": "image", "files": "{f}", "size": [SIZE, SIZE]}},
            "arms": {"image": {"modalities": ["image"]}},
            "training": {"epochs": 2, "batch_size": BATCH, "stop": {"patience": 0}},
        },
        path=folder / "study.toml",
    )
    labels = tuple(str(i % 2) for i in range(len(ids)))
    cohort = Cohort(
        "throughput", ids, ids, {"y": labels}, {"image": tuple(files)},
        tuple(range(2, len(ids) + 2)), folder / "patients.csv", folder,
    )  # fmt: skip
    outcomes = build_task(study.keys.task).read(cohort)
    with Cache(folder / "cache") as cache:
        table = study.modalities["image"]
        measured = {"image": build_modality(table).read(cohort, name="image", cache=cache)}
    parts = {p: "train" if i < n else "validation" for i, p in enumerate(ids)}
    prepared = Prepared(cohort, outcomes, measured, cohort, outcomes, measured, (), ())
    return study, prepared, Split(1, 1, parts)


def bare(n: int, *, bf16: bool, channels_last: bool) -> float:
    """Images per second of forward, backward and step on ready tensors."""
    torch.manual_seed(0)
    network = resnet18(
        spatial_dims=2, n_input_channels=3, num_classes=2, conv1_t_stride=2, shortcut_type="B",
        bias_downsample=False,
    )  # fmt: skip
    x = torch.rand(BATCH, 3, SIZE, SIZE)
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
    y = torch.arange(BATCH) % 2
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    steps = n // BATCH
    started = 0.0
    for step in range(steps + 2):
        if step == 2:
            started = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = torch.nn.functional.cross_entropy(network(x).float(), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return steps * BATCH / (time.perf_counter() - started)


def product(study: Study, prepared: Prepared, split: Split, folder: Path, n: int) -> float:
    """Images per second of one training epoch of a study, after a first one that warms up."""
    marks: list[float] = []
    epochs = 2
    fit_arm(
        study,
        prepared,
        split,
        study.arms["image"],
        checkpoint=folder / f"{time.monotonic_ns()}.ckpt",
        tell=lambda epoch, values: marks.append(time.perf_counter()),
    )
    return n * (epochs - 1) / (marks[-1] - marks[0])


def main() -> None:
    """Run the three loops in turn and print medians and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    bf16 = choose_precision("auto", "cpu", has_images=True) == "bf16-mixed"
    rates: dict[str, list[float]] = {"tumorboard": [], "bare": [], "monai_default": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        study, prepared, split = make(folder, arguments.images)
        for _ in range(arguments.rounds):
            rates["tumorboard"].append(product(study, prepared, split, folder, arguments.images))
            rates["bare"].append(bare(arguments.images, bf16=bf16, channels_last=True))
            rates["monai_default"].append(bare(arguments.images, bf16=False, channels_last=False))
    median = {name: statistics.median(values) for name, values in rates.items()}
    print(
        json.dumps(
            {
                "images_per_s": {name: round(value, 1) for name, value in median.items()},
                "over_bare": round(median["tumorboard"] / median["bare"], 3),
                "over_monai_default": round(median["tumorboard"] / median["monai_default"], 2),
                "precision": "bf16" if bf16 else "fp32",
                "cores": os.cpu_count(),
                "torch": version("torch"),
                "monai": version("monai"),
                "lightning": version("lightning"),
                "platform": platform.platform(),
            }
        )
    )


if __name__ == "__main__":
    main()
