"""Cohort from a folder and a table: faults T03 to T09, T16 and U01, each with a generated input."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tumorboard import registry
from tumorboard.cohorts import Source
from tumorboard.cohorts.folder import Folder
from tumorboard.errors import InputError, StudyError
from tumorboard.formats.file_patterns import natural_key
from tumorboard.records import Cohort

IMAGES = {"image": "images/{file}"}


def read(
    root: Path, text: str, *, files: Mapping[str, str] | None = None, **settings: Any
) -> Cohort:
    (root / "t.csv").write_text(text, encoding="utf-8")
    return Folder(table="t.csv", **settings).read(root, name="test", files=files or {})


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def states(cohort: Cohort) -> dict[str, tuple[str, str]]:
    found = [
        (record.path.relative_to(cohort.root).as_posix(), (record.state, record.reason))
        for record in cohort.records
    ]
    assert len(found) == len(dict(found)), "a file is recorded twice"
    return dict(found)


def test_registry_finds_it_and_its_settings_survive_json() -> None:
    component = registry.find("cohorts", "folder", Source)
    settings = registry.resolve(
        component,
        {"table": "t.csv", "dates": {"birth": "%Y-%m-%d"}, "ranges": {"age": [0, 120]}},
        where="cohort",
    )
    assert settings["missing"] == [""]
    assert settings["decimal"] == "auto"
    assert settings["ranges"] == {"age": [0, 120]}
    with pytest.raises(StudyError, match=r"cohort\.tabel: unknown key. Did you mean 'table'"):
        registry.resolve(component, {"table": "t", "tabel": "t"}, where="cohort")


def test_ids_stay_text_and_rows_of_a_patient_may_differ(tmp_path: Path) -> None:
    cohort = read(tmp_path, "patient_id,age\n00123,5\n00123,6\n7,1\n")
    assert cohort.patient_id == ("00123", "00123", "7")
    pairs = zip(cohort.patient_id, cohort.line, strict=True)
    assert cohort.unit_id == tuple(f"{patient}:{line}" for patient, line in pairs)
    assert cohort.patients == ("00123", "7")
    assert cohort.line == (2, 3, 4)
    assert cohort.flow == ()


# T04


def test_only_declared_codes_are_missing(tmp_path: Path) -> None:
    text = "patient_id,gene,stage\n1,NA,nan\n2,None,\n3,not available, not available \n"
    cohort = read(tmp_path, text, missing=("", "not available"))
    assert cohort.columns["gene"] == ("NA", "None", None)
    assert cohort.columns["stage"] == ("nan", None, None)
    assert read(tmp_path, text, missing=()).columns["stage"][1] == ""


# T05 and ids


def test_repeated_rows_are_merged_with_a_note(tmp_path: Path) -> None:
    cohort = read(tmp_path, "patient_id,age\na,5\nb,6\na ,5\na,7\n")
    assert cohort.n_rows == 3
    assert cohort.line == (2, 3, 5)
    assert "t.csv: rows repeated with the same values were merged: 4 (as row 2)" in cohort.notes
    assert "t.csv: spaces around the patient id were removed in 1 row" in cohort.notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("patient_id,x\na,1\n,2\n  ,3\nNA,4\n", "no patient id in row 3, 4, 5"),
        ("patient_id,x\nCase1,1\nb,2\ncase1,3\n", r"'Case1' \(row 2\) and 'case1' \(row 4\)"),
        ('patient_id,x\n"a\nb",1\n', r"control characters in row 2: 'a\\nb'"),
    ],
)
def test_faulty_ids(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, text, missing=("", "NA"))


def test_unknown_columns_are_reported_together(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        read(tmp_path, "CaseID,birth\n1,x\n", patient_id="CaselD", dates={"brith": "%Y-%m-%d"})
    assert caught.value.problems == (
        "cohort.patient_id: t.csv has no column 'CaselD'. Did you mean 'CaseID'?",
        "cohort.dates.brith: t.csv has no column 'brith'. Did you mean 'birth'?",
    )


# T08


def test_values_outside_the_declared_range_are_listed(tmp_path: Path) -> None:
    text = "patient_id,height_m\na,1.70\nb,182\nc,\nd,0.2\n"
    message = (
        r"column height_m: 2 values outside the range 0\.4 to 2\.5 of cohort\.ranges: "
        r"row 3 patient b: '182', row 5 patient d: '0\.2'"
    )
    with pytest.raises(InputError, match=message):
        read(tmp_path, text, ranges={"height_m": (0.4, 2.5)})
    assert read(tmp_path, text, ranges={"height_m": (0, 200)}).n_rows == 4
    with pytest.raises(StudyError, match="expected low < high"):
        read(tmp_path, text, ranges={"height_m": (2, 1)})
    with pytest.raises(InputError, match=r"row 2 patient a: '1,7'"):
        read(tmp_path, 'patient_id,h\na,"1,7"\n', ranges={"h": (0, 2)})


# T10


def test_follow_up_and_events_that_cannot_be_are_listed(tmp_path: Path) -> None:
    text = "patient_id,months,died\na,12.5,1\nb,-3,0\nc,0,2\nd,4,Dead\ne,7,0\nf,,2\n"
    message = (
        r"column months: 2 values outside the range 0\.01 to 600 of cohort\.ranges: "
        r"row 3 patient b: '-3', row 4 patient c: '0'"
    )
    with pytest.raises(InputError, match=message):
        read(tmp_path, text, ranges={"months": (0.01, 600)})
    message = (
        r"column died: 3 cells with other values than '0', '1' of cohort\.values \('2' 2 times, "
        r"'Dead' 1 times\): row 4 patient c: '2', row 5 patient d: 'Dead', row 7 patient f: '2'\. "
        r"Recode the column, or declare the values\."
    )
    with pytest.raises(InputError, match=message):
        read(tmp_path, text, values={"died": ("0", "1")})
    assert read(tmp_path, text, values={"died": ("0", "1", "2", "Dead")}).n_rows == 6
    with pytest.raises(StudyError, match=r"cohort\.values\.dead: .* no column 'dead'"):
        read(tmp_path, text, values={"dead": ("0", "1")})


# T09


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("31/02/2021", "is no date of the form"),
        ("04/13/2021", "is no date of the form"),
        ("2021-03-04", "is no date of the form"),
        ("1900-01-00", "is no date of the form"),
        ("01/01/1900", "is before 1900-01-02"),
        ("01/01/2999", "is in the future"),
    ],
)
def test_faulty_dates(tmp_path: Path, cell: str, reason: str) -> None:
    text = f"patient_id,birth\na,03/04/2021\nb,\nc,{cell}\n"
    with pytest.raises(
        InputError, match=f"column birth: 1 date at fault: row 4 patient c: '{cell}' {reason}"
    ):
        read(tmp_path, text, dates={"birth": "%d/%m/%Y"})


def test_a_date_format_must_hold_a_whole_date(tmp_path: Path) -> None:
    text = "patient_id,birth\na,03/04/2021\n"
    assert read(tmp_path, text, dates={"birth": "%d/%m/%Y"}).n_rows == 1
    with pytest.raises(StudyError, match=r"cohort\.dates\.birth: found '%m/%Y'"):
        read(tmp_path, text, dates={"birth": "%m/%Y"})


# T16


def test_a_file_that_many_rows_of_a_patient_name_is_rejected_once(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.png")
    text = "patient_id,file,x\n1,gone.png,1\n1,gone.png,2\n2,gone.png,3\n3,a.png,4\n"
    assert [(r.patient_id, r.reason) for r in read(tmp_path, text, files=IMAGES).rejections] == [
        ("1", "absent: named in row 2, 3"),
        ("2", "absent: named in row 4"),
    ]


def test_every_file_is_accounted_for_once(tmp_path: Path) -> None:
    touch(
        tmp_path, "images/a.png", "images/b.png", "images/c.png", "images/.DS_Store", "notes/n.txt"
    )
    touch(tmp_path, "images/deep/d.png")
    text = "patient_id,file\n1,a.png\n2,b.PNG\n2,a.png\n3,\n4,gone.png\n5,gone.png\n"
    cohort = read(tmp_path, text, files={**IMAGES, "record": "none"})
    absent = "absent: named in row 3; images/b.png differs only in upper and lower case"
    assert states(cohort) == {
        "t.csv": ("used", "cohort table"),
        "images/a.png": ("used", ""),
        "images/b.PNG": ("rejected", absent),
        "images/gone.png": ("rejected", "absent: named in row 6, 7"),
        "images/.DS_Store": ("ignored", "hidden file"),
        "images/b.png": ("ignored", "no row names it"),
        "images/c.png": ("ignored", "no row names it"),
        "images/deep/d.png": ("ignored", "no row names it"),
    }
    assert [(r.patient_id, r.reason) for r in cohort.rejections] == [
        ("2", absent),
        ("4", "absent: named in row 6"),
        ("5", "absent: named in row 7"),
    ]
    assert [len(paths) for paths in cohort.files["image"]] == [1, 0, 1, 0, 0, 0]
    assert list(cohort.files) == ["image"]
    assert any("named by several patients: images/a.png (1, 2)" in note for note in cohort.notes)


def test_two_modalities_may_share_a_folder(tmp_path: Path) -> None:
    touch(tmp_path, "f/1_a.png", "f/1_b.png", "f/x.png")
    cohort = read(
        tmp_path,
        "patient_id\n1\n",
        files={"a": "f/{patient_id}_a.png", "b": "f/{patient_id}_b.png"},
    )
    assert {name: state for name, (state, _) in states(cohort).items()} == {
        "t.csv": "used", "f/1_a.png": "used", "f/1_b.png": "used", "f/x.png": "ignored",
    }  # fmt: skip
    assert [record.modality for record in cohort.records] == ["", "a", "b", ""]


def test_folders_and_stars_give_files_in_natural_order(tmp_path: Path) -> None:
    touch(tmp_path, *(f"mri/p 1/slice_{i}.png" for i in (10, 2, 1)), "mri/p 1/.hidden")
    touch(tmp_path, "mri/p[2]/slice_1.png", "mri/p[2]/other.png")
    text = "Case ID\np 1\np[2]\np*\n"
    files = {"folder": "mri/{Case ID}", "star": "mri/{patient_id}/slice_*.png"}
    cohort = read(tmp_path, text, files=files, patient_id="Case ID")
    names = {
        modality: [[path.name for path in paths] for paths in rows]
        for modality, rows in cohort.files.items()
    }
    slices = ["slice_1.png", "slice_2.png", "slice_10.png"]
    assert names == {
        "folder": [slices, ["other.png", "slice_1.png"], []],
        "star": [slices, ["slice_1.png"], []],
    }
    assert [r.patient_id for r in cohort.rejections] == ["p*", "p*"]
    assert states(cohort)["mri/p 1/.hidden"] == ("ignored", "hidden file")


def test_natural_order_of_numbers() -> None:
    names = ["s10", "s9", "s02", "s2", "a", "10", "9"]
    assert sorted(names, key=natural_key) == ["9", "10", "a", "s02", "s2", "s9", "s10"]


def test_a_link_to_its_own_parent_does_not_loop(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.png")
    os.symlink(tmp_path / "images", tmp_path / "images" / "again")
    assert read(tmp_path, "patient_id,file\n1,a.png\n", files=IMAGES).files["image"][0]


# U01


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("../../secret.png", "leaves the data folder"),
        ("x/../../secret.png", "leaves the data folder"),
        ("/etc/passwd", "is an absolute path"),
        ("C:/x.png", "is an absolute path"),
        ("..\\x.png", "holds a backslash"),
        ('"a\nb.png"', "holds a control character"),
    ],
)
def test_cells_cannot_leave_the_data_folder(tmp_path: Path, cell: str, reason: str) -> None:
    touch(tmp_path, "images/a.png")
    with pytest.raises(InputError, match=f"row 2 column file: .*{reason}"):
        read(tmp_path, f"patient_id,file\n1,{cell}\n", files=IMAGES)


def test_an_empty_cell_that_is_not_missing_is_no_file_name(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.png")
    with pytest.raises(InputError, match="row 2 column file: '' is empty but not declared missing"):
        read(tmp_path, "patient_id,file\n1,\n", files=IMAGES, missing=())


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("images/{fiel}", "names 'fiel', which is no column of the table. Did you mean 'file'"),
        ("../{file}", "leaves the data folder"),
        ("/data/{file}", "absolute path"),
        ("images/{}", "braces without a column name"),
        ("images/{file", "braces without a column name"),
        ("images/**/{file}", r"holds \*\*"),
        (" ", "is empty"),
    ],
)
def test_faulty_patterns_name_the_key(tmp_path: Path, pattern: str, message: str) -> None:
    with pytest.raises(StudyError, match=rf"modalities\.image\.files: .*{message}"):
        read(tmp_path, "patient_id,file\n1,a.png\n", files={"image": pattern})


def test_absent_folders_name_the_remedy(tmp_path: Path) -> None:
    remedy = r"--data DIR or TUMORBOARD_DATA"
    with pytest.raises(InputError, match=f"no such data folder. .*{remedy}"):
        Folder(table="t.csv").read(tmp_path / "absent", name="x", files={})
    with pytest.raises(InputError, match=f"no such table .*{remedy}"):
        Folder(table="t.csv").read(tmp_path, name="x", files={})
    with pytest.raises(InputError, match=f"no folder 'images' here.*{remedy}"):
        read(tmp_path, "patient_id,file\n1,a.png\n", files=IMAGES)
    assert read(tmp_path, "patient_id,file\n1,\n", files=IMAGES).files["image"] == ((),)


def test_settings_reach_the_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("patient_id;größe\n1;1,5\n".encode("latin-1"))
    cohort = Folder(table="t.csv", encoding="latin-1", delimiter=";", decimal=".").read(
        tmp_path, name="x", files={}
    )
    assert cohort.columns["größe"] == ("1,5",)


def test_a_hundred_thousand_rows(tmp_path: Path) -> None:
    touch(tmp_path, "images/f7.png")
    body = "".join(f"p{i // 2},{i % 90},f{i % 8}.png\n" for i in range(100_000))
    cohort = read(tmp_path, "patient_id,age,file\n" + body, files=IMAGES, ranges={"age": (0, 90)})
    assert (cohort.n_rows, len(cohort.patients)) == (100_000, 50_000)
    assert len(cohort.rejections) == 87_500
    assert len(cohort.records) == 9


def data(folder: str) -> Path:
    root = os.environ.get("TUMORBOARD_DATA")
    if root is None or not (Path(root) / folder).is_dir():
        pytest.skip(f"TUMORBOARD_DATA does not name a folder that holds {folder}/")
    return Path(root) / folder


@pytest.mark.realdata
def test_breast_ultrasound_counts() -> None:
    source = Folder(table="patients.csv", patient_id="CaseID", missing=("", "not available"))
    files = {"ultrasound": "images/{Image_filename}", "mask": "masks/{Mask_tumor_filename}"}
    cohort = source.read(data("breast-ultrasound"), name="breast", files=files)
    assert (len(cohort.patients), cohort.n_rows) == (176, 176)
    assert sum(len(paths) for paths in cohort.files["ultrasound"]) == 176
    assert sum(len(paths) for paths in cohort.files["mask"]) == 173
    assert sum(cell is None for cell in cohort.columns["Age"]) == 26
    assert cohort.rejections == ()
    assert {record.state for record in cohort.records} == {"used"}
    assert len(cohort.records) == 1 + 176 + 173


@pytest.mark.realdata
def test_skin_lesions_counts() -> None:
    source = Folder(table="images.csv", patient_id="lesion_id")
    cohort = source.read(data("skin-lesions"), name="skin", files={"image": "images/{file}"})
    assert (len(cohort.patients), cohort.n_rows) == (2400, 3206)
    assert sum(len(paths) for paths in cohort.files["image"]) == 3206
    assert cohort.rejections == ()


@pytest.mark.realdata
def test_brain_mri_slices_come_in_order() -> None:
    source = Folder(table="patients.csv", patient_id="Patient")
    cohort = source.read(data("brain-mri"), name="brain", files={"flair": "flair/{Patient}"})
    names = [path.stem for path in cohort.files["flair"][0]]
    assert names == [f"{i:03d}" for i in range(1, len(names) + 1)]
