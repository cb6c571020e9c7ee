"""`tumorboard score`: what is written, what is never left out, what is refused."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import tumorboard
from tumorboard.cli import app
from tumorboard.errors import InputError
from tumorboard.evaluation.mask_metrics import measure_mask

SPACING = (1.0, 1.0, 2.0)


def box(*labels: tuple[int, int]) -> np.ndarray:
    """Boxes of 4 x 4 x 4 voxels: (label, where along the first axis)."""
    values = np.zeros((20, 10, 8), dtype=np.uint8)
    for label, at in labels:
        values[at : at + 4, 2:6, 2:6] = label
    return values


def save(folder: Path, name: str, values: np.ndarray, *, move: float = 0.0) -> None:
    folder.mkdir(exist_ok=True)
    affine = np.diag([*SPACING, 1.0])
    affine[0, 3] = move
    nib.save(nib.Nifti1Image(values, affine), folder / name)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    true, found = tmp_path / "true", tmp_path / "found"
    pairs = {
        "a": (box((1, 2), (2, 10)), box((1, 3), (2, 10))),
        "b": (box((1, 2)), box()),
        "c": (box(), box((1, 2))),
    }
    for name, (reference, prediction) in pairs.items():
        save(true, f"{name}.nii.gz", reference)
        save(found, f"{name}.nii", prediction)
    return true, found


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(a) for a in arguments], terminal_width=300)


def command(folders: tuple[Path, Path], *more: object) -> Any:
    true, found = folders
    out = true.parent / "scores.csv"
    return run("score", "--reference", true, "--prediction", found, "--out", out, *more)


def read(folders: tuple[Path, Path]) -> dict[tuple[str, int], dict[str, str]]:
    with (folders[0].parent / "scores.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    return {(row["file"], int(row["label"])): row for row in rows}


def test_every_case_and_label_has_a_row(folders: tuple[Path, Path]) -> None:
    result = command(folders, "--tolerance-mm", 1)
    assert (result.exit_code, result.stderr) == (0, "")
    rows = read(folders)
    assert {key: row["status"] for key, row in rows.items()} == {
        ("a.nii.gz", 1): "ok", ("a.nii.gz", 2): "ok",
        ("b.nii.gz", 1): "missed", ("b.nii.gz", 2): "both_empty",
        ("c.nii.gz", 1): "false_positive", ("c.nii.gz", 2): "both_empty",
    }  # fmt: skip
    reference, prediction = box((1, 2)) == 1, box((1, 3)) == 1
    direct = measure_mask(reference, prediction, spacing=SPACING, tolerance=1.0)
    moved = rows["a.nii.gz", 1]
    assert float(moved["dice"]) == direct.dice == 0.75
    assert moved["nsd"] == repr(direct.nsd)
    assert (float(moved["hd95_mm"]), float(moved["volume_error_ml"])) == (1.0, 0.0)
    missed, alarm = rows["b.nii.gz", 1], rows["c.nii.gz", 1]
    diagonal = (20**2 + 10**2 + 16**2) ** 0.5
    assert float(missed["hd95_mm"]) == float(alarm["hd95_mm"]) == diagonal
    assert (missed["dice"], alarm["sensitivity"], alarm["precision"]) == ("0.0", "", "0.0")
    assert float(missed["volume_error_ml"]) == pytest.approx(-0.128)
    empty = rows["b.nii.gz", 2]
    assert [empty[name] for name in ("dice", "iou", "nsd", "hd95_mm", "precision")] == [""] * 5
    assert "label 1: 1 false_positive, 1 missed, 1 ok" in result.stdout
    assert "  dice: mean 0.25, median 0, quartiles 0 to 0.375, n = 3" in result.stdout


def test_labels_can_be_chosen(folders: tuple[Path, Path]) -> None:
    assert command(folders, "--labels", "2").exit_code == 0
    assert {label for _, label in read(folders)} == {2}
    assert "expected whole numbers such as 1,2,4" in command(folders, "--labels", "x").stderr


def test_a_case_without_prediction_is_the_worst_and_stays(folders: tuple[Path, Path]) -> None:
    (folders[1] / "a.nii").unlink()
    result = command(folders)
    assert result.exit_code == 3
    assert "a.nii.gz: no prediction; scored as the worst" in result.stderr
    row = read(folders)["a.nii.gz", 2]
    assert (row["status"], row["dice"], row["nsd"]) == ("no_prediction", "0.0", "0.0")
    assert float(row["hd95_mm"]) > 27
    assert float(row["volume_error_ml"]) == pytest.approx(-0.128)


def test_faults_of_one_case_are_its_own(folders: tuple[Path, Path]) -> None:
    save(folders[1], "a.nii", box((1, 3)), move=1.0)
    (folders[1] / "b.nii").write_bytes(b"nothing")
    save(folders[1], "further.nii", box((1, 3)))
    result = command(folders)
    assert result.exit_code == 3
    lines = result.stderr.splitlines()
    assert len(lines) == 3
    assert "a.nii: another grid than the reference" in lines[0]
    assert "b.nii: damaged" in lines[1]
    assert "further.nii: no reference of this name" in lines[2]
    rows = read(folders)
    assert {file: row["status"] for (file, label), row in rows.items() if label == 1} == {
        "a.nii.gz": "rejected", "b.nii.gz": "rejected", "c.nii.gz": "false_positive",
    }  # fmt: skip
    assert [rows["a.nii.gz", k]["dice"] for k in (1, 2)] == ["0.0", "0.0"]
    assert all(line.endswith(" Scored as the worst.") for line in lines[:2])
    assert "label 1: 1 false_positive, 2 rejected" in result.stdout


def mean_dice(folders: tuple[Path, Path]) -> float:
    found = [float(row["dice"]) for row in read(folders).values() if row["dice"]]
    return sum(found) / len(found)


@pytest.mark.parametrize("case", ["a", "b", "c"])
@pytest.mark.parametrize("how", ["absent", "broken", "other grid"])
def test_a_worse_folder_has_no_better_mean(folders: tuple[Path, Path], case: str, how: str) -> None:
    assert command(folders).exit_code == 0
    before = mean_dice(folders)
    path = folders[1] / f"{case}.nii"
    if how == "absent":
        path.unlink()
    elif how == "broken":
        path.write_bytes(b"nothing")
    else:
        save(folders[1], path.name, box((1, 2)), move=50.0)
    assert command(folders).exit_code == 3
    assert mean_dice(folders) <= before


def test_an_empty_reference_without_prediction_is_the_worst_too(
    folders: tuple[Path, Path],
) -> None:
    (folders[1] / "c.nii").unlink()
    assert "c.nii.gz: no prediction; scored as the worst" in command(folders).stderr
    row = read(folders)["c.nii.gz", 1]
    assert (row["dice"], row["sensitivity"], row["volume_error_ml"]) == ("0.0", "", "")


def test_a_reference_that_cannot_be_read_has_no_numbers(folders: tuple[Path, Path]) -> None:
    (folders[0] / "a.nii.gz").write_bytes(b"nothing")
    result = command(folders)
    assert result.exit_code == 3
    assert "worst" not in result.stderr
    row = read(folders)["a.nii.gz", 1]
    assert (row["status"], row["dice"]) == ("rejected", "")


def test_empty_masks_have_rows(tmp_path: Path) -> None:
    for name in ("a.nii", "b.nii"):
        save(tmp_path / "true", name, box())
        save(tmp_path / "found", name, box())
    result = command((tmp_path / "true", tmp_path / "found"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert "note: no mask has a label; every case is a row of label 1." in result.stdout
    rows = read((tmp_path / "true", tmp_path / "found"))
    assert {key: row["status"] for key, row in rows.items()} == {
        ("a.nii", 1): "both_empty", ("b.nii", 1): "both_empty",
    }  # fmt: skip


def test_spacing_is_of_planes_alone(folders: tuple[Path, Path]) -> None:
    found = command(folders, "--spacing-mm", 5, 5).stdout
    assert "note: --spacing-mm is of PNG masks alone; 6 NIfTI files say their own size" in found
    Image.fromarray(box((1, 2))[:, :, 3]).save(folders[0] / "d.png")
    Image.fromarray(box((1, 2))[:, :, 3]).save(folders[1] / "d.png")
    result = command(folders)
    assert result.exit_code == 2
    assert "2 masks as PNG, which does not say how large its pixels are" in result.stderr
    assert result.stderr.count("\n") == 1


def test_other_numbers_for_the_same_structure_are_noticed(tmp_path: Path) -> None:
    save(tmp_path / "true", "a.nii", box((1, 2)))
    save(tmp_path / "found", "a.nii", box((255, 2)))
    report = tumorboard.score(tmp_path / "true", tmp_path / "found")
    assert report.lines[:2] == (
        "note: no prediction has label 1. Do both sides use the same numbers?",
        "note: no reference has label 255. Do both sides use the same numbers?",
    )


def test_masks_of_planes(tmp_path: Path) -> None:
    true, found = tmp_path / "true", tmp_path / "found"
    for folder, values in ((true, box((255, 2))), (found, box((255, 4)))):
        folder.mkdir()
        Image.fromarray(values[:, :, 3]).save(folder / "a.png")
    result = command((true, found))
    assert result.exit_code == 2
    assert "2 masks as PNG, which does not say how large its pixels are" in result.stderr
    assert result.stderr.count("\n") == 1
    assert command((true, found), "--spacing-mm", 0.5, 0.5).exit_code == 0
    row = read((true, found))["a.png", 255]
    assert (row["dice"], row["hd95_mm"], row["volume_error_ml"]) == ("0.5", "1.0", "")


def test_what_stops_everything(folders: tuple[Path, Path], tmp_path: Path) -> None:
    true, found = folders
    with pytest.raises(InputError, match="expected 0 or more"):
        tumorboard.score(true, found, tolerance_mm=-1)
    with pytest.raises(InputError, match="a folder or an input"):
        tumorboard.score(true, found, out=found / "a.nii")
    with pytest.raises(InputError, match="0 is background"):
        tumorboard.score(true, found, labels=[0])
    with pytest.raises(InputError, match="two sizes above 0"):
        tumorboard.score(true, found, spacing_mm=[1.0])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no masks"):
        tumorboard.score(true, tmp_path / "empty")
    save(tmp_path / "strange", "x.nii", box())
    with pytest.raises(InputError, match="no file has the name of a reference"):
        tumorboard.score(true, tmp_path / "strange")
    assert run("score", "--reference", true, "--prediction", tmp_path / "no", "--out", "x.csv"
               ).exit_code == 2  # fmt: skip
