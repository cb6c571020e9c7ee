"""`tumorboard follow`: simulated visits in, tables and pages out, and every bad input one line."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tumorboard.cli import app
from tumorboard.formats.nifti import read_nifti
from tumorboard.formats.nifti_writing import write_nifti
from tumorboard.simulators.brain_mri import BrainMri
from tumorboard.simulators.chest_ct_series import ChestCtSeries

FILES = (
    "--mask", "masks/{case}.nii.gz", "--image", "mri/{case}/{case}_flair.nii.gz",
    "--note", "notes/{case}.txt",
)  # fmt: skip


@pytest.fixture(scope="module")
def brain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("visits") / "brain"
    BrainMri(size=(36, 40, 32), visits=3, consistent_reports=1.0).write(out, n_patients=4, seed=7)
    return out


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(a) for a in arguments], terminal_width=200)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def followed(brain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "followed"
    result = run("follow", "--visits", brain / "visits.csv", "--out", out, *FILES)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return out


def test_measurements_are_those_of_the_simulator(brain: Path, followed: Path) -> None:
    truth = {(r["patient_id"], r["visit"]): r for r in rows_of(brain / "visits.csv")}
    per_visit: dict[tuple[str, str], float] = {}
    for row in rows_of(followed / "measurements.csv"):
        key = (row["patient_id"], row["visit"])
        per_visit[key] = per_visit.get(key, 0.0) + float(row["volume_ml"])
        assert row["days"] == truth[key]["days"]
        assert float(row["perpendicular_mm"]) <= float(row["diameter_mm"])
        is_gone = row["state"] in ("vanished", "merged")
        assert (float(row["volume_error_ml"]) > 0) != is_gone
    for key, volume in per_visit.items():
        assert volume == pytest.approx(float(truth[key]["tumour_volume_ml"]), rel=0.02, abs=0.6)


def test_categories_by_volume_are_the_truth(brain: Path, followed: Path) -> None:
    words = {"baseline": "baseline", "complete": "CR", "partial": "PR", "stable": "SD",
             "progression": "PD"}  # fmt: skip
    truth = {
        (r["patient_id"], r["case"]): r["response"] for r in rows_of(brain / "truth_visits.csv")
    }
    found = rows_of(followed / "response.csv")
    assert len(found) == 12
    for row in found:
        case = f"{row['patient_id']}_v{row['visit']}"
        if "PD" not in (row["recist"], row["volumetric"]) or not row["new_lesions"]:
            assert row["volumetric"] == words[truth[row["patient_id"], case]]


def test_reports_are_compared_with_measurements(followed: Path) -> None:
    rows = rows_of(followed / "agreement.csv")
    assert [row["reported"] for row in rows] == ["better", "stable", "worse"]
    counts = np.asarray([[int(v) for k, v in row.items() if k != "reported"] for row in rows])
    assert counts.sum() == 8
    assert counts[0, 2] == counts[2, 0] == 0  # consistent reports never go the other way


def test_pages_open_alone(followed: Path) -> None:
    index = (followed / "index.html").read_text("utf-8")
    links = re.findall(r'href="(patients/[^"]+)"', index)
    assert len(links) == 4
    for link in links:
        html = (followed / link).read_text("utf-8")
        assert "data:image/png;base64," in html
        assert html.count("<svg") == 1
        assert "Research software, not a medical device." in html
        assert "http://" not in html.replace("http://www.w3.org", "")
        assert 'src="/' not in html
    assert len(list((followed / "figures").glob("*.svg"))) == 4


def test_a_moved_patient_is_aligned(tmp_path: Path) -> None:
    data = tmp_path / "chest"
    ChestCtSeries(size=(48, 48, 32), visits=2).write(data, n_patients=1, seed=3)
    shift = (0.0, 60.0, 0.0)  # so far that nothing overlaps
    for folder in ("ct", "masks"):
        volume = read_nifti(data / folder / "P0001_v2.nii.gz")
        affine = volume.affine.copy()
        affine[:3, 3] += shift
        values = volume.array[0].astype(np.int16 if folder == "ct" else np.uint8)
        write_nifti(data / folder / "P0001_v2.nii.gz", values, affine)
    words = ("follow", "--visits", data / "visits.csv", "--mask", "masks/{case}.nii.gz",
             "--image", "ct/{case}.nii.gz", "--out")  # fmt: skip
    assert run(*words, tmp_path / "no").exit_code == 0
    assert rows_of(tmp_path / "no" / "response.csv")[1]["new_lesions"] == "L2"
    assert run(*words, tmp_path / "yes", "--align", "rigid").exit_code == 0
    second = rows_of(tmp_path / "yes" / "response.csv")[1]
    assert (second["new_lesions"], second["n_lesions"]) == ("", "1")
    assert float(second["alignment_residual_mm"]) < 3.5  # half a voxel
    (page,) = (tmp_path / "yes" / "patients").glob("*.html")
    assert "Visit 2: moved" in page.read_text("utf-8")


def test_retest_replaces_the_error(brain: Path, tmp_path: Path) -> None:
    (tmp_path / "retest.csv").write_text("first_ml,second_ml\n10,10.2\n20,19.6\n5,5.1\n")
    out = tmp_path / "out"
    result = run("follow", "--visits", brain / "visits.csv", "--out", out, *FILES[:2],
                 "--retest", tmp_path / "retest.csv")  # fmt: skip
    assert result.exit_code == 0
    assert "95 % of volumes differ by less than 4 %" in (out / "index.html").read_text("utf-8")
    row = rows_of(out / "response.csv")[0]
    share = float(row["volume_error_ml"]) / float(row["volume_ml"])
    assert share == pytest.approx(0.04 / np.sqrt(2), rel=0.1)


def test_bad_files_are_rejected_and_the_rest_goes_on(brain: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(brain, data)
    table = (data / "visits.csv").read_text()
    (data / "visits.csv").write_text(table.replace("reported", "said"))  # the notes are asked
    (data / "masks" / "P0001_v2.nii.gz").write_bytes(b"broken")
    shutil.copy(next((data / "mri" / "P0004_v2").glob("*_flair.nii.gz")),
                data / "masks" / "P0004_v2.nii.gz")  # fmt: skip
    (data / "masks" / "P0002_v1.nii.gz").unlink()
    (data / "notes" / "P0003_v2.txt").unlink()
    out = tmp_path / "out"
    result = run("follow", "--visits", data / "visits.csv", "--out", out, *FILES[:2], *FILES[4:])
    assert result.exit_code == 3
    lines = [line for line in result.stdout.splitlines() if line.startswith("rejected")]
    assert len(lines) == 5
    assert any("P0004_v2.nii.gz: " in line and "Is it the image" in line for line in lines)
    assert re.search(r"patient P0001: visit '2' \(line 3\): .*P0001_v2", lines[0])
    assert "patient P0002: the first visit has no mask" in lines[2]
    visits = [(r["patient_id"], r["visit"]) for r in rows_of(out / "response.csv")]
    assert ("P0001", "3") in visits
    assert ("P0001", "2") not in visits
    assert not any(patient == "P0002" for patient, _ in visits)
    assert ("P0003", "2") in visits


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        ("patient_id,date\nP1,2020-01-01\n", (), "no column `mask`. Add one, or give --mask"),
        ("patient_id,mask\nP1,a.nii.gz\n", (), "no column `date`, `days` or `visit` says when"),
        ("patient,date,mask\nP1,2020-01-01,a\n", (), "no column 'patient_id'. Did you mean"),
        ("patient_id,date,mask\nP1,03/04/2020,a\n", (), "could be %d/%m/%Y, %m/%d/%Y"),
        ("patient_id,days,mask\nP1,x,a\n", (), "column `days` holds no number in line 2: 'x'"),
        ("patient_id,days,mask\nP1,0,../a\n", (), "line 2, column mask: '../a' leaves the data"),
        ("patient_id,days,mask\nP1,0,a\nP1,0,b\n", (), "tell organs apart in a column `organ`"),
        ("patient_id,days,mask\n,0,a\n", (), "line 2: no patient_id."),
        ("patient_id,days,mask\nP1,0,a\n", ("--align", "affine"), "expected none or rigid"),
        ("patient_id,days,mask\nP1,0,a\n", ("--align", "rigid"), "rigid needs the images"),
        ("patient_id,days,mask\nP1,0,a\n", ("--within-mm", "-1"), "expected 0 or more"),
        ("patient_id,days,mask\nP1,0,a\n", (), "no patient could be followed. visit '1' (line 2)"),
    ],
)  # fmt: skip
def test_one_line_for_what_cannot_be_used(
    tmp_path: Path, table: str, options: tuple[str, ...], message: str
) -> None:
    path = tmp_path / "visits.csv"
    path.write_text(table)
    result = run("follow", "--visits", path, "--out", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
