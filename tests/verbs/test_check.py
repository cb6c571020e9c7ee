import json
import os
import re
import sys
from pathlib import Path

import pytest

from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError
from tumorboard.records import Finding
from tumorboard.study import Study
from tumorboard.training.prepare import prepare
from tumorboard.verbs.check import check, told
from tumorboard.verbs.evaluate import evaluate
from tumorboard.verbs.fit import fit
from tumorboard.verbs.simulate import simulate
from tumorboard.verbs.study_splits import split_study

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

from small_masks import write_balls

STUDIES = Path(__file__).parents[2] / "studies"
DATA = Path(os.environ.get("TUMORBOARD_DATA", "absent"))
realdata = pytest.mark.skipif(
    not (DATA / "breast-ultrasound").is_dir(), reason="TUMORBOARD_DATA does not hold the patients"
)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("check") / "cohort"
    simulate("image_table", patients=60, seed=2, out=folder, settings={"size": [16, 16]})
    return folder


def test_a_sound_study_has_no_findings_and_a_time(cohort: Path, tmp_path: Path) -> None:
    report = check(cohort / "study.toml", out=tmp_path / "check")
    assert report.findings == ()
    assert report.exit_code == 0
    assert report.lines[0].startswith("simulated-image-table: 60 patients in")
    assert report.faults == ()
    counts = r"each fold: \d+( to \d+)? train, \d+( to \d+)? validate, \d+( to \d+)? test patients"
    assert re.fullmatch(counts, report.lines[-3])
    assert report.lines[-2] == "audit: nothing found"
    assert report.lines[-1].startswith("this study takes at most about")
    assert {path.name for path in (tmp_path / "check").iterdir()} == {
        "manifest.csv", "cohort.json", "audit.json",
    }  # fmt: skip
    assert json.loads((tmp_path / "check" / "audit.json").read_text()) == []


def test_few_patients_are_counted_and_patterns_written_out(tmp_path: Path) -> None:
    rows = [f"p{i},{'ab'[j % 2]},{i + j},{i * j},{j}" for i in range(3) for j in range(10)]
    (tmp_path / "t.csv").write_text("\n".join(["patient_id,y,elix_a,elix_ahrq_a,z", *rows]))
    (tmp_path / "s.toml").write_text(
        '[study]\nname = "s"\nquestion = "?"\n[cohort]\nsource = "folder"\ntable = "t.csv"\n'
        '[task]\ntarget = "y"\nunit = "row"\n[modalities.record]\nkind = "table"\n'
        'numeric = ["elix_*", "z"]\n[evaluation]\nfolds = 3\n'
    )
    lines = check(tmp_path / "s.toml", estimate_time=False).lines
    assert "modalities.record.numeric: elix_*: 2 columns (elix_a ... elix_ahrq_a)" in lines
    assert "each fold: 1 train, 1 validate, 1 test patients" in lines


def test_a_fast_fit_says_how_small_it_is(cohort: Path, tmp_path: Path) -> None:
    said: list[str] = []
    fit(cohort / "study.toml", out=tmp_path / "m", arm="logistic", fast=True, log=said.append)
    assert any(line.startswith("--fast: at most 30 patients of each class") for line in said)


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
    assert [finding.code for finding in report.findings] == ["small-class", "too-few-events"]
    assert "audit: 2 warnings" in report.lines
    assert any(line.startswith("warning: small-class: Class 'malignant'") for line in report.lines)
    assert any(line.startswith("rejected: patient") for line in report.lines)
    assert report.exit_code == 3


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ('runtime.device="cuda"', 'runtime.device = "cuda", but torch sees no CUDA GPU'),
        ('cohort.institution="where"', "cohort.institution: patients.csv has no column 'where'"),
        ('evaluation.subgroups=["sax"]', "evaluation.subgroups: patients.csv has no column 'sax'"),
        ('modalities.image.encoder={name="resnet",weights="/absent.pth"}', "/absent.pth"),
        ('arms.fused.fusion={name="gated",weights="fixed",fixed={image=1.0}}', "arm fused: "),
        ("evaluation.folds=30", "evaluation.folds: 30 folds, but the smallest class has"),
    ],
)
def test_settings_that_cannot_work_fail_before_training(
    cohort: Path, setting: str, fault: str
) -> None:
    import torch

    if "cuda" in setting and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    report = check(cohort / "study.toml", overrides=[setting], estimate_time=False)
    assert report.exit_code == 2
    assert len({line.split(": ", 1)[-1] for line in report.faults}) == 1, report.faults
    assert fault in report.faults[0]


def test_a_fault_in_a_column_leaves_what_could_be_read(cohort: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "cohort"
    shutil.copytree(cohort, folder)
    table = folder / "patients.csv"
    header, first, *rest = table.read_text(encoding="utf-8").splitlines()
    cells = first.split(",")
    cells[header.split(",").index("age")] = "about 60"
    table.write_text("\n".join([header, ",".join(cells), *rest]) + "\n", encoding="utf-8")
    report = check(folder / "study.toml", out=tmp_path / "out")
    assert report.exit_code == 2
    (fault,) = report.faults
    assert "column age" in fault
    assert "about 60" in fault
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "manifest.csv", "cohort.json", "audit.json",
    }  # fmt: skip
    assert json.loads((tmp_path / "out" / "cohort.json").read_text())["patients"] == 60


def test_an_absent_table_is_raised(tmp_path: Path, cohort: Path) -> None:
    overrides = ['cohort.table="absent.csv"']
    with pytest.raises(InputError, match=r"absent\.csv: no such table"):
        check(cohort / "study.toml", out=tmp_path / "out", overrides=overrides)
    assert not (tmp_path / "out").exists()


def test_findings_are_grouped_counted_and_cut() -> None:
    many = [Finding("label-proxy", "error", f"column {i}") for i in range(7)]
    lines = told([*many, Finding("small-class", "note", "x " * 900)], accept=["label-proxy"])
    assert lines[0] == "audit: 7 errors, 1 note"
    assert lines[1] == "error (accepted): label-proxy: column 0"
    assert len(lines) == 1 + 5 + 1 + 1
    assert "[...]" in lines[6]
    assert len(lines[6]) < 650
    assert lines[7] == "error: label-proxy: 2 more of these (all are in audit.json and --json)"


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
    assert f"{patients:,} patients" in report.lines[0]
    assert json.loads((tmp_path / "cohort.json").read_text())["outcome"] == counts


def test_too_few_validation_patients_for_sets_are_said_before_training(tmp_path: Path) -> None:
    simulate("image_table", patients=60, seed=1, out=tmp_path / "s")
    keys = ("evaluation.folds=3", 'evaluation.conformal={coverage=0.9, by="class"}')
    report = check(tmp_path / "s" / "study.toml", overrides=keys, estimate_time=False)
    (line,) = [line for line in report.lines if line.startswith("evaluation.conformal")]
    assert "need 9 validation patients of each class" in line
    by_all = (keys[0], "evaluation.conformal={coverage=0.5}")
    report = check(tmp_path / "s" / "study.toml", overrides=by_all, estimate_time=False)
    assert not any(line.startswith("evaluation.conformal") for line in report.lines)


def test_too_few_notes_in_one_fold_are_said_before_any_is_trained(tmp_path: Path) -> None:
    study = write_balls(tmp_path / "data", n=12)
    with Cache(tmp_path / "cache") as cache:
        prepared = prepare(Study.load(study), study.parent, cache=cache)
    one, two = (
        {patient for patient, part in split.parts.items() if part == "train"}
        for split in split_study(Study.load(study), prepared, frozenset())
    )
    having = one | set(sorted(two - one)[:1])
    header, *rows = (study.parent / "patients.csv").read_text().splitlines()
    kept = [row if row.split(",")[0] in having else f"{row.split(',')[0]}," for row in rows]
    (study.parent / "patients.csv").write_text("\n".join([header, *kept]) + "\n")
    keys = (f"modalities.note.min_patients={len(one)}",)
    said = (
        f"note: no word stands in the notes of {len(one)} training patients. Lower "
        "modalities.note.min_patients. (1 of 2 splits)"
    )
    report = check(study, overrides=keys, estimate_time=False)
    assert report.faults == (said,)
    assert report.exit_code == 2
    with pytest.raises(StudyError) as caught:
        evaluate(study, out=tmp_path / "run", overrides=keys)
    assert caught.value.problems == (said,)
    assert not (tmp_path / "run").exists()
