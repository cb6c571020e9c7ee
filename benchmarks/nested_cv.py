"""Nested cross-validation of record + RNA end to end; what a graph of genes costs beside an MLP.

The 130 patients of `studies/nsclc_stage.toml` and its arm `fused` alone (MLP encoders, at most 60
epochs with early stopping): five outer folds, twenty trials on five inner folds in each, 505 fits,
then everything that `tumorboard evaluate` does: audit, scores, evidence, figures, page. The seconds
of the fits alone are those of the run's log.

Beside it one fit of the arms `graph` (attention over co-expressed genes) and `mlp` of
`studies/nsclc_stage_graph.toml`, by turns, on the same inner fold and for the same number of epochs
(no early stopping), by the least of the rounds; with it what that study's whole search would take
if no fit stopped early.

Command: python benchmarks/nested_cv.py --data DIR [--rounds 3] [--only search|graph]
DIR holds the folder nsclc-radiogenomics. Prints one JSON line. Target: the whole in under 900 s on
two cores. Processor time is beside the clock: other work on the machine hardly moves it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import datetime
from pathlib import Path

import numpy as np

from tumorboard.cache import Cache
from tumorboard.records import Floats
from tumorboard.study import Study
from tumorboard.study_keys import Tuning
from tumorboard.training.fit import fit_arm
from tumorboard.training.prepare import prepare
from tumorboard.training.tuning import inner_splits
from tumorboard.verbs.evaluate import evaluate
from tumorboard.verbs.study_splits import split_study

STUDIES = Path(__file__).parent.parent / "studies"
#: Epochs of the fits that are compared.
EPOCHS = 10


def now() -> Floats:
    """Seconds by the clock, and of processor time over all threads."""
    return np.array([time.perf_counter(), time.process_time()])


def fused_alone(folder: Path) -> Path:
    """The study of the stage with its fused arm alone."""
    lines = (STUDIES / "nsclc_stage.toml").read_text(encoding="utf-8").splitlines()
    start = lines.index("[arms]") + 1
    end = start + lines[start:].index("")
    kept = [line for line in lines[start:end] if line.startswith("fused ")]
    rest = [line for line in lines[end:] if not line.startswith("primary ")]
    path = folder / "nsclc_stage_fused.toml"
    path.write_text("\n".join([*lines[:start], *kept, *rest]) + "\n", encoding="utf-8")
    return path


def search(folder: Path, data: Path) -> dict[str, float]:
    """Seconds of the whole study, of its fits, and how many fits there were."""
    path = fused_alone(folder)
    keys = Study.load(path).keys
    tuning = keys.tuning
    if not isinstance(tuning, Tuning):
        raise SystemExit("studies/nsclc_stage.toml searches no settings any more")
    started = now()
    run = evaluate(path, out=folder / "run", data=data)
    clock, processor = now() - started
    stamps: dict[str, list[datetime]] = {"fit started": [], "fit finished": []}
    for line in (run.folder / "log.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        stamps.get(entry["event"], []).append(datetime.fromisoformat(entry["time"]))
    fits = max(stamps["fit finished"]) - min(stamps["fit started"])
    return {
        "n_fits": keys.evaluation.folds * (tuning.trials * tuning.folds + 1),
        "clock_s": round(clock, 1),
        "processor_s": round(processor, 1),
        "fits_clock_s": fits.total_seconds(),
    }


def graph(folder: Path, data: Path, rounds: int) -> dict[str, float]:
    """Seconds of one epoch with a graph of genes and with an MLP, and of the whole search."""
    study = Study.load(
        STUDIES / "nsclc_stage_graph.toml",
        overrides=[f"training.epochs={EPOCHS}", "training.stop.patience=0"],
    )
    whole = Study.load(STUDIES / "nsclc_stage_graph.toml").keys
    tuning = whole.tuning
    if not isinstance(tuning, Tuning):
        raise SystemExit("studies/nsclc_stage_graph.toml searches no settings any more")
    with Cache(folder / "cache") as cache:
        prepared = prepare(study, data, cache=cache)
    outer = split_study(study, prepared)[0]
    split = inner_splits(study, prepared, outer, tuning.folds)[0]
    taken = {"graph": np.full(2, np.inf), "mlp": np.full(2, np.inf)}
    for number in range(rounds):
        for name in taken:
            started = now()
            checkpoint = folder / f"{name}-{number}.ckpt"
            fit_arm(
                study, prepared, split, study.arms[name], checkpoint=checkpoint,
                checkpoint_every_s=1e9,
            )  # fmt: skip
            taken[name] = np.minimum(taken[name], now() - started)
    per_fit = {name: taken[name] * whole.training.epochs / EPOCHS for name in taken}
    n_fits = whole.evaluation.folds * (tuning.trials * max(tuning.folds, 1) + 1)
    return {
        "graph_fit_s": round(per_fit["graph"][0], 2),
        "mlp_fit_s": round(per_fit["mlp"][0], 2),
        "clock_ratio": round(per_fit["graph"][0] / per_fit["mlp"][0], 1),
        "processor_ratio": round(per_fit["graph"][1] / per_fit["mlp"][1], 1),
        "n_fits_of_an_arm": n_fits,
        # graph and fused hold the graph; mlp and record cost what the MLP costs
        "search_of_four_arms_s": round(2 * n_fits * (per_fit["graph"] + per_fit["mlp"])[0]),
        "search_of_four_arms_processor_s": round(
            2 * n_fits * (per_fit["graph"] + per_fit["mlp"])[1]
        ),
    }


def main() -> None:
    """Run what is asked for and print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["search", "graph"], default="")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found: dict[str, object] = {}
        if asked.only != "graph":
            found["search"] = search(folder, asked.data)
        if asked.only != "search":
            found["graph"] = graph(folder, asked.data, asked.rounds)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
