"""`tumorboard simulate`: a cohort with known truth, and a study file that runs on it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tumorboard import registry
from tumorboard.cache import sha256_file, write_text
from tumorboard.errors import RunError, StudyError
from tumorboard.simulators import Simulator
from tumorboard.study_toml import overridden

#: Says that a folder was written by this verb, with what, and what its files were.
MARK = "simulated.json"
_NO_SETTINGS: Mapping[str, object] = {}


def simulate(
    kind: str,
    *,
    patients: int,
    seed: int,
    out: Path,
    settings: Mapping[str, object] = _NO_SETTINGS,
) -> Path:
    """Write a simulated cohort; the folder appears complete or not at all.

    Args:
        kind: Name of a simulator, such as `image_table`.
        patients: Number of patients.
        seed: Seed of everything that is random.
        out: Folder to write. One that this verb wrote and nobody changed is replaced.
        settings: Settings of the simulator; text is read as a TOML value, as after `--set`.

    Returns:
        The study file to run.

    Raises:
        StudyError: No such simulator, or settings that it does not take; all at once.
        RunError: The folder holds something else, or cannot be written.
    """
    simulator = _simulator(kind, settings)
    _check_numbers(patients, seed)
    _check_replaceable(out)
    place = out.resolve()
    new = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        new.mkdir(parents=True)
        simulator.write(new, n_patients=patients, seed=seed)
        mark = {"kind": kind, "patients": patients, "seed": seed, "content": _content(new)}
        write_text(new / MARK, json.dumps(mark, indent=2) + "\n")
        _put_in_place(new, place)
    except OSError as error:
        raise RunError(f"{out}: cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return out / "study.toml"


def _simulator(kind: str, settings: Mapping[str, object]) -> Simulator:
    component = registry.load("simulators", kind)
    given = {key: value for key, value in settings.items() if not isinstance(value, str)}
    texts = [f"{key}={value}" for key, value in settings.items() if isinstance(value, str)]
    resolved: dict[str, Any] = registry.resolve(component, overridden(given, texts), where=kind)
    return component(**resolved)


def _check_numbers(patients: int, seed: int) -> None:
    faults: list[str] = []
    if patients < 1:
        faults.append(f"--patients: found {patients}, expected 1 or more.")
    if not 0 <= seed < 2**32:
        faults.append(f"--seed: found {seed}, expected 0 to {2**32 - 1}.")
    if faults:
        raise StudyError(faults)


def _check_replaceable(out: Path) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not out.is_dir():
        raise RunError(f"{out}: is a file; expected a folder. Choose another --out.")
    if not (out / MARK).is_file():
        raise RunError(f"{out}: holds files that are not a simulated cohort. Choose another --out.")
    try:
        mark = json.loads((out / MARK).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        mark = None
    if not isinstance(mark, dict) or mark.get("content") != _content(out):
        raise RunError(
            f"{out}: this simulated cohort was changed (a run beside it, an edited study?). "
            "Choose another --out, or remove the folder."
        )


def _content(folder: Path) -> str:
    """Digest of the names and bytes of every file but the mark."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / MARK:
            digest.update(f"{path.relative_to(folder).as_posix()}\n{sha256_file(path)}\n".encode())
    return digest.hexdigest()


def _put_in_place(new: Path, out: Path) -> None:
    """Rename `new` to `out`; what was there is kept until then, and comes back on a fault."""
    old = out.with_name(f".{out.name}.{os.getpid()}.old")
    if not out.exists():
        new.rename(out)
        return
    out.rename(old)
    try:
        new.rename(out)
    except OSError:
        old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)
