"""Patients that no fold has seen, segmented by each fold's model and by all of them together."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.evaluation.any_table import AnyTable, join
from tumorboard.prediction.fold_models import NewPatients, model_digests
from tumorboard.records import Ints, Split
from tumorboard.study import Study
from tumorboard.training.fitted import FittedArm
from tumorboard.training.mask_decision import MaskDecision, mean_decision
from tumorboard.training.mask_table import (
    SegmentedCase,
    as_case,
    measured_table,
    own_probabilities,
    write_case,
)
from tumorboard.training.plan import MASKS, fit_folder
from tumorboard.training.segmentation_rows import WithMasks, references_of

#: Repeat and fold of the ensembles.
_TOGETHER = Split(1, 1, {})


def segment_new(
    study: Study, splits: Sequence[Split], run: Path, patients: WithMasks, rows: Ints, *,
    masks: str,
) -> NewPatients:  # fmt: skip
    """Segment rows by every model of a finished plan, and measure the masks.

    The ensemble of an arm averages its models' probabilities on the image's own grid, and makes
    masks as `mean_decision` has it. Its masks are written; those of single models are not. Notes
    are the patients' own: what other notes would do is asked of the test patients alone.

    Args:
        study: The study.
        splits: Its splits.
        run: The run folder with the fold models.
        patients: Whose rows, with their references.
        rows: Which of their rows; all have the image.
        masks: Folder of the ensemble's masks below `masks/<arm>/`.
    """
    each: list[AnyTable] = []
    ensembles: list[AnyTable] = []
    for arm in study.arms:
        with tempfile.TemporaryDirectory(dir=run / "models", prefix=".sums-") as folder:
            sums = _Sums(Path(folder))
            decisions: list[MaskDecision] = []
            for split in splits:
                fitted = FittedArm.open(fit_folder(run, arm, split))
                decisions.append(_decision_of(fitted))
                cases = _cases(fitted, decisions[-1], patients, rows, sums)
                each.append(measured_table(fitted, patients, cases, split, "test", arm))
            # of the fold's model itself only the task is read, which all have alike
            fitted = FittedArm.open(fit_folder(run, arm, splits[0]))
            joint, target = mean_decision(decisions), run / MASKS / arm / masks
            cases = _together(fitted, joint, patients, rows, sums, target)
            ensembles.append(measured_table(fitted, patients, cases, _TOGETHER, "test", arm))
    return NewPatients(join(each), join(ensembles), {}, {}, model_digests(study, splits, run))


def _decision_of(fitted: FittedArm) -> MaskDecision:
    if fitted.masks is None:
        raise TypeError("a segmenter that has not decided how probabilities become masks")
    return fitted.masks


class _Sums:
    """Sums of the probabilities of several models, a file for each row."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._counts: dict[int, int] = {}

    def add(self, row: int, probabilities: NDArray[Any]) -> None:
        """Add what one more model says of a row."""
        total = np.asarray(probabilities, dtype=np.float32)
        if row in self._counts:
            total = total + np.load(self._path(row), allow_pickle=False)
        np.save(self._path(row), total, allow_pickle=False)
        self._counts[row] = self._counts.get(row, 0) + 1

    def mean(self, row: int) -> NDArray[np.float32]:
        """Mean probability of each label in a row (L, *shape)."""
        total = np.load(self._path(row), allow_pickle=False)
        return np.asarray(total / np.float32(self._counts[row]), dtype=np.float32)

    def _path(self, row: int) -> Path:
        return self._folder / f"{row}.npy"


def _cases(
    fitted: FittedArm, decision: MaskDecision, patients: WithMasks, rows: Ints, sums: _Sums
) -> Iterator[SegmentedCase]:
    """Masks of one model; its probabilities are added up."""
    cases = references_of(patients).cases
    for row in rows.tolist():
        found = own_probabilities(fitted, patients.measured, cases, row)
        sums.add(row, found)
        yield as_case(fitted, decision, found, cases.own_grid(row), row)


def _together(
    fitted: FittedArm, decision: MaskDecision, patients: WithMasks, rows: Ints, sums: _Sums,
    folder: Path,
) -> Iterator[SegmentedCase]:  # fmt: skip
    """Masks of the mean probabilities, written as they are made."""
    references = references_of(patients)
    for row in rows.tolist():
        grid = references.cases.own_grid(row)
        case = as_case(fitted, decision, sums.mean(row), grid, row)
        write_case(folder, references.cases, case, references.names[row])
        yield case
