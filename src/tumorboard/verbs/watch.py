"""`tumorboard predict --watch`: cases predicted as they arrive, with the latency of each."""

from __future__ import annotations

import hashlib
import json
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tumorboard.cache import Cache, default_folder, write_text
from tumorboard.errors import InputError, RunError, TumorboardError
from tumorboard.formats.messages import counted
from tumorboard.prediction.dicom_masks import MaskFormat, check_format
from tumorboard.prediction.masks import PredictedMasks
from tumorboard.prediction.model import Model
from tumorboard.prediction.predictions import Predictions
from tumorboard.records import Cohort, Rejection
from tumorboard.training.model_files import read_document
from tumorboard.training.run_folder import locked
from tumorboard.training.signals import Ending, ending_after_current
from tumorboard.verbs.answers import LATENCY, Answers, Latency
from tumorboard.verbs.arrivals import Arrivals, changed_at, is_read_by, named_files
from tumorboard.verbs.predict import refuse_without_masks, rejection_line, write_answer

Say = Callable[[str], None]
#: How often a folder is looked at while a table must be quiet, and bounds of the pause in seconds.
_LOOKS, _SHORTEST_S, _LONGEST_S = 4, 0.02, 0.5


@dataclass
class Watched:
    """What a watch did.

    Args:
        latencies: Of the cases that were answered.
        unreadable: Tables that could not be read, with the reason.
    """

    latencies: list[Latency] = field(default_factory=list[Latency])
    unreadable: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def exit_code(self) -> int:
        """0, or 3 where tables, patients or files were rejected."""
        return 3 if self.unreadable or any(own.rejected for own in self.latencies) else 0

    def summary(self) -> str:
        """Percentiles of the latencies, in one line."""
        if not self.latencies:
            return "no case was answered"
        import numpy as np

        total = [own.total_s for own in self.latencies]
        p50, p95 = np.percentile(total, [50, 95]).tolist()
        patients = counted(sum(own.patients for own in self.latencies), "patient")
        return (
            f"{counted(len(total), 'case')}, {patients}: latency p50 {p50:.2f} s, "
            f"p95 {p95:.2f} s, max {max(total):.2f} s"
        )


def watch(
    model: Path, *, folder: Path, out: Path, say: Say, data: Path | None = None,
    quiet_s: float = 1.0, once: bool = False, limit: int = 0, as_format: str = "nifti",
    maps: bool = False,
) -> Watched:  # fmt: skip
    """Predict the cases that arrive in a folder until Ctrl-C, SIGTERM or the limit.

    A case is a table of one or several patients (`*.csv`) anywhere below the folder. Its files are
    written first, the table last. A case is predicted again when its table or a file changes.

    Args:
        model: Model folder; it is opened once.
        folder: The watched folder.
        out: Folder of the answers: `<case>.csv`, and `latency.csv` with a row for each.
        say: Where a line for each case goes.
        data: Folder that file names start from; each table's own where left out.
        quiet_s: For how long size and time of a table must not change until it counts as complete.
        once: End when every case that is there was answered.
        limit: End after so many answers; 0 goes on.
        as_format: `seg` or `rtstruct` writes a segmentation's masks as DICOM beside the NIfTI.
        maps: Whether a segmentation's probabilities and uncertainty are written as well.

    Raises:
        InputError: The model or a folder cannot be used.
        RunError: Another process writes to `out`, or it cannot be written.
    """
    model, folder, out = Path(model), Path(folder), Path(out)
    if not quiet_s >= 0:
        raise InputError(f"--quiet-s {quiet_s}: expected seconds, 0 or more.")
    kind = check_format(as_format)
    opened = Model.open(model)
    refuse_without_masks(opened, kind, maps=maps)
    _refuse_folders(model, folder, out, data)
    with locked(out), Cache() as cache, ending_after_current() as ending:
        arrivals, answers = Arrivals(folder, quiet_s=quiet_s), Answers(out)
        desk = _Desk(opened, arrivals, answers, data, cache, say, kind, maps)
        pause = min(max(quiet_s / _LOOKS, _SHORTEST_S), _LONGEST_S)
        say(f"watching {folder}; answers go to {out}")
        while not ending.is_asked:
            if not desk.serve(ending, limit):
                break
            if once and desk.arrivals.n_waiting == 0:
                break
            time.sleep(pause)
    say(desk.done.summary())
    return desk.done


def _refuse_folders(model: Path, folder: Path, out: Path, data: Path | None) -> None:
    for path, option in ((folder, "--watch"), *([(data, "--data")] if data else [])):
        if not path.is_dir():
            raise InputError(f"{option} {path}: no such folder.")
    own, watched, inside = out.resolve(), folder.resolve(), model.resolve()
    for other, what in ((watched, "the watched folder"), (inside, "the model folder")):
        if own == other or other in own.parents or own in other.parents:
            raise InputError(
                f"--out {out}: lies in {what}, or holds it, so that answers would be taken for "
                "cases or files of the model. Choose another folder."
            )


class _Desk:
    """Takes complete cases one after the other.

    Args:
        model: The opened model.
        arrivals: The watched folder.
        answers: The folder of the answers.
        data: Folder that file names start from; each table's own where None.
        cache: Where prepared arrays are kept; one for all, since it remembers hashes of files.
        say: Where lines go.
        kind: What masks are written as beside the NIfTI.
        maps: Whether probabilities and uncertainty are written beside masks.
    """

    def __init__(
        self, model: Model, arrivals: Arrivals, answers: Answers, data: Path | None, cache: Cache,
        say: Say, kind: MaskFormat, maps: bool,
    ) -> None:  # fmt: skip
        self.arrivals = arrivals
        self.done = Watched()
        self._model = model
        self._answers = answers
        self._data = data
        self._cache = cache
        self._say = say
        self._kind: MaskFormat = kind
        self._maps = maps
        self._began = time.time()
        self._digest = str(read_document(model.folder)["sha256"])

    def serve(self, ending: Ending, limit: int) -> bool:
        """Answer every complete case; False where the limit is reached."""
        for table in self.arrivals.ready():
            if ending.is_asked:
                return True
            self._take(table)
            if limit and len(self.done.latencies) >= limit:
                return False
        return True

    def _take(self, table: Path) -> None:
        """Answer one case, unless it is none, is still being written or was answered before."""
        study, names = self._model.fitted.study, self._model.fitted.arm.modalities
        case = table.relative_to(self.arrivals.folder).as_posix().removesuffix(".csv")
        if is_read_by(study, names, table):
            self.arrivals.settle(table)
            return
        started, clock = time.time(), time.perf_counter()
        try:
            if f"{case}.csv" == LATENCY:
                raise InputError(f"{LATENCY} is the name of the table of latencies. Rename it.")
            content = self._cache.sha256(table)  # before it is read: a later change is seen as one
            cohort = self._model.list_patients(table, data=self._data or table.parent)
            files = named_files(study, names, cohort)
            if not self.arrivals.follow(table, files):
                return
            sha256 = self._hash(content, files)
            if not self._answers.is_answered(case, sha256):
                arrived = min(max(changed_at((table, *files)), self._began), started)
                self._answer(case, cohort, (arrived, started, clock), sha256)
            self.done.unreadable.pop(case, None)
        except RunError:
            raise
        except TumorboardError as error:
            self._leave(case, table, _fault(error))
        except OSError as error:
            if error.filename is None or self._answers.folder in Path(error.filename).parents:
                raise  # answers cannot be written: the case is taken up again at the next start
            self._leave(case, table, f"{error.filename}: {error.strerror}")
        except Exception as error:  # one case must not end the stream; the next may be urgent
            fault = default_folder() / "last-fault.txt"
            write_text(fault, "".join(traceback.format_exception(error)))
            self._leave(case, table, f"{_fault(error)} The traceback is in {fault}.")
        self.arrivals.settle(table)

    def _leave(self, case: str, table: Path, reason: str) -> None:
        """List a table that cannot be read, once; it is tried again when its folder changes."""
        self._answers.drop(case)
        self.arrivals.follow(table, (table.parent,))
        if self.done.unreadable.get(case) != reason:
            self._say(f"{case}: cannot be predicted: {reason}")
        self.done.unreadable[case] = reason

    def _hash(self, table: str, files: tuple[Path, ...]) -> str:
        """Of the model, the table (its hash) and its files: what an answer rests on."""
        content: dict[str, object] = {
            "model": self._digest,
            "table": table,
            "files": [self._cache.sha256(path) if path.is_file() else None for path in files],
        }
        if self._maps:  # an answer without maps is none to who asks for them
            content["maps"] = True
        return hashlib.sha256(json.dumps(content).encode("utf-8")).hexdigest()

    def _answer(
        self, case: str, cohort: Cohort, times: tuple[float, float, float], sha256: str
    ) -> None:
        arrived, started, clock = times
        said, rejections, predicting = self._predicted(cohort, case)
        predicted = time.perf_counter()
        older = self._answers.put(case)
        placed = time.perf_counter()
        rejected = len({rejection.patient_id for rejection in rejections})
        latency = Latency(
            case, len(cohort.patients), arrived, started, time.time(), predicting - clock,
            predicted - predicting, placed - predicted, rejected, sha256,
        )  # fmt: skip
        self._answers.record(latency)
        self.done.latencies.append(latency)
        self._say(_line(latency, older))
        for rejection in rejections:
            self._say(f"  {rejection_line(rejection)}")
        for note in said.notes:
            if not note.startswith("file names start from"):
                self._say(f"  {note}")

    def _predicted(
        self, cohort: Cohort, case: str
    ) -> tuple[Predictions | PredictedMasks, list[Rejection], float]:
        """Predict rows; where a patient's cell or file stops that, everybody but this patient.

        Returns:
            The predictions, who and what was rejected, and when reading had ended.

        Raises:
            InputError: Nobody can be predicted.
        """
        rejections: list[Rejection] = []
        try:
            said, clock = self._write(cohort, case)
        except OSError:
            raise
        except Exception:
            sound: list[int] = []
            for patient in cohort.patients if len(cohort.patients) > 1 else ():
                rows = [i for i, own in enumerate(cohort.patient_id) if own == patient]
                try:
                    self._write(cohort.take(rows), case)
                except Exception as error:
                    rejections.append(Rejection(patient, None, _fault(error)))
                else:
                    sound += rows
            if not sound:
                raise
            said, clock = self._write(cohort.take(sorted(sound)), case)
        return said, [*said.rejections, *rejections], clock

    def _write(self, cohort: Cohort, case: str) -> tuple[Predictions | PredictedMasks, float]:
        patients = self._model.measure(cohort, cache=self._cache)
        clock = time.perf_counter()
        staged = self._answers.stage(case)
        said, _ = write_answer(self._model, patients, staged, kind=self._kind, maps=self._maps)
        return said, clock


def _fault(error: Exception) -> str:
    """What stopped a case or a patient, in one line."""
    text = " ".join(str(error).split())
    if isinstance(error, TumorboardError):
        return text
    return f"a fault of the program, {type(error).__name__}: {text}."


def _line(latency: Latency, older: Path | None) -> str:
    """One case in one line."""
    kept = f"; the older answer is {older.name}" if older else ""
    left = f", {latency.rejected} rejected" if latency.rejected else ""
    return (
        f"{latency.case}: {counted(latency.patients, 'patient')}{left}; waited "
        f"{latency.waited_s:.2f} s, read {latency.read_s:.2f}, predicted {latency.predicted_s:.2f},"
        f" written {latency.written_s:.2f}, total {latency.total_s:.2f} s{kept}"
    )
