"""The source `annotations`: every file in one record, every count equal to the files' own."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tumorboard import registry
from tumorboard.cohorts import Source
from tumorboard.cohorts.annotations import Annotations
from tumorboard.errors import InputError, StudyError
from tumorboard.records import Cohort

PATCHES = {"patches": "{image}"}


def image(root: Path, name: str, *, width: int = 40, height: int = 20) -> None:
    path = root / "images" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(path)


def marks(root: Path, name: str, content: object) -> None:
    path = root / "annotations" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def dots(*xy: tuple[float, float]) -> list[dict[str, float]]:
    return [{"x": x, "y": y} for x, y in xy]


def read(root: Path, *, files: Mapping[str, str] = PATCHES, **settings: Any) -> Cohort:
    return Annotations(**settings).read(root, name="test", files=files)


def states(cohort: Cohort) -> dict[str, tuple[str, str]]:
    found = [
        (record.path.relative_to(cohort.root).as_posix(), (record.state, record.reason))
        for record in cohort.records
    ]
    assert len(found) == len(dict(found)), "a file is recorded twice"
    assert len(found) == sum(path.is_file() for path in cohort.root.rglob("*"))
    return dict(found)


@pytest.fixture
def two(tmp_path: Path) -> Path:
    image(tmp_path, "a.png")
    image(tmp_path, "b.tif")
    marks(tmp_path, "a.json", {"m": dots((0.5, 0.25)), "t": dots((0.1, 0.1), (0.2, 0.9)), "l": []})
    marks(tmp_path, "b.csv", "x,y,class,width,height\n10,10,t,4,6\n")
    return tmp_path


def test_one_row_for_each_annotation(two: Path) -> None:
    cohort = read(two)
    assert cohort.columns == {
        "image": ("images/a.png",) * 3 + ("images/b.tif",),
        "class": ("m", "t", "t", "t"),
        "x_px": ("20.0", "4.0", "8.0", "10.0"),
        "y_px": ("5.0", "2.0", "18.0", "10.0"),
        "width_px": (None, None, None, "4.0"),
        "height_px": (None, None, None, "6.0"),
        "annotation_id": ("a:1", "a:2", "a:3", "b:2"),
    }
    assert cohort.patient_id == ("a", "a", "a", "b")
    assert cohort.unit_id == ("a:1", "a:2", "a:3", "b:2")
    assert cohort.line == (2, 3, 4, 5)
    assert cohort.annotations == {"m": 1, "t": 3, "l": 0}
    assert cohort.files["patches"][2] == (two / "images/a.png",)
    assert {state for state, _ in states(cohort).values()} == {"used"}
    assert cohort.rejections == ()
    assert "coordinates of 1 annotation file are pixels (CSV)" in cohort.notes
    assert Annotations.defaults["task"] == {"target": "class", "unit": "annotation"}


def test_its_own_table_reads_as_annotations_again(two: Path) -> None:
    first = read(two)
    Annotations().tabulate(two).frame.write_csv(two / "annotations" / "all.csv")
    for name in ("a.json", "b.csv"):
        (two / "annotations" / name).unlink()
    again = read(two)
    own = {"annotation_id"}  # numbers an annotation where it stands in its file
    assert {n: c for n, c in again.columns.items() if n not in own} == {
        n: c for n, c in first.columns.items() if n not in own
    }
    assert again.annotations == {"m": 1, "t": 3}


def test_files_that_do_not_fit_are_rejected_and_the_rest_stays(two: Path) -> None:
    for name in ("c", "d", "e", "f", "g"):
        image(two, f"{name}.png")
    image(two, "k.png")
    (two / "images" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    marks(two, "broken.json", {"m": dots((0.5, 0.5))})
    marks(two, "c.json", '{"m": [')
    marks(two, "d.json", {"m": dots((3, 4), (41, 4), (3, 19.5)), "t": dots((2, 2))})
    marks(two, "e.json", {"m": dots((300, 4), (410, 4), (3, 4))})
    marks(two, "f.json", {"m": []})
    marks(two, "h.json", {"m": dots((0.5, 0.5))})
    (two / "images" / "Thumbs.db").write_bytes(b"x")
    (two / "images" / ".hidden.png").write_bytes(b"x")
    cohort = read(two)
    found = states(cohort)
    outside = "1 of 4 annotations outside the image of 40 x 20 px: m (number 2) at 41, 4"
    assert {name: state for name, (state, _) in found.items() if state != "used"} == {
        "images/broken.png": "rejected", "annotations/broken.json": "ignored",
        "images/c.png": "ignored", "annotations/c.json": "rejected",
        "images/e.png": "ignored", "annotations/e.json": "rejected",
        "images/f.png": "ignored",
        "images/g.png": "ignored", "images/k.png": "ignored",
        "annotations/h.json": "rejected",
        "images/Thumbs.db": "ignored", "images/.hidden.png": "ignored",
    }  # fmt: skip
    assert found["annotations/d.json"] == ("used", f"{outside}; left out")
    reasons = {rejection.patient_id: rejection.reason for rejection in cohort.rejections}
    assert len(reasons) == len(cohort.rejections) == 5
    assert reasons["d"] == f"d.json: {outside}; left out"
    assert "not valid JSON" in reasons["c"]
    assert "2 of 3 annotations outside" in reasons["e"]
    assert reasons["h"].startswith("h.json: no image has this name below images/*; 1 annotation")
    assert "the image has no pixels" in reasons["broken"]
    assert cohort.patients == ("a", "b", "d")
    assert cohort.n_rows == 4 + 3
    assert cohort.annotations == {"m": 1 + 1 + 3 + 3 + 1, "t": 4, "l": 0}
    assert "2 images without an annotation file: images/g.png, images/k.png" in cohort.notes
    assert {step.reason: step.patients for step in cohort.flow} == {
        "image damaged": ("broken",),
        "annotation file damaged": ("c",),
        "annotations outside of the image": ("e",),
        "annotation file marks nothing": ("f",),
        "no annotation file": ("g", "k"),
        "image missing": ("h",),
    }
    assert sum(step.n_patients for step in cohort.flow) + len(cohort.patients) == 7 + 3
    with pytest.raises(InputError, match=r"annotations outside of their image: d\.json: 1 of 4"):
        read(two, outside="error")


def test_one_table_for_many_images(two: Path) -> None:
    text = "image,x,y,class\na.png,1,2,m\nimages/b.tif,3,4,t\na,5,6,t\nzz.png,1,1,m\n"
    for path in (two / "annotations").iterdir():
        path.unlink()
    marks(two, "all.csv", text)
    cohort = read(two)
    assert cohort.columns["image"] == ("images/a.png", "images/a.png", "images/b.tif")
    assert cohort.unit_id == ("a:2", "a:4", "b:3")
    assert cohort.annotations == {"m": 2, "t": 2}
    assert [r.patient_id for r in cohort.rejections] == ["zz"]
    assert states(cohort)["annotations/all.csv"] == (
        "used", "zz.png: no image has this name below images/*; 1 annotation left out"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "settings", "message"),
    [
        ("b.json", {"M": []}, {"classes": ("m", "t", "l")},
         r"b\.json: 'M' \(0 annotations\)\. Did you mean 'm'"),
        ("b.json", {"M": []}, {}, r"differ only in case: b\.json: 'M', elsewhere 'm'"),
        ("a.xml", "x,y,class\n1,1,t\n", {},
         r"two annotation files .*a\.xml and .*a\.json for images/a\.png"),
        ("b.json", {"t": dots((0.5, 1.01), (0.2, 0.2))}, {}, r"b\.json: cannot tell pixels"),
        ("b.json", {"t": dots((0.5, 0.1))}, {"patient": "([0-9]+)"},
         r"2 names without a patient: images/a\.png"),
        ("b.json", {"t": dots((0.5, 0.1))}, {"images": "annotations/*"}, "which names no file"),
    ],
)  # fmt: skip
def test_what_makes_the_cohort_doubtful_stops_it(
    two: Path, name: str, content: object, settings: dict[str, Any], message: str
) -> None:
    if name.startswith("b"):
        (two / "annotations" / "b.csv").unlink()
    marks(two, name, content)
    with pytest.raises(InputError, match=message):
        read(two, **settings)


def test_all_that_makes_a_cohort_doubtful_is_said_at_once(two: Path) -> None:
    image(two, "c.png")
    image(two, "c.tif")
    marks(two, "a.csv", "x,y,class\n10,9,nucleus\n")
    marks(two, "c.json", {"t": dots((0.5, 1.01), (0.2, 0.2))})
    with pytest.raises(InputError) as caught:
        read(two, classes=("m", "t", "l"))
    assert [line.split(":")[0] for line in caught.value.problems] == [
        "images with the same name", "unknown classes", "c.json",
    ]  # fmt: skip
    (two / "images" / "c.tif").unlink()
    with pytest.raises(InputError) as caught:
        read(two, classes=("m", "t", "l"))
    assert [line.split(":")[0] for line in caught.value.problems] == [
        "unknown classes", "c.json", "two annotation files for one image",
    ]  # fmt: skip


def test_a_file_of_the_image_s_name_with_another_ending_is_named(two: Path) -> None:
    image(two, "c.png")
    marks(two, "c.dat", "x,y,class\n1,1,m\n")
    cohort = read(two)
    assert states(cohort)["images/c.png"][1].startswith(
        "no annotation file has its name; annotations/c.dat was not looked at: its ending is none "
        "of .json"
    )
    assert any("images/c.png (annotations/c.dat was not looked at)" in n for n in cohort.notes)


def test_two_images_of_one_name(two: Path) -> None:
    image(two, "b.png")
    with pytest.raises(InputError, match=r"same name: images/b\.png and images/b\.tif"):
        read(two)


def test_patient_by_expression_or_from_a_table(two: Path) -> None:
    image(two, "Case_7-01.png")
    marks(two, "Case_7-01.json", {"t": dots((0.5, 0.3))})
    assert read(two, patient="(?:Case_)?([^-]+)(?:-[0-9]+)?").patients == ("7", "a", "b")
    (two / "images.csv").write_text("image,who,mpp\na.png,P1,0.25\nb,P1,\nCase_7-01,P2,0.5\n")
    cohort = read(two, patient="{who}", table="images.csv", files={"p": "{image}"})
    assert cohort.patients == ("P2", "P1")
    assert cohort.columns["mpp"] == ("0.5", "0.25", "0.25", "0.25", None)
    assert states(cohort)["images.csv"][0] == "used"
    (two / "images.csv").write_text("image,who\na.png,P1\n")
    with pytest.raises(
        InputError, match=r"images\.csv: no who for 2 images: images/Case_7-01\.png"
    ):
        read(two, patient="{who}", table="images.csv")
    (two / "images.csv").write_text("patient_id,hospital\na,North\nb,South\n")
    with pytest.raises(InputError, match="no row for Case_7-01"):
        read(two, table="images.csv")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patient": "Case_.*"}, "has 0 groups, expected one"),
        ({"patient": "("}, "is no regular expression"),
        ({"patient": "{who}"}, "needs a cohort.table with the columns 'image' and 'who'"),
        ({"images": "../x/*"}, "leaves the data folder"),
        ({"annotations": "a/{image}.json"}, "has braces"),
    ],
)
def test_settings_at_fault_are_named(two: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        read(two, **settings)


def test_registry_finds_it() -> None:
    component = registry.find("cohorts", "annotations", Source)
    settings = registry.resolve(component, {"classes": ["a"]}, where="cohort")
    assert settings["outside"] == "reject"
    with pytest.raises(StudyError, match="coordinates"):
        registry.resolve(component, {"coordinates": "percent"}, where="cohort")


def test_a_modality_that_names_files_that_are_absent_says_so_once(two: Path) -> None:
    cohort = read(two, files={"patches": "{image}", "mask": "images/{image}.mask"})
    absent = [r for r in cohort.rejections if "absent" in r.reason]
    assert len(absent) == 2
    assert all(paths == () for paths in cohort.files["mask"])


def test_many_dots_of_many_images(tmp_path: Path) -> None:
    n_images, n = 40, 250
    xy = np.random.default_rng(0).random((n_images, n, 2)).round(6)
    for i in range(n_images):
        image(tmp_path, f"{i // 4}_{i}.png")
        marks(tmp_path, f"{i // 4}_{i}.json", {"t": dots(*map(tuple, xy[i].tolist()))})
    cohort = read(tmp_path, patient="([0-9]+)_.*")
    assert (cohort.n_rows, len(cohort.patients)) == (n_images * n, 10)
    assert len(set(cohort.unit_id)) == n_images * n
    np.testing.assert_allclose(
        np.asarray(cohort.columns["x_px"], float), xy[..., 0].ravel() * 40, atol=1e-4
    )


def test_the_table_holds_the_patient_and_the_columns(two: Path) -> None:
    Annotations().tabulate(two).frame.write_csv(two / "out.csv")
    with (two / "out.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert rows[0] == {
        "patient_id": "a", "image": "images/a.png", "class": "m", "x_px": "20.0", "y_px": "5.0",
        "width_px": "", "height_px": "", "annotation_id": "a:1",
    }  # fmt: skip
