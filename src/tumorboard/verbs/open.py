"""`tumorboard.open`: a run or a model that was written before, opened again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tumorboard.errors import InputError

if TYPE_CHECKING:
    from tumorboard.evaluation.run import Run
    from tumorboard.prediction.model import Model


def open(folder: str | Path) -> Run | Model:
    """A run or a model folder, told apart by its files.

    Raises:
        InputError: No such folder, or it is neither a run nor a model.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected a run or a model.")
    if (folder / "model.json").is_file():
        from tumorboard.prediction.model import Model

        return Model.open(folder)
    if (folder / "study.toml").is_file() and (folder / "environment.json").is_file():
        from tumorboard.evaluation.run import Run

        return Run(folder)
    found = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "nothing"
    raise InputError(
        f"{folder}: neither a run (study.toml, environment.json) nor a model (model.json); "
        f"found {found}."
    )
