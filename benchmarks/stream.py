"""Latency of cases that arrive in a folder, against the command called anew for each of them.

An emergency session is emulated: simulated brain MRI (four sequences, a note and a record; the
segmenter is guided by the note) arrive as a Poisson process, each with its files first and its
table last, while `tumorboard predict --watch` runs with its model loaded. Then some of the same
cases are predicted by `tumorboard predict --cohort`, a new process each (a cold start). Either has
prepared-image folders of its own, so that no case was seen before. The model is fitted for one
epoch: it takes as long as a good one.

Latency is from the end of writing a case to its answer in place. That of the watch holds the
seconds (`--quiet-s`) for which a table must not change, and the wait for cases before it.

Command: python benchmarks/stream.py [--cases 20] [--cold 5] [--interval-s 3.0] [--size 96 108 84]
Prints one JSON line. Target: the work on a case at least 3 times faster than a cold start.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tumorboard.verbs.fit import fit
from tumorboard.verbs.simulate import simulate

PROGRAM = (sys.executable, "-c", "from tumorboard.cli import main; main()")
QUIET_S = 1.0


def deliver(cohort: Path, row: list[str], header: list[str], folder: Path) -> Path:
    """Copy the files of a case into a folder of its own, then write its table."""
    case = row[header.index("case")]
    for name in (f"mri/{case}", f"notes/{case}.txt"):
        target = folder / case / name
        target.parent.mkdir(parents=True, exist_ok=True)
        source = cohort / name
        shutil.copytree(source, target) if source.is_dir() else shutil.copyfile(source, target)
    table = folder / case / "case.csv"
    with table.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([header, row])
    return table


def watched(
    model: Path, cohort: Path, rows: list[list[str]], root: Path, interval_s: float
) -> list[dict[str, str]]:
    """Rows of latency.csv after every case arrived, one after the other, at random times."""
    header, *cases = rows
    folder, out = root / "in", root / "out"
    folder.mkdir()
    command = [*PROGRAM, "predict", str(model), "--watch", str(folder), "--out", str(out),
               "--quiet-s", str(QUIET_S), "--limit", str(len(cases))]  # fmt: skip
    environment = {**os.environ, "TUMORBOARD_CACHE": str(root / "cache-watch")}
    rng = np.random.default_rng(0)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        if process.stdout is None or "watching" not in process.stdout.readline():
            raise SystemExit("the watch did not begin")
        for row in cases:
            time.sleep(rng.exponential(interval_s))
            deliver(cohort, row, header, folder)
        process.communicate()
        if process.returncode:
            raise SystemExit(f"the watch ended with {process.returncode}")
    with (out / "latency.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def cold(model: Path, tables: list[Path], root: Path) -> list[float]:
    """Seconds of each call of the command."""
    seconds: list[float] = []
    environment = {**os.environ, "TUMORBOARD_CACHE": str(root / "cache-cold")}
    for n, table in enumerate(tables):
        command = [*PROGRAM, "predict", str(model), "--cohort", str(table),
                   "--out", str(root / "cold" / f"{n}.csv")]  # fmt: skip
        started = time.perf_counter()
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - started)
    return seconds


def main() -> None:
    """Emulate the session and measure both."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--cold", type=int, default=5)
    parser.add_argument("--interval-s", type=float, default=3.0)
    parser.add_argument("--size", type=int, nargs=3, default=[96, 108, 84])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        size = {"size": str(arguments.size)}
        study = simulate("brain_mri", patients=6, seed=1, out=root / "train", settings=size)
        few = ["training.epochs=1", "training.patches.per_case=1"]
        fit(study, out=root / "model", arm="dynamic", overrides=few)
        simulate("brain_mri", patients=arguments.cases, seed=2, out=root / "cohort", settings=size)
        with (root / "cohort" / "patients.csv").open(newline="", encoding="utf-8") as handle:
            rows = list(csv.reader(handle))[: arguments.cases + 1]
        latency = watched(root / "model", root / "cohort", rows, root, arguments.interval_s)
        tables = sorted((root / "in").glob("*/case.csv"))[: arguments.cold]
        starts = cold(root / "model", tables, root)
    total = np.asarray([float(row["total_s"]) for row in latency])
    work = total - np.asarray([float(row["waited_s"]) for row in latency])
    numbers = {
        "cases": len(latency), "interval_s": arguments.interval_s, "quiet_s": QUIET_S,
        "latency_p50_s": np.median(total), "latency_p95_s": np.percentile(total, 95),
        "work_p50_s": np.median(work), "work_p95_s": np.percentile(work, 95),
        "cases_per_minute": 60 * len(work) / work.sum(), "cold_p50_s": np.median(starts),
        "cold_to_work": np.median(starts) / np.median(work),
        "cold_to_latency": np.median(starts) / np.median(total),
    }  # fmt: skip
    rounded = {key: round(float(value), 3) for key, value in numbers.items()}
    print(json.dumps(rounded))


if __name__ == "__main__":
    main()
