"""The worst, middle and best cases of a segmentation, drawn from the masks of the run."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from tumorboard.evaluation.mask_columns import MaskColumns
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.formats.images import read_pixels
from tumorboard.formats.volumes import read_volume
from tumorboard.records import Bools
from tumorboard.report.mask_gallery import DrawnCase, write_gallery
from tumorboard.tasks.segmentation import Segmentation
from tumorboard.training.plan import MASKS
from tumorboard.training.prepare import build_task
from tumorboard.training.references import References
from tumorboard.training.segmentation_rows import references_of
from tumorboard.verbs.gather_numbers import FinishedNumbers

#: Cases of each kind on the page of an arm.
_N_OF_KIND = 3


def draw_cases(finished: FinishedNumbers) -> None:
    """Pictures of a few cases of both arms of the primary comparison, under figures/cases/.

    Of a volume the axial plane with the largest reference is drawn; of several labels any counts.
    """
    study, cohort = finished.study, finished.prepared.cohort
    references = references_of(finished.prepared)
    task = cast("Segmentation", build_task(study.keys.task))
    row_of = {unit: row for row, unit in reversed(list(enumerate(cohort.unit_id)))}
    for arm in dict.fromkeys((study.primary.arm, study.primary.reference)):
        dice, kinds = _chosen(finished.table, arm)
        drawn = [
            _drawn(finished.run / MASKS / arm, references, task, row_of[unit], unit, dice[unit])
            for unit in kinds
        ]
        write_gallery(finished.run / "figures" / "cases" / arm, drawn, kinds)


def _chosen(table: OutcomeTable, arm: str) -> tuple[dict[str, float], dict[str, str]]:
    """Dice of the units of an arm in the first repeat, and which are drawn: unit -> kind."""
    own = table.of_arm(arm)
    own = own.take((own.part == "test") & (own.repeat == 1))
    values = MaskColumns.of(own.prediction_names).values(own.predictions, "dice")
    dice = dict(zip(own.unit_id.tolist(), values.tolist(), strict=True))
    ranked = sorted((unit for unit in dice if dice[unit] == dice[unit]), key=dice.__getitem__)
    middle = max(0, len(ranked) // 2 - _N_OF_KIND // 2)
    kinds: dict[str, str] = {}
    for kind, units in (
        ("worst", ranked[:_N_OF_KIND]),
        ("best", ranked[::-1][:_N_OF_KIND]),
        ("median", ranked[middle : middle + _N_OF_KIND]),
    ):
        for unit in units:
            kinds.setdefault(unit, kind)
    order = ("worst", "median", "best")
    return dice, dict(sorted(kinds.items(), key=lambda pair: order.index(pair[1])))


def _drawn(
    folder: Path, references: References, task: Segmentation, row: int, unit: str, dice: float
) -> DrawnCase:
    image = references.cases.own_image(row)
    reference = _any(task, references.own(row))
    prediction = _any(task, _read(folder, references.names[row]))
    if image.ndim == 3:
        area = reference.sum(axis=(0, 1)) if reference.any() else prediction.sum(axis=(0, 1))
        k = int(area.argmax()) if area.any() else image.shape[2] // 2
        # rows from the front down, columns from the patient's right: as an axial slice is read
        image = image[:, ::-1, k].T
        reference, prediction = (mask[:, ::-1, k].T for mask in (reference, prediction))
    return DrawnCase(unit, image.astype(np.float64), reference, prediction, dice)


def _read(folder: Path, name: str) -> NDArray[np.uint8]:
    picture = folder / f"{name}.png"
    if picture.is_file():
        return read_pixels(picture).values[0].astype(np.uint8)
    return read_volume(folder / f"{name}.nii.gz").array[0].astype(np.uint8)


def _any(task: Segmentation, numbers: NDArray[np.uint8]) -> Bools:
    return np.asarray(task.masks(numbers).any(axis=0), dtype=np.bool_)
