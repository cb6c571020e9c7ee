import csv
import hashlib
import json
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from sklearn.metrics import roc_auc_score

from tumorboard.errors import InputError, StudyError
from tumorboard.study_keys import Tuning
from tumorboard.verbs.evaluate import evaluate, load_study
from tumorboard.verbs.simulate import simulate

SMALL = (
    "training.epochs=2", "evaluation.folds=3", "evaluation.repeats=2", "evaluation.bootstrap=200",
    "modalities.image.size=[32, 32]", 'runtime.precision="32"', "evaluation.explain=[]",
)  # fmt: skip


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated") / "cohort"
    simulate("image_table", patients=48, seed=5, out=folder, settings={"missing_images": 0.1})
    return folder


@pytest.fixture(scope="module")
def run(cohort: Path) -> Path:
    evaluate(cohort / "study.toml", out=cohort / "run", overrides=SMALL)
    return cohort / "run"


STUDIES = Path(__file__).parents[2] / "studies"


@pytest.mark.parametrize(("name", "inner_folds"), [("nsclc_stage", 2), ("s2_simulated", 0)])
def test_the_small_version_of_a_study_searches_little(name: str, inner_folds: int) -> None:
    study = load_study(STUDIES / f"{name}.toml", fast=True)
    assert study.name.endswith("-fast")
    assert {arm.training.epochs for arm in study.arms.values()} == {2}
    assert (study.keys.evaluation.folds, study.keys.evaluation.repeats) == (2, 1)
    tuning = study.keys.tuning
    assert isinstance(tuning, Tuning)
    assert (tuning.trials, tuning.folds) == (2, inner_folds)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_the_run_folder_is_as_designed(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    assert {
        "study.toml", "environment.json", "manifest.csv", "cohort.json", "audit.json", "splits.csv",
        "predictions.csv", "metrics.json", "comparison.json", "figures", "report.html", "models",
        "log.jsonl",
    } <= names  # fmt: skip
    assert not any(name.startswith(".") for name in names)
    events = [json.loads(line)["event"] for line in (run / "log.jsonl").read_text().splitlines()]
    assert events.count("fit finished") == 5 * 3 * 2


def test_every_arm_predicts_every_patient_once_per_repeat_on_the_same_folds(run: Path) -> None:
    predictions = [row for row in rows_of(run / "predictions.csv") if row["part"] == "test"]
    assert list(predictions[0]) == [
        "patient_id", "unit_id", "arm", "repeat", "fold", "part", "modalities", "diagnosis",
        "p_benign", "p_malignant",
    ]  # fmt: skip
    split = {(r["patient_id"], r["repeat"], r["fold"]): r["part"] for r in
             rows_of(run / "splits.csv")}  # fmt: skip
    assert all(split[r["patient_id"], r["repeat"], r["fold"]] == "test" for r in predictions)
    per_arm = Counter((r["arm"], r["repeat"], r["patient_id"]) for r in predictions)
    assert set(per_arm.values()) == {1}
    patients = {arm: {p for a, _, p in per_arm if a == arm} for arm, _, _ in per_arm}
    everyone = {row["patient_id"] for row in rows_of(run.parent / "patients.csv")}
    assert patients["fused"] == patients["record"] == everyone
    with_image = {r["patient_id"] for r in rows_of(run.parent / "patients.csv") if r["image"]}
    assert patients["image"] == with_image < everyone
    seen = {r["modalities"] for r in predictions if r["arm"] == "fused"}
    assert seen == {"image+record", "record"}


def test_the_auroc_is_the_mean_over_folds_of_scikit_learns(run: Path) -> None:
    metrics = json.loads((run / "metrics.json").read_text())
    groups: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for row in rows_of(run / "predictions.csv"):
        if row["part"] == "test" and row["arm"] == "fused":
            groups[row["repeat"], row["fold"]].append(row)
    values = [
        roc_auc_score(
            [r["diagnosis"] == "malignant" for r in rows], [float(r["p_malignant"]) for r in rows]
        )
        for rows in groups.values()
    ]
    assert metrics["fused"]["auroc"]["value"] == pytest.approx(sum(values) / len(values), abs=1e-9)


def test_every_input_file_is_accounted_for(run: Path, cohort: Path) -> None:
    manifest = {row["path"]: row for row in rows_of(run / "manifest.csv")}
    images = sorted((cohort / "images").iterdir())
    for path in images:
        row = manifest[f"images/{path.name}"]
        assert row["state"] == "used"
        assert row["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert manifest["patients.csv"]["state"] == "used"
    counts = json.loads((run / "cohort.json").read_text())
    assert counts["patients"] == 48
    assert counts["modalities"]["image"]["files"] == len(images)
    assert sum(counts["outcome"].values()) == 48
    reasons = [step["reason"] for step in counts["flow"]]
    assert len(reasons) == len(set(reasons))


def test_the_same_command_fits_nothing_again(run: Path, cohort: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.glob("models/*/*/model.json")}
    text = (run / "metrics.json").read_text()
    evaluate(cohort / "study.toml", out=run, overrides=SMALL)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (run / "metrics.json").read_text() == text


def test_a_changed_study_and_changed_data_are_refused(run: Path, cohort: Path) -> None:
    with pytest.raises(
        StudyError, match=r"changed study \(training.optimizer.learning_rate differ"
    ):
        evaluate(
            cohort / "study.toml", out=run,
            overrides=[*SMALL, "training.optimizer.learning_rate=0.01"],
        )  # fmt: skip
    table = cohort / "patients.csv"
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("female", "other", 1), encoding="utf-8")
    try:
        with pytest.raises(StudyError, match="input files changed since this run began"):
            evaluate(cohort / "study.toml", out=run, overrides=SMALL)
    finally:
        table.write_text(text, encoding="utf-8")


def test_one_unreadable_image_is_rejected_and_the_rest_goes_on(
    cohort: Path, tmp_path: Path
) -> None:
    import shutil

    folder = tmp_path / "cohort"
    shutil.copytree(cohort, folder, ignore=shutil.ignore_patterns("run"))
    broken = sorted((folder / "images").iterdir())[3]
    broken.write_bytes(broken.read_bytes()[:200])
    small = ["training.epochs=1", "evaluation.folds=2", "evaluation.bootstrap=200",
             "modalities.image.size=[16, 16]", "evaluation.explain=[]"]  # fmt: skip
    evaluate(folder / "study.toml", out=folder / "run", overrides=small)
    manifest = {row["path"]: row for row in rows_of(folder / "run" / "manifest.csv")}
    assert manifest[f"images/{broken.name}"]["state"] == "rejected"
    assert manifest[f"images/{broken.name}"]["reason"]
    predicted = {r["patient_id"] for r in rows_of(folder / "run" / "predictions.csv")}
    assert len(predicted) == 48


def test_a_missing_data_folder_is_one_clear_line(cohort: Path) -> None:
    with pytest.raises(InputError, match=r"no such folder \(--data\).*TUMORBOARD_DATA"):
        evaluate(cohort / "study.toml", data=cohort / "nowhere")


def _command(cohort: Path, out: Path) -> list[str]:
    code = (
        "from pathlib import Path; from tumorboard.verbs.evaluate import evaluate; "
        f"evaluate({str(cohort / 'study.toml')!r}, out=Path({str(out)!r}), overrides={SMALL!r}, "
        "checkpoint_every_s=0)"
    )
    return [sys.executable, "-c", code]


@pytest.mark.slow
@pytest.mark.parametrize("killer", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_goes_on_to_the_same_predictions(
    run: Path, cohort: Path, tmp_path: Path, killer: signal.Signals
) -> None:
    out = tmp_path / "run"
    wanted = 6 if killer == signal.SIGKILL else 20  # each epoch has the word twice
    process = subprocess.Popen(_command(cohort, out), stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        log = out / "log.jsonl"
        if log.is_file() and log.read_text(encoding="utf-8").count('"epoch"') >= wanted:
            break
        time.sleep(0.02)
    process.send_signal(killer)
    process.communicate(timeout=60)
    assert process.returncode == (-killer if killer == signal.SIGKILL else 128 + killer)
    assert not (out / "predictions.csv").exists()
    evaluate(cohort / "study.toml", out=out, overrides=SMALL)
    assert (out / "predictions.csv").read_bytes() == (run / "predictions.csv").read_bytes()
    assert (out / "metrics.json").read_bytes() == (run / "metrics.json").read_bytes()
