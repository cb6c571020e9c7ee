import os
from pathlib import Path

import numpy as np
import pytest
from made_scans import ORIGIN_MM, SHAPE, SPACING_MM, write_ct, write_segmentation

from tumorboard.errors import InputError
from tumorboard.formats.segmentation_center import read_segmented_tumour


def box(number: int = 1) -> np.ndarray:
    mask = np.zeros(SHAPE[::-1], np.uint8)
    mask[1:4, 2:5, 6:8] = number  # slices 1 to 3, rows 2 to 4, columns 6 and 7
    return mask


def expected(column: float, row: float, number: float) -> tuple[float, float, float]:
    x, y, z = (
        o + s * i for o, s, i in zip(ORIGIN_MM, SPACING_MM, (column, row, number), strict=True)
    )
    return x, y, z


def test_center_and_volume_of_a_box(tmp_path: Path) -> None:
    slices = write_ct(tmp_path / "ct")
    write_segmentation(tmp_path / "seg.dcm", slices, box())
    tumour = read_segmented_tumour(tmp_path / "seg.dcm")
    assert tumour.center_mm == pytest.approx(expected(6.5, 3, 2))
    assert tumour.series_uid == slices[0].SeriesInstanceUID
    assert tumour.volume_ml == pytest.approx(18 * 2 * 3 * 5 / 1000)


def test_the_segment_that_is_called_tumour_is_taken(tmp_path: Path) -> None:
    mask = box(2)
    mask[0] = 1
    write_segmentation(tmp_path / "s.dcm", write_ct(tmp_path / "ct"), mask, ("lung", "Neoplasm"))
    assert read_segmented_tumour(tmp_path / "s.dcm").center_mm == pytest.approx(expected(6.5, 3, 2))


@pytest.mark.parametrize("labels", [("lung", "heart"), ("nodule 1", "nodule 2")])
def test_segments_that_may_each_be_the_tumour(labels: tuple[str, str], tmp_path: Path) -> None:
    mask = box(2)
    mask[0] = 1
    write_segmentation(tmp_path / "s.dcm", write_ct(tmp_path / "ct"), mask, labels)
    with pytest.raises(InputError, match=r"s\.dcm: 2 segments \(1 .*\), of which [02] are called"):
        read_segmented_tumour(tmp_path / "s.dcm")


def test_other_files_are_refused(tmp_path: Path) -> None:
    write_ct(tmp_path / "ct", n_slices=1)
    with pytest.raises(InputError, match="modality 'CT', expected SEG"):
        read_segmented_tumour(tmp_path / "ct" / "1-01.dcm")
    (tmp_path / "text.dcm").write_text("no image")
    with pytest.raises(InputError, match=r"text\.dcm: not a DICOM segmentation"):
        read_segmented_tumour(tmp_path / "text.dcm")


@pytest.mark.realdata
def test_real_segmentation_by_another_reader() -> None:
    data = os.environ.get("TUMORBOARD_DATA")
    if data is None or not (Path(data) / "dicom-zoo" / "seg").is_dir():
        pytest.skip("TUMORBOARD_DATA does not name a folder that holds dicom-zoo/seg")
    from highdicom.seg import segread

    path = Path(data) / "dicom-zoo" / "seg" / "seg_image_ct_binary.dcm"
    own = segread(path)
    volume = own.get_volume(combine_segments=True)
    index = np.argwhere(volume.array > 0).mean(axis=0)
    center = tuple((volume.affine @ [*index, 1])[:3])
    assert read_segmented_tumour(path).center_mm == pytest.approx(center, abs=1e-3)
