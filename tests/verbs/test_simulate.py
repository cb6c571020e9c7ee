"""`tumorboard simulate`: nothing of anybody is overwritten, nothing appears half written."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tumorboard.errors import RunError, StudyError
from tumorboard.simulators.image_table import ImageTable
from tumorboard.verbs.simulate import simulate

SETTINGS = {"size": "[16, 16]"}


def n_patients(folder: Path) -> int:
    with (folder / "patients.csv").open(newline="") as handle:
        return len({row["patient_id"] for row in csv.DictReader(handle)})


def test_writes_a_study_with_settings_as_the_command_line_gives_them(tmp_path: Path) -> None:
    out = tmp_path / "new" / "cohort"
    settings = {
        **SETTINGS, "missing_mechanism": "not_at_random", "confounded": "true", "prevalence": "0.3",
        "image_signal": 0,
    }  # fmt: skip
    study = simulate("image_table", patients=7, seed=1, out=out, settings=settings)
    assert study == out / "study.toml"
    assert n_patients(out) == 7
    truth = json.loads((out / "truth.json").read_text())["settings"]
    assert truth["size"] == [16, 16]
    assert (truth["missing_mechanism"], truth["confounded"]) == ("not_at_random", True)
    assert (truth["prevalence"], truth["image_signal"]) == (0.3, 0.0)
    assert list(out.parent.iterdir()) == [out]


def test_replaces_its_own_folder_and_an_empty_one(tmp_path: Path) -> None:
    out = tmp_path / "cohort"
    out.mkdir()
    for patients in (5, 3):
        simulate("image_table", patients=patients, seed=1, out=out, settings=SETTINGS)
        assert n_patients(out) == patients
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("change", ["run/report.html", "study.toml", "patients.csv"])
def test_refuses_its_own_folder_once_somebody_worked_in_it(tmp_path: Path, change: str) -> None:
    out = tmp_path / "cohort"
    simulate("image_table", patients=3, seed=1, out=out, settings=SETTINGS)
    (out / change).parent.mkdir(exist_ok=True)
    (out / change).write_text("mine")
    with pytest.raises(RunError, match=r"was changed .* Choose another --out, or remove"):
        simulate("image_table", patients=3, seed=1, out=out, settings=SETTINGS)
    assert (out / change).read_text() == "mine"


def test_refuses_a_folder_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="holds files that are not a simulated cohort"):
        simulate("image_table", patients=3, seed=1, out=tmp_path, settings=SETTINGS)
    with pytest.raises(RunError, match=r"is a file; expected a folder"):
        simulate("image_table", patients=3, seed=1, out=tmp_path / "thesis.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_fault_on_the_way_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "cohort"
    simulate("image_table", patients=3, seed=1, out=out, settings=SETTINGS)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ImageTable, "_write_truth", full)
    with pytest.raises(RunError, match=r"cannot be written \(No space left on device\)"):
        simulate("image_table", patients=9, seed=1, out=out, settings=SETTINGS)
    assert n_patients(out) == 3
    assert list(tmp_path.iterdir()) == [out]


def test_faults_of_the_command_are_named(tmp_path: Path) -> None:
    out = tmp_path / "cohort"
    with pytest.raises(StudyError, match="Did you mean 'image_table'"):
        simulate("image_tabel", patients=3, seed=1, out=out)
    with pytest.raises(StudyError) as caught:
        simulate("image_table", patients=3, seed=1, out=out, settings={"imag_signal": "0"})
    assert caught.value.problems == (
        "image_table.imag_signal: unknown key. Did you mean 'image_signal'?",
    )
    with pytest.raises(StudyError) as caught:
        simulate("image_table", patients=0, seed=-1, out=out)
    assert caught.value.problems == (
        "--patients: found 0, expected 1 or more.",
        "--seed: found -1, expected 0 to 4294967295.",
    )
    assert not out.exists()
