"""`tumorboard.open`: a run or a model, told apart by its files."""

from __future__ import annotations

from pathlib import Path

import pytest

import tumorboard
from tumorboard.errors import InputError
from tumorboard.evaluation.run import Run
from tumorboard.prediction.model import Model


def test_absent_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder; expected a run or a model"):
        tumorboard.open(tmp_path / "absent")


@pytest.mark.parametrize(
    ("names", "found"), [((), "nothing"), (("a.txt", "b.txt"), "a.txt, b.txt")]
)
def test_neither(tmp_path: Path, names: tuple[str, ...], found: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=rf"neither a run .* nor a model .* found {found}\.$"):
        tumorboard.open(str(tmp_path))


def test_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.json").touch()
    monkeypatch.setattr(Model, "open", classmethod(lambda cls, folder: ("model", folder)))
    assert tumorboard.open(tmp_path) == ("model", tmp_path)


def test_run(tmp_path: Path) -> None:
    for name in ("study.toml", "environment.json", "predictions.csv"):
        (tmp_path / name).touch()
    for name in ("metrics.json", "comparison.json"):
        (tmp_path / name).write_text("{}")
    run = tumorboard.open(tmp_path)
    assert isinstance(run, Run)
    assert run.folder == tmp_path


def test_run_that_is_not_finished_says_so(tmp_path: Path) -> None:
    for name in ("study.toml", "environment.json"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match="not finished"):
        tumorboard.open(tmp_path)
