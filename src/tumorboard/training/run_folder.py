"""A run folder: one owner at a time, resumed by the same study, refused for a changed one."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import platform
import shutil
import tomllib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tumorboard.cache import write_text
from tumorboard.errors import RunError, StudyError
from tumorboard.study import Study

#: Raise when a run folder of an older version can no longer be resumed or opened.
RUN_FORMAT = 3

_PACKAGES = (
    "tumorboard", "torch", "monai", "lightning", "numpy", "polars", "scikit-learn", "scipy",
    "xgboost-cpu", "optuna", "pydantic", "pillow", "pydicom", "tifffile", "matplotlib",
    "safetensors",
)  # fmt: skip
LOCK = ".lock"
#: Everything that a run folder may hold.
RUN_NAMES = frozenset(
    {
        "study.toml", "environment.json", "manifest.csv", "cohort.json", "audit.json", "splits.csv",
        "table1.json", "predictions.csv", "metrics.json", "comparison.json", "figures",
        "report.html", "models", "log.jsonl", "probes.csv", "masks", "evidence", "explanations",
        "locked_test.csv", "external.csv", "MODEL_CARD.md", "checklists.docx",
        "checklists.csv", "applied-model-card.json", "split_by_unit",
    }
)  # fmt: skip
#: Tables of the study that may change between two starts of the same run.
_FREE = ("runtime", "report")


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Own a run folder; a second process on the same folder is refused.

    Raises:
        RunError: The folder cannot be written, or another process owns it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / LOCK).open("w", encoding="utf-8")
    except OSError as error:
        raise RunError(
            f"{folder}: cannot write here ({error.strerror}). Choose another --out."
        ) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(
                f"{folder}: another process is writing this run. Wait for it, or choose another "
                "--out."
            ) from None
        handle.write(str(os.getpid()))
        handle.flush()
        try:
            yield
        finally:
            # while it is still held: nobody can own a lock file that is no longer there
            (folder / LOCK).unlink(missing_ok=True)


def begin(folder: Path, study: Study, *, fresh: bool, precision: str, device: str) -> bool:
    """Take up an earlier run of the same study, or begin a new one.

    Args:
        folder: The run folder.
        study: The resolved study.
        fresh: Remove what an earlier, changed study left here; nothing else is ever removed.
        precision: Precision that networks are trained in.
        device: Device that networks are trained on.

    Returns:
        True where an earlier run is resumed.

    Raises:
        StudyError: The folder holds a run of a changed study, or is no run folder at all.
    """
    known, environment = folder / "study.toml", folder / "environment.json"
    names = {path.name for path in folder.iterdir()} - {LOCK}
    if names and not (known.is_file() and environment.is_file() and names <= RUN_NAMES):
        stranger = sorted(names - RUN_NAMES or names)[0]
        raise StudyError(
            f"{folder}: not empty and not a run folder (holds {stranger!r}). Choose another --out."
        )
    if fresh:
        for name in names:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    elif names:
        _same_study(folder, study, json.loads(environment.read_text("utf-8")), precision)
    write_environment(folder, study, device=device, precision=precision)
    write_text(known, study.to_toml())
    return bool(names) and not fresh


def _same_study(folder: Path, study: Study, environment: Mapping[str, Any], precision: str) -> None:
    earlier = tomllib.loads((folder / "study.toml").read_text(encoding="utf-8"))
    found = sorted(_differences(_fixed(earlier), _fixed(tomllib.loads(study.to_toml()))))
    # every arm carries the study's training: what differs there only because of it says nothing
    changed = [key for key in found if _of_an_arm(key) not in found]
    remedy = "Use --fresh to replace it, or another --out."
    if changed:
        raise StudyError(
            f"{folder}: holds a run of a changed study ({', '.join(changed[:6])} differ). {remedy}"
        )
    if environment.get("run_format") != RUN_FORMAT:
        raise StudyError(
            f"{folder}: written in run format {environment.get('run_format')!r}, this version "
            f"writes {RUN_FORMAT}. {remedy}"
        )
    if environment.get("precision") != precision:
        raise StudyError(
            f"{folder}: its fits were trained in precision {environment.get('precision')!r}, this "
            f"start would train in {precision!r}. Set runtime.precision to the former. {remedy}"
        )


def _fixed(tables: Mapping[str, Any]) -> dict[str, Any]:
    return {name: table for name, table in tables.items() if name not in _FREE}


def _of_an_arm(key: str) -> str:
    """`training.epochs` of `arms.fused.training.epochs`; "none" for other keys."""
    parts = key.split(".")
    return ".".join(parts[2:]) if parts[0] == "arms" and len(parts) > 3 else "none"


def _differences(a: Any, b: Any, path: str = "") -> list[str]:
    if isinstance(a, dict) and isinstance(b, dict):
        keys = sorted({*a, *b})
        return [d for key in keys for d in _differences(a.get(key), b.get(key), f"{path}.{key}")]
    return [] if a == b else [path.removeprefix(".")]


def same_data(folder: Path, manifest: str) -> None:
    """Refuse to resume a run whose input files changed.

    Files that nothing reads do not count: a log or another run beside the data changes no result.

    Raises:
        StudyError: A used or rejected file of manifest.csv differs from the earlier start.
    """
    path = folder / "manifest.csv"
    if not path.is_file():
        return
    earlier, now = (_read_lines(text) for text in (path.read_text(encoding="utf-8"), manifest))
    if earlier != now:
        new = sorted(set(now) ^ set(earlier))
        name = new[0].split(",", 1)[0] if new else "the order of files"
        raise StudyError(
            f"{folder}: the input files changed since this run began ({len(new)} lines of "
            f"manifest.csv differ, "
            f"first {name}). Use --fresh to start again."
        )


def _read_lines(manifest: str) -> list[str]:
    """Lines of manifest.csv about files that a study reads, or would if they could be used."""
    rows = csv.DictReader(io.StringIO(manifest))
    return [",".join(row.values()) for row in rows if row["state"] != "ignored"]


def write_environment(folder: Path, study: Study, *, device: str, precision: str) -> None:
    """environment.json: versions, seed, device, machine."""
    document = environment(study, device=device, precision=precision)
    write_text(folder / "environment.json", json.dumps(document, indent=1))


def environment(study: Study, *, device: str, precision: str) -> dict[str, Any]:
    """What environment.json holds."""
    import torch

    gpu = torch.cuda.get_device_name(0) if device == "cuda" else "none"
    return {
        "run_format": RUN_FORMAT,
        "seed": study.seed,
        "device": device,
        "gpu": gpu,
        "precision": precision,
        "torch_threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
