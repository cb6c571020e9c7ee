"""Contours made on a series: what they enclose, holes, several structures, other series."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_dicom import Made, item, new_dataset
from matplotlib.path import Path as Outline
from pydicom.dataset import FileDataset

from tumorboard.errors import InputError
from tumorboard.formats.dicom_contours import RTSTRUCT, read_contours
from tumorboard.formats.dicom_series import read_dicom_series
from tumorboard.formats.volume import Volume
from tumorboard.formats.volume_masks import read_mask

#: Corners in columns and rows of the slices, off voxel centres.
TUMOUR = np.array([[4.3, 6.4], [17.6, 9.2], [21.7, 24.8], [8.1, 30.3]])
HOLE = np.array([[10.4, 14.3], [14.6, 14.3], [14.6, 20.7], [10.4, 20.7]])


def contour(made: Made, outline: np.ndarray, k: int, kind: str = "CLOSED_PLANAR") -> Any:
    """Columns and rows of slice `k` as points of the patient, LPS."""
    rows_mm, columns_mm, _ = made.spacing_mm
    along = np.reshape(made.orientation, (2, 3)).astype(float)
    points = (
        made.position(k)
        + outline[:, :1] * columns_mm * along[0]
        + outline[:, 1:] * rows_mm * along[1]
    )
    return item(
        ContourGeometricType=kind,
        NumberOfContourPoints=len(points),
        ContourData=[f"{v:.4f}" for v in points.ravel()],
    )


def structures(made: Made, rois: dict[str, list[Any]], **edits: Any) -> FileDataset:
    ds = new_dataset(RTSTRUCT, "1.2.3.9")
    ds.Modality, ds.PatientID = "RTSTRUCT", made.patient_id
    series = item(SeriesInstanceUID=edits.get("series", made.series_uid))
    ds.ReferencedFrameOfReferenceSequence = [
        item(
            FrameOfReferenceUID=edits.get("frame", "1.2.826.0.1.3680043.10.9"),
            RTReferencedStudySequence=[item(RTReferencedSeriesSequence=[series])],
        )
    ]
    numbered = list(enumerate(rois.items(), start=1))
    ds.StructureSetROISequence = [item(ROINumber=k, ROIName=name) for k, (name, _) in numbered]
    ds.ROIContourSequence = [
        item(ReferencedROINumber=k, ContourSequence=contours) for k, (_, contours) in numbered
    ]
    return ds


def volume_of(made: Made, folder: Path) -> Volume:
    return read_dicom_series(made.write(folder), where=folder)


@pytest.mark.parametrize(
    "orientation", [(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1)], ids=["axial", "sagittal"]
)
def test_what_contours_enclose(tmp_path: Path, orientation: Any) -> None:
    made = Made(orientation=orientation)
    volume = volume_of(made, tmp_path / "ct")
    contours = [contour(made, TUMOUR, k) for k in (2, 3)] + [contour(made, HOLE, 3)]
    path = tmp_path / "rt.dcm"
    structures(made, {"GTV-1": contours}).save_as(path)
    centres = np.stack(np.meshgrid(np.arange(32), np.arange(40)), axis=-1).reshape(-1, 2)
    outer = Outline(TUMOUR).contains_points(centres).reshape(40, 32)
    inner = Outline(HOLE).contains_points(centres).reshape(40, 32)
    drawn = np.zeros((8, 40, 32), bool)
    drawn[2], drawn[3] = outer, outer & ~inner
    # The same voxels of a series that holds the mask as its values, whatever its axes are.
    twin = replace(made, hu=drawn.astype(int) * 100 - 500)
    expected = volume_of(twin, tmp_path / "twin").array[0] > -500
    found = read_contours(path, volume)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(read_mask([path], volume), expected)


def refusal(path: Path, volume: Volume, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_contours(path, volume, **options)
    return str(caught.value)


def test_several_structures_need_a_choice(tmp_path: Path) -> None:
    made = Made()
    volume = volume_of(made, tmp_path / "ct")
    path = tmp_path / "rt.dcm"
    rois = {"GTV-1": [contour(made, TUMOUR, 2)], "Heart": [contour(made, HOLE, 5)]}
    structures(made, rois).save_as(path)
    assert "2 structures: 1 'GTV-1', 2 'Heart'. Choose one, such as segment = 'GTV-1'" in refusal(
        path, volume
    )
    for segment, place in (("GTV*", 2), ("2", 5)):
        voxels = np.argwhere(read_contours(path, volume, segment=segment))
        assert set(voxels[:, 2].tolist()) == {place}
    assert "no structure 'liver'. Found: 1 'GTV-1'" in refusal(path, volume, segment="liver")


def test_d23_d24_other_series_frames_of_reference_and_kinds_are_refused(tmp_path: Path) -> None:
    made = Made()
    volume = volume_of(made, tmp_path / "ct")
    path = tmp_path / "rt.dcm"
    rois = {"GTV-1": [contour(made, TUMOUR, 2)]}
    structures(made, rois, series="1.2.9").save_as(path)
    assert "drawn on series 1.2.9, which is absent" in refusal(path, volume)
    structures(made, rois, frame="1.2.8").save_as(path)
    assert "FrameOfReferenceUID is 1.2.8" in refusal(path, volume)
    for contours, said in (
        ([contour(made, TUMOUR, 2, "POINT")], "1 'POINT'; expected CLOSED_PLANAR"),
        ([contour(made, TUMOUR, 9)], "1 contour beyond the slices"),
        ([], "no structure with contours"),
    ):
        structures(made, {"GTV-1": contours}).save_as(path)
        assert said in refusal(path, volume)
    between = replace(made, origin=(-20, -15, 101.5))
    structures(made, {"GTV-1": [contour(between, TUMOUR, 2)]}).save_as(path)
    assert "off the slices of the volume" in refusal(path, volume)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"CLOSED_PLANAR") + 40])
    assert str(path) in refusal(path, volume)
