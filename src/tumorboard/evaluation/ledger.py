"""The ledger of a locked test set: every look at it, in a chain of hashes that cannot be mended.

One line of JSON per look. Each holds the SHA-256 of the line before it, so that a line that was
changed, removed or put in between breaks the chain. It cannot show that lines were cut off at its
end, nor that the whole file was removed: keep it under version control.
"""

from __future__ import annotations

import getpass
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tumorboard.cache import write_text
from tumorboard.errors import InputError, RunError

#: What the first look of a ledger follows.
BEGINNING = "0" * 64


@dataclass(frozen=True)
class Look:
    """One look at the locked test set: one model, scored once.

    Args:
        number: Counted from 1.
        time: When, in UTC.
        who: Account that ran the program.
        study: Name of the study.
        arm: Arm whose models were scored.
        models: SHA-256 of each fold's model, joined into one.
        patients: SHA-256 of the ids of the locked patients.
        marks: One hash for each of them, by which they stay locked when the cohort grows.
        n_patients: How many of them were scored.
        metrics: Metric -> value and interval of the ensemble of the models.
        previous: Hash of the look before.
        hash: SHA-256 of everything above.
    """

    number: int
    time: str
    who: str
    study: str
    arm: str
    models: str
    patients: str
    marks: Sequence[str]
    n_patients: int
    metrics: Mapping[str, Any]
    previous: str
    hash: str


def ledger_path(study_file: Path) -> Path:
    """Where the ledger of a study lies: beside its file."""
    return study_file.with_name(f"{study_file.stem}.ledger.jsonl")


def read_ledger(path: Path) -> list[Look]:
    """Every look so far, after the chain was verified; empty where there was none.

    Raises:
        InputError: A line is damaged, or the chain is broken.
    """
    if not path.is_file():
        return []
    looks: list[Look] = []
    previous = BEGINNING
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            look = Look(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise _broken(path, number, f"is damaged ({error})") from error
        if look.previous != previous or look.number != number:
            raise _broken(path, number, "does not follow the line before it")
        if look.hash != _hash(asdict(look)):
            raise _broken(path, number, "was changed after it was written")
        previous = look.hash
        looks.append(look)
    return looks


def append_look(
    path: Path,
    *,
    study: str,
    arm: str,
    models: str,
    patients: str,
    marks: Sequence[str],
    n_patients: int,
    metrics: Mapping[str, Any],
) -> Look:
    """Write one more look, atomically; see `Look` for the arguments.

    Raises:
        InputError: The chain is broken.
    """
    looks = read_ledger(path)
    entry: dict[str, Any] = {
        "number": len(looks) + 1,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "who": _account(),
        "study": study,
        "arm": arm,
        "models": models,
        "patients": patients,
        "marks": list(marks),
        "n_patients": n_patients,
        "metrics": dict(metrics),
        "previous": looks[-1].hash if looks else BEGINNING,
    }
    look = Look(**entry, hash=_hash(entry))
    lines = [json.dumps(asdict(each), ensure_ascii=False) for each in (*looks, look)]
    write_text(path, "\n".join(lines) + "\n")
    return look


def refuse_unwritable(path: Path) -> None:
    """Stop before training where no look could be recorded afterwards.

    Raises:
        RunError: The folder of the study file cannot be written to.
    """
    trial = path.with_name(f".{path.name}.trial")
    try:
        trial.write_bytes(b"")
        trial.unlink()
    except OSError as error:
        raise RunError(
            f"{path.parent}: cannot be written to ({error.strerror}), so a look at the locked test "
            "set could not be recorded beside the study file. Copy the study file to a folder of "
            "your own, or set evaluation.locked_test = 0."
        ) from error


def find_look(looks: Sequence[Look], arm: str, models: str, patients: str) -> Look | None:
    """The look that scored these very models of an arm on these patients, if there was one."""
    same = (x for x in looks if (x.arm, x.models, x.patients) == (arm, models, patients))
    return next(same, None)


def joint_hash(texts: Iterable[str]) -> str:
    """One SHA-256 of several texts, in order."""
    return hashlib.sha256("\x1f".join(texts).encode("utf-8")).hexdigest()


def _hash(entry: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in entry.items() if key != "hash"}
    text = json.dumps(rest, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a name for its user
        return "unknown"


def _broken(path: Path, line: int, reason: str) -> InputError:
    return InputError(
        f"{path}, line {line}: {reason}, so the record of looks at the locked test set cannot be "
        "trusted. Restore the file from version control."
    )
