"""Heat maps as pictures in folders named by class: the same number of every class."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tumorboard.cache import write_atomic
from tumorboard.evaluation.explanation_table import FOLDER, HeatMapRow, read_explanations
from tumorboard.prediction.kept_maps import read_map
from tumorboard.report.contents import Contents
from tumorboard.report.explained import Opinion, opinions
from tumorboard.report.heat_maps import as_png, side_by_side

#: Folder of the pictures, below the explanations: `overlays/grad_cam/mitosis/fused-p017.png`.
OVERLAYS = "overlays"
#: Pictures of one class by one explainer of one arm.
PER_CLASS = 4


def write_overlays(contents: Contents) -> int:
    """Write overlays/EXPLAINER/CLASS/ARM-UNIT-called-CALL.png of test patients, by true class.

    Returns:
        How many were written. A class with fewer explained patients than `PER_CLASS` has fewer.
    """
    folder = contents.folder / FOLDER
    found = read_explanations(folder)
    if found is None or not found.heat_maps:
        return 0
    said = opinions(contents)
    n_written: dict[tuple[str, str, str], int] = {}
    shutil.rmtree(folder / OVERLAYS, ignore_errors=True)  # of an earlier report
    for row in found.heat_maps:
        opinion = said.get((row.arm, row.unit_id))
        if opinion is None:
            continue
        group = (row.explainer, opinion.truth, row.arm)
        if n_written.get(group, 0) < PER_CLASS:
            n_written[group] = n_written.get(group, 0) + 1
            _write(folder, row, opinion)
    return sum(n_written.values())


def _write(folder: Path, row: HeatMapRow, opinion: Opinion) -> None:
    name = f"{row.arm}-{row.modality}-{row.unit_id}-called-{opinion.call}"
    path = folder / OVERLAYS / row.explainer / _word(opinion.truth) / f"{_word(name)}.png"
    png = as_png(side_by_side(read_map(folder, row)))
    write_atomic(path, lambda temporary: temporary.write_bytes(png))


def _word(text: str) -> str:
    """A name as part of a file name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._")[:100] or "none"
