"""The label of a study whose modalities come from different people: every output carries it.

A gain from joining an image with the record of a stranger is an artefact. Such a study exists to
try methods, never to say that two modalities help a patient who had both measured.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tumorboard.errors import InputError

#: The value of `[evaluation] pairing`, and of the column `pairing` of prediction tables.
SIMULATED = "simulated"
#: Column of prediction tables; tables of patients who had everything measured lack it.
COLUMN = "pairing"
#: The label.
LABEL = (
    "Simulated pairing: the modalities of a “patient” come from different people. Nothing here "
    "holds for patients who had both measured."
)
#: What stands before a sentence that may be quoted alone.
PREFIX = "Simulated pairing (modalities of different people): "


def pairing_label(study: Mapping[str, Any]) -> str:
    """The label of a resolved study; "" where modalities are of the same patients."""
    evaluation = study.get("evaluation", {})
    return LABEL if evaluation.get("pairing", "patient") == SIMULATED else ""


def labelled(study: Mapping[str, Any], sentence: str) -> str:
    """A sentence that may be quoted alone, with the label before it where the study needs one."""
    return f"{PREFIX}{sentence}" if pairing_label(study) else sentence


def pairing_column(study: Mapping[str, Any], n_rows: int) -> dict[str, list[str]]:
    """The column of a prediction table that carries the label; none where there is no need."""
    return {COLUMN: [SIMULATED] * n_rows} if pairing_label(study) else {}


def is_simulated_table(path: Path) -> bool:
    """Whether a prediction table says that its modalities come from different people.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = csv.DictReader(handle)
            return COLUMN in (rows.fieldnames or ()) and any(
                row[COLUMN] == SIMULATED for row in rows
            )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error}).") from error
