"""The files of a model folder: read only when every one of them is what was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tumorboard.cache import sha256_file
from tumorboard.errors import InputError
from tumorboard.records import FittedState

#: Raise when a model folder of an older version can no longer be opened.
FORMAT = 2


def read_document(folder: Path) -> dict[str, Any]:
    """model.json of a model folder, after every file was checked against its hash.

    Raises:
        InputError: Absent, damaged, another version, or a file that could hold code.
    """
    path = folder / "model.json"
    if folder.is_file():
        raise InputError(
            f"{folder}: is a file; expected a model folder written by `tumorboard fit`. Pickles "
            f"and torch "
            "checkpoints are never opened, since loading one can run code."
        )
    if not path.is_file():
        raise InputError(
            f"{folder}: not a model folder (no model.json). Write one with `tumorboard fit`."
        )
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: damaged ({error}). Copy the model folder again.") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else None
        raise InputError(
            f"{path}: model format {found!r}, expected {FORMAT}. Fit the model again with this "
            f"version."
        )
    if document.get("sha256") != digest(document):
        raise InputError(
            f"{path}: changed since it was written (its sha256 differs). Copy the model folder "
            "again, or fit the model again."
        )
    _refuse_code(folder)
    for name, expected in document["files"].items():
        file = folder / name
        if not file.is_file():
            raise InputError(f"{file}: absent from the model folder. Copy the folder again.")
        if sha256_file(file) != expected:
            raise InputError(
                f"{file}: damaged or changed (sha256 differs from model.json). Copy the folder "
                f"again."
            )
    names = _foreign(document["study"])
    if names:
        raise InputError(
            f"{path}: the model uses {names[0]!r}, code that is not part of tumorboard; such a "
            f"model is not "
            "opened from a folder."
        )
    return document


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of the document without its own digest, in canonical JSON."""
    rest = {key: value for key, value in document.items() if key != "sha256"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _refuse_code(folder: Path) -> None:
    bad = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".bin", ".py", ".so")
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in bad:
            raise InputError(
                f"{path}: a model folder holds only JSON, Markdown, CSV and safetensors; this "
                f"file could run "
                "code when loaded. Remove it, or fit the model again."
            )


def _foreign(study: Mapping[str, Any]) -> list[str]:
    """Dotted names of components that are not part of tumorboard."""
    tables: list[Any] = [study["cohort"]["source"], study["task"]["kind"]]
    for table in study["modalities"].values():
        tables += [table["kind"], table["encoder"]]
    for arm in study["arms"].values():
        parts = [arm.get("fusion", "none"), arm.get("baseline", "none")]
        tables += [*parts, *arm.get("encoders", {}).values()]
    names = [table["name"] if isinstance(table, dict) else str(table) for table in tables]
    return [name for name in names if "." in name]


def read_states(folder: Path, document: Mapping[str, Any]) -> dict[str, FittedState]:
    """Fitted states by the name of their part.

    Raises:
        InputError: The arrays cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(folder / "fitted.safetensors")
    except (SafetensorError, OSError) as error:
        raise InputError(f"{folder / 'fitted.safetensors'}: damaged ({error}).") from None
    states: dict[str, FittedState] = {}
    for name, values in document["fitted"].items():
        own = {key.partition("/")[2]: a for key, a in arrays.items() if key.startswith(f"{name}/")}
        states[name] = FittedState(values, own)
    return states
