"""Boxes around masks: counted by hand, said where there is none, refused where they do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError
from tumorboard.formats import mask_boxes
from tumorboard.formats.mask_boxes import FoundBoxes, MaskCrop
from tumorboard.records import Cohort


def save(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.astype(np.uint8)).save(path)


def mask_of(top: int, bottom: int, left: int, right: int, value: int = 255) -> np.ndarray:
    mask = np.zeros((40, 60), dtype=np.uint8)
    mask[top:bottom, left:right] = value
    return mask


def cohort_of(folder: Path, masks: tuple[str | None, ...]) -> Cohort:
    ids = tuple(f"P{k}" for k in range(len(masks)))
    return Cohort(
        name="x", patient_id=ids, unit_id=ids, columns={"mask": masks},
        files={"us": tuple((folder / f"{p}.png",) for p in ids)},
        line=tuple(range(2, len(ids) + 2)), table=folder / "t.csv", root=folder,
    )  # fmt: skip


def find(cohort: Cohort, cache: Cache | None = None, **settings: Any) -> FoundBoxes:
    crop = MaskCrop.parse({"mask": "masks/{mask}"} | settings)
    assert crop is not None
    return crop.find(cohort, name="us", cache=cache)


def test_the_box_and_its_margin_are_counted_by_hand(tmp_path: Path) -> None:
    save(tmp_path / "masks" / "a.png", mask_of(10, 20, 15, 35))
    cohort = cohort_of(tmp_path, ("a.png",))
    assert find(cohort, margin=0).boxes == {0: (10, 20, 15, 35, 40, 60)}
    # 0.15 of the longer side, 20 pixels, is 3 on every side
    assert find(cohort).boxes == {0: (7, 23, 12, 38, 40, 60)}
    # one side length more: as far as the picture reaches
    assert find(cohort, margin=1).boxes == {0: (0, 40, 0, 55, 40, 60)}


def test_numbers_of_labels_and_several_masks_of_a_row_are_joined(tmp_path: Path) -> None:
    save(
        tmp_path / "masks" / "a" / "1.png", mask_of(10, 12, 15, 17, 1) + mask_of(13, 14, 20, 21, 3)
    )
    save(tmp_path / "masks" / "a" / "2.png", mask_of(30, 31, 5, 6, 2))
    assert find(cohort_of(tmp_path, ("a",)), margin=0).boxes == {0: (10, 31, 5, 21, 40, 60)}


def test_pictures_without_a_mask_are_kept_whole_and_counted(tmp_path: Path) -> None:
    save(tmp_path / "masks" / "a.png", mask_of(10, 20, 15, 35))
    save(tmp_path / "masks" / "b.png", mask_of(0, 0, 0, 0))
    cohort = cohort_of(tmp_path, ("a.png", "b.png", None, "gone.png"))
    found = find(cohort)
    assert set(found.boxes) == {0}
    assert not found.rejected
    assert found.notes == (
        "3 of 4 pictures kept whole, with nothing to crop around: 2 without a mask, 1 with an "
        "empty one (patients P1, P2, P3)",
    )
    assert [(r.path.name, r.state) for r in found.records] == [("a.png", "used"), ("b.png", "used")]


def test_pictures_without_a_mask_are_rejected_on_request(tmp_path: Path) -> None:
    save(tmp_path / "masks" / "b.png", mask_of(0, 0, 0, 0))
    found = find(cohort_of(tmp_path, ("b.png", None)), empty="reject")
    reasons = {row: reason for row, (_, reason) in found.rejected.items()}
    assert reasons == {
        0: 'its mask is empty, and crop.empty is "reject".',
        1: 'it has no mask, and crop.empty is "reject".',
    }
    assert found.rejected[0][0] == tmp_path / "P0.png"
    assert not found.notes


def test_a_damaged_mask_is_rejected_whatever_empty_says(tmp_path: Path) -> None:
    save(tmp_path / "masks" / "two" / "1.png", mask_of(1, 2, 1, 2))
    save(tmp_path / "masks" / "two" / "2.png", np.ones((5, 5)))
    (tmp_path / "masks" / "bad.png").write_bytes(b"no picture")
    found = find(cohort_of(tmp_path, ("bad.png", "two", "../x.png")))
    assert set(found.rejected) == {0, 1, 2}
    assert "bad.png" in found.rejected[0][1]
    assert "2.png: 5 x 5 pixels, but 1.png has 40 x 60" in found.rejected[1][1]
    assert "'..'" in found.rejected[2][1]
    assert not found.boxes


def test_boxes_are_remembered_by_the_content_of_the_masks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "masks" / "a.png", mask_of(10, 20, 15, 35))
    cohort, cache = cohort_of(tmp_path, ("a.png",)), Cache(tmp_path / "cache")
    first = find(cohort, cache)
    monkeypatch.setattr(mask_boxes, "read_pixels", lambda path: pytest.fail(f"read {path}"))
    assert find(cohort, cache).boxes == first.boxes
    monkeypatch.undo()
    save(tmp_path / "masks" / "a.png", mask_of(10, 21, 15, 35))
    assert find(cohort, cache, margin=0).boxes == {0: (10, 21, 15, 35, 40, 60)}


def test_masks_may_lie_in_a_folder_of_their_own(tmp_path: Path) -> None:
    save(tmp_path / "run" / "masks" / "image" / "a.png", mask_of(10, 20, 15, 35))
    cohort = cohort_of(tmp_path / "data", ("a.png",))
    own: dict[str, Any] = {"mask": "masks/image/{mask}", "folder": str(tmp_path / "run")}
    assert set(find(cohort, **own).boxes) == {0}
    with pytest.raises(
        InputError, match=r"no such folder, but modalities\.us\.crop\.mask is .*fol"
    ):
        find(cohort, mask=own["mask"])


def test_settings_that_cannot_be_are_listed() -> None:
    assert MaskCrop.parse("none") is None
    with pytest.raises(StudyError) as raised:
        MaskCrop.parse({"margn": 0.1, "margin": -1.0, "empty": "keep", "folder": ""})
    first, *rest = raised.value.problems
    assert first.startswith("crop.margn: no such key.")
    assert "margin" in first
    assert [line.split(":")[0] for line in rest] == [
        "crop.mask", "crop.margin", "crop.empty", "crop.folder",
    ]  # fmt: skip
