"""A first study file from a table and its folders."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tumorboard.errors import InputError
from tumorboard.study import Study
from tumorboard.verbs.init import first_study, write_first_study


def table(root: Path, columns: dict[str, list[Any]]) -> Path:
    lines = [",".join(columns)]
    lines += [",".join(str(v) for v in row) for row in zip(*columns.values(), strict=True)]
    (root / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root / "t.csv"


def columns(n: int = 60) -> dict[str, list[Any]]:
    return {
        "PatientID": [f"P{i:03d}" for i in range(n)],
        "age": [40 + i % 37 if i % 9 else "n/a" for i in range(n)],
        "sex": ["f" if i % 3 else "unknown" if i % 2 else "m" for i in range(n)],
        "visit": ["2020-01-02"] * (n - 1) + ["2020-01-03"],
        "clinic": ["here"] * n,
        "remark": [f"text {i}" for i in range(n)],
        "Diagnosis": ["cancer" if i % 2 else "cyst" for i in range(n)],
        "echo": ["bright" if i % 2 else "dark" for i in range(n)],
        "Class": ["malignant" if i % 2 else "benign" for i in range(n - 3)] + ["other"] * 3,
    }


def test_everything_is_guessed_and_said(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    (tmp_path / "scan_masks").mkdir()
    for i in range(55):
        (tmp_path / "scans" / f"P{i:03d}.png").write_bytes(b"x")
        (tmp_path / "scan_masks" / f"P{i:03d}.png").write_bytes(b"x")
    text = first_study(table(tmp_path, columns()), target="Class")
    keys = tomllib.loads(text)
    assert keys["cohort"] == {
        "source": "folder",
        "table": "t.csv",
        "patient_id": "PatientID",
        "missing": ["", "n/a"],
        "exclude": {"Class": ["other"]},
    }
    assert keys["task"] == {"kind": "classification", "target": "Class", "positive": "malignant"}
    assert keys["modalities"] == {
        "scans": {
            "kind": "image",
            "files": "scans/{PatientID}.png",
            "size": [224, 224],
            "encoder": {"name": "resnet", "depth": 18},
        },
        "record": {"kind": "table", "numeric": ["age"], "categorical": ["sex"]},
    }
    comments = [line for line in text.split("\n") if line.startswith("#")]
    for expected in (
        '#   sex: "unknown"',
        "# patients per class: benign 29, malignant 28, other 3",
        "#   echo: separates the classes alone (AUROC 1.00)",
        "#   Diagnosis: separates the classes alone (AUROC 1.00)",
        "#   visit: dates; turn them into ages or intervals first",
        "#   clinic: the same value everywhere",
        "#   remark: free text or too many categories",
        "#   scan_masks/{PatientID}.png: 55 found; masks tell where the lesion is; a study with "
        'kind = "segmentation" draws them',
    ):
        assert expected in comments


def test_the_file_is_a_study_and_is_never_overwritten(tmp_path: Path) -> None:
    path = table(tmp_path, columns())
    text = write_first_study(path, tmp_path / "study.toml")
    study = Study.load(tmp_path / "study.toml")
    assert (tmp_path / "study.toml").read_text(encoding="utf-8") == text
    assert list(study.arms) == ["record", "logistic"]
    with pytest.raises(InputError, match="exists already"):
        write_first_study(path, tmp_path / "study.toml")
    assert (tmp_path / "study.toml").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("folder", ["gt", "drawn"])
def test_masks_are_no_image_that_predicts(tmp_path: Path, folder: str) -> None:
    """By the folder's name, or because their pictures have two greys."""
    rng = np.random.default_rng(0)
    for name in ("scans", folder):
        (tmp_path / name).mkdir()
        for i in range(55):
            grey = rng.integers(0, 256, (8, 8)) if name == "scans" else rng.integers(0, 2, (8, 8))
            path = tmp_path / name / f"P{i:03d}.png"
            Image.fromarray(grey.astype(np.uint8)).save(path)
    text = first_study(table(tmp_path, columns()), target="Class")
    assert list(tomllib.loads(text)["modalities"]) == ["scans", "record"]
    assert f"# {folder}/{{PatientID}}.png: 55 found; masks tell where" in text.replace("#   ", "# ")


def test_names_cannot_break_the_file(tmp_path: Path) -> None:
    odd = columns()
    odd['a "quoted" \\ name = [x]'] = odd.pop("sex")
    odd["Klasse ü"] = odd.pop("Class")
    text = first_study(table(tmp_path, odd), target="Klasse ü")
    keys = tomllib.loads(text)
    assert keys["modalities"]["record"]["categorical"] == ['a "quoted" \\ name = [x]']
    assert keys["cohort"]["exclude"] == {"Klasse ü": ["other"]}


def test_rows_of_one_patient_that_disagree_make_the_row_the_unit(tmp_path: Path) -> None:
    lesions = columns()
    lesions["PatientID"] = [f"P{i // 2}" for i in range(60)]
    text = first_study(table(tmp_path, lesions), target="Class")
    assert tomllib.loads(text)["task"]["unit"] == "row"
    assert "patients have rows with different outcomes" in text


@pytest.mark.parametrize(
    ("folder", "suffix", "window"),
    [("ct", ".nii.gz", [-1000, 400]), ("mri", ".zip", None), ("ct", "", [-1000, 400])],
)
def test_files_of_volumes_make_a_modality_of_volumes(
    tmp_path: Path, folder: str, suffix: str, window: list[int] | None
) -> None:
    for i in range(30):
        path = tmp_path / folder / f"P{i:03d}{suffix}"
        path.parent.mkdir(exist_ok=True)
        if suffix:
            path.write_bytes(b"x")
        else:  # a series of DICOM
            path.mkdir()
            for k in range(2):
                (path / f"{k}.dcm").write_bytes(b"x")
    text = first_study(table(tmp_path, columns()), target="Class")
    keys = tomllib.loads(text)["modalities"][folder]
    assert keys["kind"] == "volume"
    assert keys["files"] == f"{folder}/{{PatientID}}{suffix}"
    assert keys.get("window_hu") == window
    Study.from_tables(tomllib.loads(text), path=tmp_path / "study.toml")


def test_the_patients_column_is_a_hospital_number_or_named_by_the_author(tmp_path: Path) -> None:
    named = {{"PatientID": "mrn"}.get(k, k): cells for k, cells in columns().items()}
    assert 'patient_id = "mrn"' in first_study(table(tmp_path, named), target="Class")
    odd = {{"PatientID": "who"}.get(k, k): cells for k, cells in columns().items()}
    text = first_study(table(tmp_path, odd), target="Class", patient_id="who")
    assert 'patient_id = "who"' in text
    with pytest.raises(InputError, match=r"no column 'whom' \(--patient-id\). Did you mean 'who'"):
        first_study(table(tmp_path, odd), patient_id="whom")


def test_what_became_of_a_patient_is_no_predictor(tmp_path: Path) -> None:
    alive = ["alive" if i % 3 else "dead" for i in range(60)]
    later = dict.fromkeys(("status", "censorship", "vital_status", "pfs_event"), alive)
    before = dict.fromkeys(("smoking_status", "progesterone"), alive)
    text = first_study(table(tmp_path, {**columns(), **later, **before}), target="Class")
    used = tomllib.loads(text)["modalities"]["record"]["categorical"]
    assert not set(later) & set(used)
    assert set(before) <= set(used)


@pytest.mark.parametrize(
    ("drop", "target", "message"),
    [
        (("PatientID",), "none", r"no column looks like a patient id \(age, sex"),
        ((), "Clas", r"no column 'Clas' \(--target\). Did you mean 'Class'"),
        ((), "remark", r"column remark: fewer than two classes have 10 patients"),
        (("Class", "Diagnosis", "echo", "sex"), "none", r"no column looks like an outcome"),
    ],
)
def test_what_cannot_be_guessed_is_an_error(
    tmp_path: Path, drop: tuple[str, ...], target: str, message: str
) -> None:
    kept = {name: cells for name, cells in columns().items() if name not in drop}
    with pytest.raises(InputError, match=message):
        first_study(table(tmp_path, kept), target=target)


def test_the_outcome_that_the_author_names_may_have_a_small_class(tmp_path: Path) -> None:
    few = columns(24)
    few["died"] = ["yes" if i in (3, 8, 17, 20) else "no" for i in range(24)]
    text = first_study(table(tmp_path, few), target="died")
    assert "# WARNING: fewer than 10 patients: yes 4." in text
    keys = tomllib.loads(text)
    assert "exclude" not in keys["cohort"]
    assert keys["task"]["positive"] == "yes"


def test_an_uncertain_outcome_is_said_to_be_uncertain(tmp_path: Path) -> None:
    kept = {name: columns()[name] for name in ("PatientID", "age", "sex", "echo")}
    text = first_study(table(tmp_path, kept))
    assert 'target = "echo"  # guess, and not a certain one' in text


def data(name: str) -> Path:
    root = os.environ.get("TUMORBOARD_DATA")
    if root is None or not (Path(root) / name).is_file():
        pytest.skip(f"TUMORBOARD_DATA does not name a folder that holds {name}")
    return Path(root) / name


@pytest.mark.realdata
def test_first_study_of_breast_ultrasound(tmp_path: Path) -> None:
    write_first_study(data("breast-ultrasound/patients.csv"), tmp_path / "study.toml")
    study = Study.load(tmp_path / "study.toml")
    assert study.keys.cohort.patient_id == "CaseID"
    assert study.keys.task.target == "Classification"
    assert study.keys.task.positive == "malignant"
    assert study.keys.cohort.missing == ["", "not available"]
    assert study.modalities["image"]["files"] == "images/{Image_filename}"
    record = study.modalities["record"]
    assert "Age" in record["numeric"]
    assert {"Tissue_composition", "Signs", "Symptoms"} <= set(record["categorical"])
    # The known traps: the radiologist's verdict and what tells the label.
    traps = {"BIRADS", "Interpretation", "Verification", "Diagnosis"}
    assert not traps & {*record["numeric"], *record["categorical"]}


@pytest.mark.realdata
def test_first_study_of_skin_lesions(tmp_path: Path) -> None:
    write_first_study(data("skin-lesions/images.csv"), tmp_path / "study.toml")
    study = Study.load(tmp_path / "study.toml")
    assert study.keys.cohort.patient_id == "lesion_id"
    assert (study.keys.task.target, study.keys.task.positive) == ("malignant", "1")
    assert study.modalities["image"]["files"] == "images/{file}"
    record = study.modalities["record"]
    assert (record["numeric"], record["categorical"]) == (["age"], ["sex", "localization"])
