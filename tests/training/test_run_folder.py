import json
from pathlib import Path

import pytest
from small_study import make_study

from tumorboard.errors import RunError, StudyError
from tumorboard.training.run_folder import begin, locked, same_data, write_environment

HOW = {"precision": "32-true", "device": "cpu"}


def test_a_second_owner_of_the_same_run_is_refused(tmp_path: Path) -> None:
    # a file lock belongs to the open file, so a second opening in this process conflicts as well
    with locked(tmp_path):
        assert (tmp_path / ".lock").exists()
        with pytest.raises(RunError, match="another process is writing this run"), locked(tmp_path):
            pass
    assert not (tmp_path / ".lock").exists()
    with locked(tmp_path):
        pass


def test_the_same_study_resumes_and_a_changed_one_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    study = make_study(tmp_path)
    assert begin(folder, study, fresh=False, **HOW) is False
    assert begin(folder, study, fresh=False, **HOW) is True
    other_device = make_study(tmp_path, runtime={"workers": 1, "device": "cpu"})
    assert begin(folder, other_device, fresh=False, **HOW) is True
    changed = make_study(tmp_path, study={"name": "small", "seed": 2})
    with pytest.raises(StudyError, match=r"changed study \(study.seed differ\). Use --fresh"):
        begin(folder, changed, fresh=False, **HOW)
    (folder / "models").mkdir()
    assert begin(folder, changed, fresh=True, **HOW) is False
    assert not (folder / "models").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    for fresh in (False, True):
        with pytest.raises(StudyError, match=r"not a run folder \(holds 'thesis.docx'\)"):
            begin(tmp_path, make_study(tmp_path), fresh=fresh, **HOW)
    assert (tmp_path / "thesis.docx").read_text() == "years of work"


def test_fresh_never_removes_a_cohort_that_holds_a_study_file(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text("[study]", encoding="utf-8")
    (tmp_path / "patients.csv").write_text("patient_id", encoding="utf-8")
    for fresh in (False, True):
        with pytest.raises(StudyError, match="not a run folder"):
            begin(tmp_path, make_study(tmp_path), fresh=fresh, **HOW)
    assert (tmp_path / "patients.csv").read_text(encoding="utf-8") == "patient_id"
    assert (tmp_path / "study.toml").read_text(encoding="utf-8") == "[study]"


def test_another_precision_is_not_mixed_into_a_run(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    begin(folder, make_study(tmp_path), fresh=False, **HOW)
    with pytest.raises(StudyError, match=r"precision '32-true', this start would train in 'bf16"):
        begin(folder, make_study(tmp_path), fresh=False, precision="bf16-mixed", device="cpu")


def test_changed_input_files_are_refused(tmp_path: Path) -> None:
    head = "path,sha256,state\n"
    same_data(tmp_path, head + "a.png,1,used\n")
    (tmp_path / "manifest.csv").write_text(head + "a.png,1,used\nrun.log,1,ignored\n")
    same_data(tmp_path, head + "a.png,1,used\nrun.log,2,ignored\nnew.log,1,ignored\n")
    with pytest.raises(StudyError, match=r"2 lines of manifest.csv differ, first a.png"):
        same_data(tmp_path, head + "a.png,2,used\n")


def test_the_environment_names_what_a_repeat_needs(tmp_path: Path) -> None:
    write_environment(tmp_path, make_study(tmp_path), device="cpu", precision="32-true")
    environment = json.loads((tmp_path / "environment.json").read_text())
    assert environment["seed"] == 1
    assert environment["packages"]["torch"].startswith("2.")
    assert environment["device"] == "cpu"
