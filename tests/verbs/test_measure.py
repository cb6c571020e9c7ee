"""`tumorboard measure`: a ball beside a box, whose distance and margin are known."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tumorboard.cli import app
from tumorboard.formats.nifti import read_nifti
from tumorboard.formats.nifti_writing import write_nifti

AFFINE = np.diag([1.0, 1.0, 1.0, 1.0])


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    x, y, z = np.meshgrid(*[np.arange(70)] * 3, indexing="ij")
    ball = (x - 25) ** 2 + (y - 35) ** 2 + (z - 35) ** 2 <= 12**2
    write_nifti(tmp_path / "tumour.nii.gz", ball.astype(np.uint8), AFFINE)
    write_nifti(tmp_path / "tract.nii.gz", (x >= 45).astype(np.uint8), AFFINE)
    write_nifti(tmp_path / "falx.nii.gz", (x == 39).astype(np.uint8), AFFINE)
    scan = np.random.default_rng(0).normal(40, 20, ball.shape).astype(np.float32)
    write_nifti(tmp_path / "mr.nii.gz", np.abs(scan), AFFINE)
    apart = AFFINE + np.asarray([[0, 0, 0, 500.0], [0] * 4, [0] * 4, [0] * 4])
    write_nifti(tmp_path / "far.nii.gz", np.abs(scan), apart)
    write_nifti(tmp_path / "ct.nii.gz", scan.astype(np.int16) - 1000, AFFINE)
    write_nifti(tmp_path / "grey.nii.gz", (x * 70 + y).astype(np.int16), AFFINE)
    write_nifti(tmp_path / "empty.nii.gz", np.zeros((70, 70, 70), dtype=np.uint8), AFFINE)
    return tmp_path


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(a) for a in arguments], terminal_width=200)


def measures(folder: Path) -> dict[tuple[str, str, str], float]:
    with (folder / "measures.csv").open(encoding="utf-8", newline="") as handle:
        return {(r["of"], r["to"], r["measure"]): float(r["value"]) for r in csv.DictReader(handle)}


def test_a_ball_its_margin_and_its_distance(masks: Path) -> None:
    out = masks / "out"
    result = run("measure", "--mask", masks / "tumour.nii.gz", "--margin-mm", "5", "--structures",
                 f"tract={masks / 'tract.nii.gz'}", "--out", out)  # fmt: skip
    assert (result.exit_code, result.stderr) == (0, "")
    found = measures(out)
    assert found["tumour", "", "volume"] == pytest.approx(4 / 3 * math.pi * 12**3 / 1000, rel=0.02)
    assert found["tumour", "", "longest axial diameter"] == pytest.approx(24, abs=1)
    both = 4 / 3 * math.pi * 17**3 / 1000
    assert found["margin", "", "volume with tumour"] == pytest.approx(both, rel=0.05)
    assert found["tumour", "tract", "least distance"] == pytest.approx(45 - 37 - 1, abs=0.5)
    assert found["margin", "tract", "least distance"] == pytest.approx(2, abs=1)
    margin = read_nifti(out / "margin.nii.gz")
    assert margin.array.sum() / 1000 == pytest.approx(found["margin", "", "volume with tumour"])
    html = (out / "measure.html").read_text("utf-8")
    assert "least distance to tract" in html
    assert "data:image/png;base64," in html


def test_a_barrier_stops_the_margin(masks: Path) -> None:
    words = ("measure", "--mask", masks / "tumour.nii.gz", "--margin-mm", "10")
    tract = ("--structures", f"tract={masks / 'tract.nii.gz'}")
    assert run(*words, *tract, "--out", masks / "free").exit_code == 0
    falx = ("--barriers", f"falx={masks / 'falx.nii.gz'}")
    assert run(*words, *tract, *falx, "--out", masks / "held").exit_code == 0
    assert measures(masks / "free")["margin", "tract", "overlap"] > 0
    assert measures(masks / "held")["margin", "tract", "overlap"] == 0
    assert "shortest way around falx" in (masks / "held" / "measure.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--mask", "empty.nii.gz"), "an empty mask; nothing to measure"),
        (("--mask", "no.nii.gz"), "no.nii.gz: no such file"),
        (("--mask", "mr.nii.gz"), "expected a mask, of whole numbers from 0. Is it the image"),
        (("--mask", "ct.nii.gz"), "expected a mask, of whole numbers from 0. Is it the image"),
        (("--mask", "grey.nii.gz"), "4899 different numbers; expected a mask"),
        (("--mask", "tumour.nii.gz", "--margin-mm", "-1"), "expected 0 to 200"),
        (("--mask", "tumour.nii.gz", "--structures", "falx.nii.gz"), "expected NAME=FILE"),
        (("--mask", "tumour.nii.gz", "--structures", "margin=falx.nii.gz"), "is named twice"),
        (
            ("--mask", "tumour.nii.gz", "--margin-mm", "5", "--barriers", "falx=no.nii.gz"),
            "no.nii.gz: no such file",
        ),
        (
            ("--mask", "tumour.nii.gz", "--barriers", "falx=falx.nii.gz"),
            "--barriers falx: barriers hold a margin, and there is none. Give --margin-mm too",
        ),
        (
            ("--mask", "tumour.nii.gz", "--image", "far.nii.gz"),
            "far.nii.gz: shows no voxel of the tumour in tumour.nii.gz; they lie apart",
        ),
    ],
)
def test_one_line_for_what_cannot_be_used(
    masks: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(masks)
    result = run("measure", *options, "--out", "out")
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (masks / "out").exists()


def test_a_structure_that_cannot_be_read_is_said(masks: Path) -> None:
    out = masks / "out"
    result = run("measure", "--mask", masks / "tumour.nii.gz", "--structures",
                 f"empty={masks / 'empty.nii.gz'}", "--out", out)  # fmt: skip
    assert result.exit_code == 3
    assert "rejected: " in result.stdout
    assert "no voxel of 'empty' lies in the tumour's image" in result.stdout
    assert ("tumour", "empty", "least distance") not in measures(out)


def test_a_margin_that_the_image_cuts_is_said(masks: Path) -> None:
    words = ("measure", "--mask", masks / "tumour.nii.gz", "--margin-mm")
    cut = ("margin", "", "borders of the image that cut it")
    inner = run(*words, 12, "--out", masks / "inner")
    assert "The margin is cut" not in inner.stdout  # from voxel 13 on: 12 mm end at voxel 1
    assert measures(masks / "inner")[cut] == 0
    outer = run(*words, 16, "--out", masks / "outer")
    note = "The margin is cut at the left border of the image: its volume is too small."
    assert f"note: {note}" in outer.stdout
    assert note in (masks / "outer" / "measure.html").read_text("utf-8")
    assert measures(masks / "outer")[cut] == 1


def test_a_barrier_keeps_the_margin_from_the_border(masks: Path) -> None:
    x = np.indices((70, 70, 70))[0]
    write_nifti(masks / "wall.nii.gz", (x == 8).astype(np.uint8), AFFINE)
    out = masks / "out"
    result = run("measure", "--mask", masks / "tumour.nii.gz", "--margin-mm", 16, "--barriers",
                 f"wall={masks / 'wall.nii.gz'}", "--out", out)  # fmt: skip
    assert "The margin is cut" not in result.stdout


def test_what_is_taken_for_granted_is_said(masks: Path) -> None:
    values = read_nifti(masks / "tumour.nii.gz").array[0].astype(np.uint8)
    values[25:] *= 4
    write_nifti(masks / "parts.nii.gz", values, AFFINE)
    half = np.abs(read_nifti(masks / "mr.nii.gz").array[0][:25])
    write_nifti(masks / "half.nii.gz", half, AFFINE)
    out = masks / "out"
    result = run("measure", "--mask", masks / "parts.nii.gz", "--image", masks / "half.nii.gz",
                 "--out", out)  # fmt: skip
    assert result.exit_code == 0
    html = (out / "measure.html").read_text("utf-8")
    for note in ("parts.nii.gz holds the numbers 1, 4: measured as one.", "The image shows 4"):
        assert f"note: {note}" in result.stdout
        assert note in html
