import json
import os
from pathlib import Path

import pytest

from tumorboard.verbs.check import check
from tumorboard.verbs.simulate import simulate

STUDIES = Path(__file__).parents[2] / "studies"
DATA = Path(os.environ.get("TUMORBOARD_DATA", "absent"))
realdata = pytest.mark.skipif(
    not (DATA / "breast-ultrasound").is_dir(), reason="TUMORBOARD_DATA does not hold the patients"
)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("check") / "cohort"
    simulate("image_table", patients=40, seed=2, out=folder, settings={"size": [16, 16]})
    return folder


def test_a_sound_study_has_no_findings_and_a_time(cohort: Path, tmp_path: Path) -> None:
    report = check(cohort / "study.toml", out=tmp_path / "check")
    assert report.findings == ()
    assert report.exit_code == 0
    assert report.lines[0].startswith("simulated-image-table: 40 patients in")
    assert report.lines[-1].startswith("this study takes at most about")
    assert {path.name for path in (tmp_path / "check").iterdir()} == {
        "manifest.csv", "cohort.json", "audit.json",
    }  # fmt: skip
    assert json.loads((tmp_path / "check" / "audit.json").read_text()) == []


def test_findings_and_rejected_files_are_told(cohort: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "cohort"
    shutil.copytree(cohort, folder)
    lines = (folder / "patients.csv").read_text(encoding="utf-8").splitlines()
    malignant = [line for line in lines[1:] if line.endswith("malignant")]
    few = [lines[0], *[line for line in lines[1:] if line.endswith("benign")], *malignant[:6]]
    (folder / "patients.csv").write_text("\n".join(few) + "\n", encoding="utf-8")
    (folder / "images" / malignant[0].split(",")[-2]).write_bytes(b"<html>")
    report = check(folder / "study.toml", overrides=["evaluation.folds=2"], estimate_time=False)
    assert [finding.code for finding in report.findings] == ["small-class"]
    assert any(line.startswith("warning: small-class: Class 'malignant'") for line in report.lines)
    assert any(line.startswith("rejected: patient") for line in report.lines)
    assert report.exit_code == 3


@realdata
@pytest.mark.realdata
@pytest.mark.parametrize(
    ("study", "patients", "counts"),
    [
        ("breast_ultrasound", 173, {"benign": 107, "malignant": 66, "normal": 3}),
        ("skin_lesions", 2400, {"0": 2015, "1": 385}),
    ],
)
def test_the_committed_studies_read_the_real_patients(
    study: str, patients: int, counts: dict[str, int], tmp_path: Path
) -> None:
    report = check(STUDIES / f"{study}.toml", data=DATA, out=tmp_path, estimate_time=False)
    assert report.exit_code == 0
    assert f"{patients} patients" in report.lines[0]
    assert json.loads((tmp_path / "cohort.json").read_text())["outcome"] == counts
