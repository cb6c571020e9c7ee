"""evidence/<topic>.json of a run: what an evaluation found beyond the metrics of the arms.

One topic is one file, made from prediction tables by one module of this folder and shown by one
section of the report. Documents are plain data; NaN is written as null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tumorboard.cache import write_text
from tumorboard.errors import InputError

#: Folder of a run that holds the documents.
FOLDER = "evidence"


def write_evidence(run: Path, topic: str, document: Mapping[str, Any]) -> Path:
    """Write one document of plain data, atomically; NaN and infinite numbers become null."""
    folder = run / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{topic}.json"
    text = json.dumps(_plain(document), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")
    return path


def read_evidence(run: Path, topic: str) -> dict[str, Any] | None:
    """One document; None where the run has none of this topic.

    Raises:
        InputError: The file is damaged.
    """
    path = run / FOLDER / f"{topic}.json"
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: damaged ({error}). Run the evaluation again to replace it."
        ) from error
    if not isinstance(document, dict):
        raise InputError(f"{path}: damaged. Run the evaluation again to replace it.")
    return document


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
