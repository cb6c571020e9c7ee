"""Masks of lesions lie on their lesions; faults are said, not guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorboard.errors import StudyError
from tumorboard.formats.image_preparation import Preparation
from tumorboard.formats.lesion_masks import read_image_masks
from tumorboard.formats.slices import Slice
from tumorboard.records import Cohort

PAD = Preparation(size=(32, 32), aspect="pad", window="declared")


def make_cohort(folder: Path) -> Cohort:
    """Bright squares on black, wide images; row 1 names no mask, 2 a wrong size, 3 none that is."""
    (folder / "masks").mkdir()
    for i in range(4):
        pixels = np.zeros((40, 80), dtype=np.uint8)
        pixels[10:30, 20:40] = 200
        Image.fromarray(pixels).save(folder / f"{i}.png")
        Image.fromarray((pixels > 0).astype(np.uint8)).save(folder / "masks" / f"{i}.png")
    Image.fromarray(np.ones((40, 40), dtype=np.uint8)).save(folder / "masks" / "2.png")
    (folder / "masks" / "3.png").unlink()
    ids = ("a", "b", "c", "d")
    return Cohort(
        name="x",
        patient_id=ids,
        unit_id=ids,
        columns={"mask": ("0.png", None, "2.png", "3.png"), "evil": ("../0.png",) * 4},
        files={"us": tuple((folder / f"{i}.png",) for i in range(4))},
        line=(2, 3, 4, 5),
        table=folder / "t.csv",
        root=folder,
    )


def test_a_mask_of_zero_and_one_lies_on_its_lesion(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path)
    found = read_image_masks(cohort, np.arange(4), "masks/{mask}", PAD, name="us")
    assert found.known.tolist() == [True, False, False, False]
    image = PAD.apply(Slice(tmp_path / "0.png", 0))[0]
    assert np.array_equal(found.masks[0], image > 100)
    assert found.masks[0].sum() == 64  # 20 x 20 px at 32 / 80 of their size


def test_what_cannot_be_used_is_said_by_patient(tmp_path: Path) -> None:
    found = read_image_masks(make_cohort(tmp_path), np.arange(4), "masks/{mask}", PAD, name="us")
    wrong, absent = found.remarks
    assert wrong.startswith("us, patient c: no mask: ")
    assert wrong.endswith("40 x 40 pixels, but its image has 40 x 80.")
    assert "patient d" in absent
    assert "no such file" in absent


def test_a_cell_cannot_leave_the_data_folder(tmp_path: Path) -> None:
    found = read_image_masks(make_cohort(tmp_path), np.arange(1), "masks/{evil}", PAD, name="us")
    assert "leaves the data folder" in found.remarks[0]
    assert not found.known.any()


def test_an_unknown_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"us\.masks: .*'maske'.*Did you mean 'mask'"):
        read_image_masks(make_cohort(tmp_path), np.arange(1), "masks/{maske}", PAD, name="us")
