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
        if row["n_parts"] == "1" and row["state"] == "baseline":
            own = float(truth[key]["longest_diameter_mm"])
            assert float(row["diameter_mm"]) == pytest.approx(own, abs=0.06)  # one decimal
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
    lost = {(r["patient_id"], r["visit"]): r for r in rows_of(out / "response.csv") if r["remark"]}
    assert set(lost) == {("P0001", "2"), ("P0004", "2"), *(("P0002", k) for k in "123")}
    assert {(r["recist"], r["volumetric"], r["volume_ml"]) for r in lost.values()} == {
        ("NE", "NE", "")
    }
    assert lost["P0001", "2"]["remark"].startswith("not measured: P0001_v2.nii.gz: no volume")
    index = (out / "index.html").read_text("utf-8")
    assert "<li>P0001, visit 2, day " in index
    assert "<li>P0002: the first visit has no mask" in index
    assert ">2 of 3</td>" in index
    (page,) = (out / "patients").glob("*P0001.html")
    assert "not measured: " in page.read_text("utf-8")
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


def ball(folder: Path, name: str, diameter: float, *, value: int = 1, at: int = 30) -> None:
    x, y, z = np.meshgrid(*[np.arange(60)] * 3, indexing="ij")
    mask = (x - at) ** 2 + (y - 30) ** 2 + (z - 30) ** 2 <= (diameter / 2) ** 2
    mask = mask.astype(np.uint8) * value
    if value > 1:
        mask[at:] = mask[at:] > 0
    write_nifti(folder / f"{name}.nii.gz", mask, np.eye(4))


def followed_table(folder: Path, *rows: str, header: str = "visit,organ,mask") -> Any:
    (folder / "visits.csv").write_text("\n".join([f"patient_id,{header}", *rows]) + "\n")
    return run("follow", "--visits", folder / "visits.csv", "--out", folder / "out")


def test_an_organ_without_a_mask_is_no_response(tmp_path: Path) -> None:
    ball(tmp_path, "a", 30)
    result = followed_table(tmp_path, "P1,1,lung,a.nii.gz", "P1,2,lung,a.nii.gz",
                            "P1,1,liver,a.nii.gz")  # fmt: skip
    assert result.exit_code == 0
    assert "note: patient P1, visit 2: no mask of liver: not evaluable." in result.stdout
    last = rows_of(tmp_path / "out" / "response.csv")[-1]
    assert (last["recist"], last["volumetric"], last["flag"]) == ("NE", "NE", "")
    assert last["sum_of_diameters_mm"] == last["change_from_baseline_percent"] == ""
    assert last["remark"] == "no mask of liver: not evaluable"
    (page,) = (tmp_path / "out" / "patients").glob("*.html")
    lead = "Last visit: NE by diameters, NE by volume (no mask of liver: not evaluable)."
    assert lead in page.read_text("utf-8")


def test_a_lesion_in_an_organ_without_a_mask_before_is_said(tmp_path: Path) -> None:
    ball(tmp_path, "a", 30)
    result = followed_table(tmp_path, "P1,1,liver,a.nii.gz", "P1,2,lung,a.nii.gz")
    assert "no visit before has a mask of lung: its lesions count as new" in result.stdout
    assert "no mask of liver: progression by what is left" in result.stdout
    assert rows_of(tmp_path / "out" / "response.csv")[-1]["recist"] == "PD"


def test_the_order_of_visits_is_said(tmp_path: Path) -> None:
    ball(tmp_path, "a", 30)
    rows = ("P1,cycle 10,,a.nii.gz", "P1,cycle 9,,a.nii.gz")
    note = "note: Visits go by their numbers in column `visit`: cycle 9, cycle 10."
    assert note in followed_table(tmp_path, *rows).stdout
    assert "Visits go by" in (tmp_path / "out" / "index.html").read_text("utf-8")


def test_reports_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    ball(tmp_path, "a", 20)
    ball(tmp_path, "b", 40)
    result = followed_table(
        tmp_path, "P1,0,a.nii.gz,start", "P1,20,b.nii.gz,PD", "P1,40,a.nii.gz,hmm",
        "P1,50,a.nii.gz,NE", header="days,mask,reported",
    )  # fmt: skip
    assert "1 cell could not be read as better, stable or worse (CR, PR, SD, PD)" in result.stdout
    assert "counts as nothing reported: line 4: 'hmm'." in result.stdout
    assert [r["reported"] for r in rows_of(tmp_path / "out" / "response.csv")] == [
        "", "worse", "", "",
    ]  # fmt: skip


def test_numbers_of_a_mask_that_are_measured_as_one_are_said(tmp_path: Path) -> None:
    ball(tmp_path, "a", 20, value=4)
    result = followed_table(tmp_path, "P1,1,,a.nii.gz", "P1,2,,a.nii.gz")
    what = "2 masks hold several numbers, measured as one: patient P1, visit 1 (1, 4), patient P1"
    assert what in result.stdout


def test_a_last_visit_that_was_not_measured_is_not_passed_over(tmp_path: Path) -> None:
    ball(tmp_path, "a", 30)
    ball(tmp_path, "b", 15)
    result = followed_table(
        tmp_path, "P1,1,,a.nii.gz", "P1,2,,b.nii.gz", "P1,3,,no.nii.gz"
    )  # fmt: skip
    assert result.exit_code == 3
    (page,) = (tmp_path / "out" / "patients").glob("*.html")
    html = page.read_text("utf-8")
    assert "Last measured visit (visit 2): PR by diameters" in html
    assert "Not measured: visit 3 (" in html
    assert "PR (visit 2)</td>" in (tmp_path / "out" / "index.html").read_text("utf-8")
    assert rows_of(tmp_path / "out" / "response.csv")[-1]["recist"] == "NE"
