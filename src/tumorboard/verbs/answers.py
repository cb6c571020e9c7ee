"""The answers of a watched folder: one table per case, older ones kept, and how long each took."""

from __future__ import annotations

import csv
import filecmp
import io
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tumorboard.cache import write_text
from tumorboard.errors import InputError
from tumorboard.prediction.predictions import plain_cell
from tumorboard.verbs.predict import masks_folder

#: Table of the latencies, in the folder of the answers.
LATENCY = "latency.csv"
HEADER = (
    "case", "patients", "arrived", "started", "finished", "waited_s", "read_s", "predicted_s",
    "written_s", "total_s", "rejected", "sha256",
)  # fmt: skip


@dataclass(frozen=True)
class Latency:
    """How long one case took.

    Args:
        case: Its table below the watched folder, without suffix.
        patients: Patients of the table.
        arrived: When it had arrived, in seconds since 1970.
        started: When work on it began.
        finished: When its answer was in place.
        read_s: Reading and checking the table and its files.
        predicted_s: Prediction; of a segmentation with the files of the masks.
        written_s: Putting the answer in its place.
        rejected: Patients of whom something could not be used, or who have no answer.
        sha256: Of the model, the table and its files.
    """

    case: str
    patients: int
    arrived: float
    started: float
    finished: float
    read_s: float
    predicted_s: float
    written_s: float
    rejected: int
    sha256: str

    @property
    def waited_s(self) -> float:
        """From its arrival until work on it began."""
        return self.started - self.arrived

    @property
    def total_s(self) -> float:
        """From its arrival until its answer was in place."""
        return self.finished - self.arrived

    def cells(self) -> list[str]:
        """In the order of `HEADER`; times in UTC."""
        seconds = (self.waited_s, self.read_s, self.predicted_s, self.written_s, self.total_s)
        return [
            plain_cell(self.case), str(self.patients),
            *(_iso(time) for time in (self.arrived, self.started, self.finished)),
            *(f"{value:.4f}" for value in seconds), str(self.rejected), self.sha256,
        ]  # fmt: skip


def _iso(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")


class Answers:
    """A folder of answers. One process owns it; see `training.run_folder.locked`.

    Args:
        folder: The folder.

    Raises:
        InputError: It holds something else.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known = self._read()

    def path(self, case: str) -> Path:
        """Table of the answer to a case."""
        return self.folder / f"{case}.csv"

    def is_answered(self, case: str, sha256: str) -> bool:
        """Whether the answer to this very content is in its place."""
        return self._known.get(plain_cell(case)) == sha256 and self.path(case).is_file()

    def stage(self, case: str) -> Path:
        """Where the answer to a case is written before it is put in its place; made empty."""
        staged = self._staged(case)
        shutil.rmtree(staged.parent, ignore_errors=True)
        staged.parent.mkdir(parents=True)
        return staged

    def _staged(self, case: str) -> Path:
        path = self.path(case)
        return path.parent / f".{path.name}.part" / path.name

    def drop(self, case: str) -> None:
        """Remove what was staged of a case that could not be answered."""
        shutil.rmtree(self._staged(case).parent, ignore_errors=True)

    def put(self, case: str) -> Path | None:
        """Put a staged answer in its place; what it replaces is kept.

        The table comes last: where it is, its masks are complete.

        Returns:
            The table of the older answer under its new name; None where there is none.
        """
        path, staged = self.path(case), self._staged(case)
        older = None
        if path.is_file() and not _is_same(path, staged):
            older = _superseded(path)
        masks = masks_folder(path)
        if masks_folder(staged).is_dir():
            shutil.rmtree(masks, ignore_errors=True)
            masks_folder(staged).rename(masks)
        with staged.open("rb") as handle:
            os.fsync(handle.fileno())
        os.replace(staged, path)
        shutil.rmtree(staged.parent)
        return older

    def record(self, latency: Latency) -> None:
        """Append a row to the table of latencies, on the disk when this returns."""
        with (self.folder / LATENCY).open("a", encoding="utf-8", newline="") as handle:
            handle.write(_line(latency.cells()))
            handle.flush()
            os.fsync(handle.fileno())
        self._known[plain_cell(latency.case)] = latency.sha256

    def _read(self) -> dict[str, str]:
        """Case -> hash of what was answered last; a row that a fault cut short is removed."""
        path = self.folder / LATENCY
        if not path.is_file():
            strangers = [p.name for p in self.folder.iterdir() if not p.name.startswith(".")]
            if strangers:
                raise InputError(
                    f"--out {self.folder}: not empty and without {LATENCY} (holds "
                    f"{sorted(strangers)[0]!r}). Choose another folder."
                )
            write_text(path, _line(HEADER))
            return {}
        text = path.read_bytes().decode("utf-8", errors="replace")
        whole = text[: text.rfind("\n") + 1]
        rows = list(csv.reader(io.StringIO(whole)))
        if not rows or tuple(rows[0]) != HEADER or any(len(row) != len(HEADER) for row in rows):
            raise InputError(
                f"{path}: is no table of latencies of this version. Choose another --out."
            )
        if whole != text:
            write_text(path, whole)
        return {row[0]: row[-1] for row in rows[1:]}


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _is_same(path: Path, staged: Path) -> bool:
    """Whether two answers have the same table and the same masks."""
    if path.read_bytes() != staged.read_bytes():
        return False
    own, new = masks_folder(path), masks_folder(staged)
    files = [each for each in new.rglob("*") if each.is_file()]
    names = sorted(str(each.relative_to(new)) for each in files)
    _, *others = filecmp.cmpfiles(own, new, names, shallow=False)
    return not any(others)


def _superseded(path: Path) -> Path:
    """Keep an answer and its masks under the first free name `<case>.superseded-<n>`.

    The answer is gone from its place before a new one comes, so that no table ever stands beside
    masks of another.
    """
    n = 1
    while (older := path.with_name(f"{path.stem}.superseded-{n}.csv")).exists():
        n += 1
    masks, kept = masks_folder(path), masks_folder(older)
    text = path.read_text(encoding="utf-8")
    if masks.is_dir():
        shutil.rmtree(kept, ignore_errors=True)
        masks.rename(kept)
    write_text(older, _with_masks_in(text, kept.name) if kept.is_dir() else text)
    path.unlink()
    return older


def _with_masks_in(text: str, folder: str) -> str:
    """A table of masks that lie in another folder than before."""
    rows = list(csv.reader(io.StringIO(text)))
    column = rows[0].index("mask")
    for row in rows[1:]:
        row[column] = f"{folder}/{row[column].split('/', 1)[1]}"
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()
