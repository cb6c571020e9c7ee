"""Which files lie below the data folder, as far as a study may read them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from tumorboard.formats.file_patterns import FileIndex


def test_runs_and_models_beside_the_data_are_no_inputs(tmp_path: Path) -> None:
    for name in ("a.png", "run/study.toml", "run/environment.json", "run/figures/a.png",
                 "model/model.json", "model/fitted.safetensors", "more/study.toml"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert FileIndex(tmp_path, {PurePosixPath()}).files == ["a.png", "more/study.toml"]
