from pathlib import Path

import numpy as np
from PIL import Image

from tumorboard.report.contact_sheet import MAX_IMAGES, write_contact_sheets


def document(n=3, kind="false negative"):
    errors = [
        {"unit_id": f"p{i}", "kind": kind, "probability": 0.1, "n_wrong": 2, "n_repeats": 2}
        for i in range(n)
    ]
    return {"kinds": {kind: n}, "errors": errors}


def images(folder: Path, n: int) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    paths = {f"p{i}": folder / f"{i}.png" for i in range(n)}
    for path in paths.values():
        Image.fromarray(rng.integers(0, 255, (20, 30), dtype=np.uint8)).save(path)
    return paths


def test_a_sheet_holds_the_images_of_a_kind(tmp_path: Path) -> None:
    (sheet,) = write_contact_sheets(tmp_path, document(8), images(tmp_path / "img", 7))
    assert (sheet["n_errors"], sheet["n_shown"], sheet["n_without_image"]) == (8, 7, 1)
    assert sheet["file"] == "figures/errors_false_negative.png"
    with Image.open(tmp_path / sheet["file"]) as picture:
        assert picture.format == "PNG"
        assert picture.width > picture.height  # six in the first row, one in the second
        assert len(np.unique(np.asarray(picture))) > 100


def test_a_sheet_has_an_end(tmp_path: Path) -> None:
    n = MAX_IMAGES + 4
    (sheet,) = write_contact_sheets(tmp_path, document(n), images(tmp_path / "img", n))
    assert sheet["n_shown"] == MAX_IMAGES


def test_absent_and_damaged_files_are_said_and_leave_the_rest(tmp_path: Path) -> None:
    paths = images(tmp_path / "img", 3)
    paths["p0"].write_bytes(b"not an image")
    paths["p1"].unlink()
    (sheet,) = write_contact_sheets(tmp_path, document(), paths)
    assert sheet["unreadable"] == ["p0", "p1"]
    assert sheet["n_shown"] == 1
    paths["p2"].unlink()
    (none,) = write_contact_sheets(tmp_path, document(), paths)
    assert none["file"] is None
    assert "could not be read (p0, p1, p2)" in none["note"]
    (without,) = write_contact_sheets(tmp_path, document(), {})
    assert without["note"] == (
        "No contact sheet of the false negatives: none of them has an image to show."
    )
