from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from made_scans import SHAPE, aim_text, write_ct, write_segmentation

from tumorboard.errors import InputError
from tumorboard.formats.patient_scans import center_cell, find_scans

MASK = np.zeros(SHAPE[::-1], np.uint8)
MASK[2, 3, 4] = 1
#: Voxel (4, 3, 2) at -100 + 8, -50 + 9, 20 + 10 mm in DICOM's axes.
CENTER = (-92.0, -41.0, 30.0)


def test_the_largest_series_that_is_no_localizer(tmp_path: Path) -> None:
    study = tmp_path / "images" / "AMC-001" / "study"
    write_ct(study / "3-chest", n_slices=3)
    write_ct(study / "2-lung", n_slices=4)
    write_ct(study / "1-topogram", n_slices=5, localizer=True)
    (study / "LICENSE").write_text("text")
    (tmp_path / "images" / "AMC-002").mkdir()
    scans = find_scans(tmp_path / "images", ["AMC-001", "AMC-002", "AMC-003"], annotations=None)
    assert scans.ct_series == ["AMC-001/study/2-lung", None, None]
    assert scans.notes == ["CT of 1 patient in images (most files of several series: 1)"]
    assert (scans.center_mm, scans.rejections) == ([None] * 3, [])


def test_a_segmentation_names_the_series_and_the_center(tmp_path: Path) -> None:
    study = tmp_path / "AMC-001" / "study"
    few = write_ct(study / "3-chest", n_slices=6)
    write_ct(study / "2-lung", n_slices=9)
    write_segmentation(study / "9-seg" / "1-1.dcm", few, MASK)
    scans = find_scans(tmp_path, ["AMC-001"], annotations=None)
    assert scans.ct_series == ["AMC-001/study/3-chest"]
    assert scans.segmentation == ["AMC-001/study/9-seg/1-1.dcm"]
    assert scans.center_mm[0] == pytest.approx(CENTER)
    assert [(r.state, r.reason, r.patient_id) for r in scans.records] == [
        ("used", "segmentation", "AMC-001")
    ]


def test_an_annotation_in_pixels_of_one_slice(tmp_path: Path) -> None:
    slices = write_ct(tmp_path / "images" / "AMC-001" / "s" / "ct")
    (tmp_path / "aim").mkdir()
    # the middle of voxel (4, 3) is half a pixel from its corner
    text = aim_text(
        [(4.5, 3.5), (9, 3.5)], kind="TwoDimensionCircle", image_uid=slices[2].SOPInstanceUID
    )
    (tmp_path / "aim" / "AMC-001.xml").write_text(text)
    scans = find_scans(tmp_path / "images", ["AMC-001"], annotations=tmp_path / "aim")
    assert scans.center_mm[0] == pytest.approx(CENTER)
    assert scans.segmentation == [None]


def test_an_annotation_of_a_slice_in_a_zip(tmp_path: Path) -> None:
    slices = write_ct(tmp_path / "ct")
    (tmp_path / "images").mkdir()
    with ZipFile(tmp_path / "images" / "AMC-001_chest.zip", "w") as archive:
        archive.writestr("LICENSE", "text")
        for file in sorted((tmp_path / "ct").iterdir()):
            archive.write(file, f"s/ct/{file.name}")
    (tmp_path / "images" / "AMC-002.zip").write_bytes(b"PK\x03\x04 cut off")
    (tmp_path / "aim").mkdir()
    for patient in ("AMC-001", "AMC-002"):
        (tmp_path / "aim" / f"{patient}.xml").write_text(
            aim_text([(4.5, 3.5)], kind="TwoDimensionPoint", image_uid=slices[2].SOPInstanceUID)
        )
    patients = ["AMC-001", "AMC-002"]
    scans = find_scans(tmp_path / "images", patients, annotations=tmp_path / "aim")
    assert scans.ct_series == ["AMC-001_chest.zip", "AMC-002.zip"]
    assert scans.center_mm[0] == pytest.approx(CENTER)
    assert scans.center_mm[1] is None
    assert [r.patient_id for r in scans.rejections] == ["AMC-002"]


def test_an_annotation_in_mm(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "aim").mkdir()
    (tmp_path / "aim" / "AMC-001.xml").write_text(
        aim_text([(-92, -41, 30)], kind="ThreeDimensionPoint")
    )
    scans = find_scans(tmp_path / "images", ["AMC-001"], annotations=tmp_path / "aim")
    assert scans.center_mm[0] == pytest.approx(CENTER)


def test_a_bad_file_is_rejected_and_the_patient_keeps_the_rest(tmp_path: Path) -> None:
    study = tmp_path / "images" / "AMC-001" / "s"
    slices = write_ct(study / "ct")
    mask = MASK + 1
    write_segmentation(study / "seg" / "1.dcm", slices, mask, ("lung", "heart"))
    (tmp_path / "aim").mkdir()
    (tmp_path / "aim" / "AMC-001.xml").write_text(aim_text([(1, 1)], image_uid="1.2.3"))
    scans = find_scans(tmp_path / "images", ["AMC-001"], annotations=tmp_path / "aim")
    assert scans.ct_series == ["AMC-001/s/ct"]
    assert scans.center_mm == [None]
    seg, aim = scans.rejections
    assert (seg.patient_id, seg.path) == ("AMC-001", study / "seg" / "1.dcm")
    assert "of which 0 are called tumour" in seg.reason
    assert "drawn on the image 1.2.3, which none of the patient's CT series holds" in aim.reason


def test_zip_files_by_the_beginning_of_their_name(tmp_path: Path) -> None:
    for name in ("AMC-001_chest.zip", "AMC-0011.zip", "AMC-002.zip", "AMC-002 old.zip"):
        (tmp_path / name).write_bytes(b"PK")
    scans = find_scans(tmp_path, ["AMC-001", "AMC-002"], annotations=None)
    assert scans.ct_series == ["AMC-001_chest.zip", None]
    (rejection,) = scans.rejections
    assert rejection.patient_id == "AMC-002"
    assert "several ZIPs" in rejection.reason


def test_absent_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"images: no such folder\. Name it in \[cohort\]"):
        find_scans(tmp_path / "images", ["AMC-001"], annotations=None)


def test_cell_of_a_center() -> None:
    assert center_cell((1, -2.5, 3.14159)) == "1.000 -2.500 3.142"
    assert center_cell(None) is None
