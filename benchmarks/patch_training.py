"""End-to-end training throughput on patches of histology, against bare loops over the same patches.

A simulated cohort in BreCaHAD's layout (`tumorboard simulate histology`), windows of 64 px around
its nuclei, batches of 64. One epoch is every training patch once and the validation patches of one
patient. Three loops with the same network, precision, memory format and optimiser, in one process,
by turns:

* `tumorboard`: fit_arm as a study runs it: patches cut from the slides for each batch, the default
  augmentation, Lightning; the seconds of its epochs after the first;
* `bare`: patches cut beforehand, in memory as bytes; the same augmentation, forward, backward,
  step;
* `ready`: forward, backward and step on one batch of floats that is ready: no augmentation at all.

Milliseconds of one batch's `arrays` (for each stain normalisation) and `finish` are beside them.

Command: python benchmarks/patch_training.py [--patients 5] [--rounds 3] [--encoders simple_cnn]
Prints one JSON line. Target: tumorboard / bare at least 0.9, by the least seconds of the rounds: by
the clock, and of processor time over all threads, which other work on the machine hardly moves.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tumorboard.cache import Cache
from tumorboard.modalities.patches import Patches
from tumorboard.records import Floats, Part, Split
from tumorboard.simulators.histology import Histology
from tumorboard.study import Study
from tumorboard.training.device import choose_precision
from tumorboard.training.fit import fit_arm, fit_modalities, new_network
from tumorboard.training.fitted import channels_last
from tumorboard.training.prepare import Prepared, build_task, prepare

BATCH = 64
ENCODERS: dict[str, dict[str, Any]] = {
    "simple_cnn": {"name": "simple_cnn"},
    "resnet18": {"name": "resnet", "depth": 18},
}

CLOCKS = ("clock", "processor")


@dataclass(frozen=True)
class Setting:
    """What every loop works on; the last patient validates, the others train."""

    study: Study
    prepared: Prepared
    split: Split
    folder: Path


def make(folder: Path, n_patients: int, cache: Cache) -> Setting:
    """A simulated cohort and a study of it with one arm per encoder."""
    out = folder / "cohort"
    out.mkdir()
    Histology().write(out, n_patients=n_patients, seed=0)
    patch = {"kind": "patches", "window_px": 64, "size": [64, 64]}
    tables = {
        "study": {"name": "throughput"},
        "cohort": {"source": "brecahad", "table": "patients.csv", "institution": "institution"},
        "task": {"target": "class", "unit": "annotation",
                 "classes": ["tumor", "non_tumor", "apoptosis", "mitosis"]},
        "modalities": {name: {**patch, "encoder": value} for name, value in ENCODERS.items()},
        "arms": {name: {"modalities": [name]} for name in ENCODERS},
        "training": {"epochs": 3, "batch_size": BATCH, "stop": {"patience": 0}},
    }  # fmt: skip
    study = Study.from_tables(tables, path=out / "study.toml")
    prepared = prepare(study, out, cache=cache)
    patients = sorted(set(prepared.cohort.patient_id))
    parts: dict[str, Part] = dict.fromkeys(patients[:-1], "train")
    parts[patients[-1]] = "validation"
    return Setting(study, prepared, Split(1, 1, parts), folder)


def now() -> Floats:
    """Seconds by the clock, and of processor time over all threads."""
    return np.array([time.perf_counter(), time.process_time()])


def product(setting: Setting, name: str) -> Floats:
    """Seconds of the fastest epoch of a study, after a first one that warms up."""
    marks: list[Floats] = []
    fit_arm(
        setting.study, setting.prepared, setting.split, setting.study.arms[name],
        checkpoint=setting.folder / f"{time.monotonic_ns()}.ckpt",
        tell=lambda epoch, values: marks.append(now()),
        checkpoint_every_s=1e9,
    )  # fmt: skip
    return np.diff(marks, axis=0).min(axis=0)


def bare(setting: Setting, name: str, *, augment: bool) -> Floats:
    """Seconds of the faster of two epochs of a plain loop, after two steps that warm up."""
    study, prepared = setting.study, setting.prepared
    arm = study.arms[name]
    modalities, specs = fit_modalities(study, prepared, setting.split, arm)
    modality = modalities[name]
    train = setting.split.rows(prepared.cohort, "train")
    validation = setting.split.rows(prepared.cohort, "validation")
    stored, held = (
        torch.from_numpy(modality.arrays(prepared.measured[name], rows))
        for rows in (train, validation)
    )
    target = torch.as_tensor(prepared.outcomes.target[train]).long()
    torch.manual_seed(0)
    link = build_task(study.keys.task).link
    network = new_network(arm, specs, len(prepared.outcomes.classes), link)
    channels_last(network, specs)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    is_bf16 = choose_precision("auto", "cpu", has_images=True) == "bf16-mixed"
    generator = torch.Generator().manual_seed(0)
    ready = modality.finish(stored[:BATCH], generator=None)
    ready = ready.to(memory_format=torch.channels_last)

    def forward(batch: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=is_bf16):
            return network({name: batch}, torch.ones(len(batch), 1, dtype=torch.bool)).logits

    def step(rows: torch.Tensor) -> None:
        batch = ready[: len(rows)]
        if augment:
            batch = modality.finish(stored[rows], generator=generator)
            batch = batch.to(memory_format=torch.channels_last)
        loss = torch.nn.functional.cross_entropy(forward(batch).float(), target[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for rows in torch.arange(2 * BATCH).split(BATCH):
        step(rows)
    marks = [now()]
    for _ in range(2):
        for rows in torch.randperm(len(stored)).split(BATCH):
            step(rows)
        with torch.no_grad():
            for part in held.split(BATCH):
                finished = modality.finish(part, generator=None) if augment else ready[: len(part)]
                forward(finished.to(memory_format=torch.channels_last))
        marks.append(now())
    return np.diff(marks, axis=0).min(axis=0)


def batches(setting: Setting, cache: Cache) -> dict[str, float]:
    """Least milliseconds of 30 that `arrays` and `finish` take for one batch."""
    cohort = setting.prepared.cohort
    rng = np.random.default_rng(0)
    rows = np.arange(cohort.n_rows)
    chosen = rng.choice(rows, BATCH, replace=False)
    generator = torch.Generator().manual_seed(0)
    found: dict[str, float] = {}
    for method in ("none", "macenko", "reinhard"):
        modality = Patches(stain_normalisation=method)
        measured = modality.read(cohort, name="simple_cnn", cache=cache)
        modality.fit(measured, rows, weight=np.ones(len(rows)))
        found[f"arrays, {method}"] = least_ms(partial(modality.arrays, measured, chosen))
    stored = torch.from_numpy(modality.arrays(measured, chosen))
    for name, drawn in (("finish, augmented", generator), ("finish", None)):
        found[name] = least_ms(partial(modality.finish, stored, generator=drawn))
    return found


def least_ms(work: Callable[[], object], n: int = 30) -> float:
    """Least milliseconds of n times: what the machine takes when it has nothing else to do."""
    seconds: list[float] = []
    for _ in range(n):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return round(1e3 * min(seconds), 2)


def main() -> None:
    """Run the loops by turns and print rates and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--patients", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--encoders", nargs="*", default=list(ENCODERS), choices=list(ENCODERS))
    arguments = parser.parse_args()
    result: dict[str, Any] = {"cores": os.cpu_count(), "threads": torch.get_num_threads()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Cache(folder / "cache") as cache:
            setting = make(folder, arguments.patients, cache)
            n = len(setting.split.rows(setting.prepared.cohort, "train"))
            result["patches"] = n
            result["ms_per_batch"] = batches(setting, cache)
            for encoder in arguments.encoders:
                rounds: list[tuple[Floats, Floats, Floats]] = []
                for _ in range(arguments.rounds):
                    rounds.append((
                        product(setting, encoder),
                        bare(setting, encoder, augment=True),
                        bare(setting, encoder, augment=False),
                    ))  # fmt: skip
                ours, plain, ready = np.min(rounds, axis=0)
                rates = zip(("tumorboard", "bare", "ready"), (ours, plain, ready), strict=True)
                result[encoder] = {
                    "patches_per_s": {key: round(n / value[0], 1) for key, value in rates},
                    "seconds": np.round(rounds, 2).tolist(),
                    "over_bare": dict(zip(CLOCKS, (plain / ours).round(3).tolist(), strict=True)),
                    "over_ready": dict(zip(CLOCKS, (ready / ours).round(3).tolist(), strict=True)),
                }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
