"""A stream of cases: each answered once, renewed when it changes, and no case stops the others."""

from __future__ import annotations

import csv
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tumorboard.cache import Cache
from tumorboard.cli import app
from tumorboard.errors import InputError, RunError
from tumorboard.prediction.model import Model
from tumorboard.records import Cohort
from tumorboard.training.run_folder import locked
from tumorboard.verbs.explain import explain
from tumorboard.verbs.fit import fit
from tumorboard.verbs.predict import predict
from tumorboard.verbs.watch import Watched, watch

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

from small_masks import write_balls

STUDY = """
[study]
name = "stream"
[cohort]
table = "patients.csv"
[task]
{task}
[modalities.image]
kind = "image"
files = "images/{{file}}"
size = [16, 16]
encoder = "small_cnn"
[modalities.record]
kind = "table"
numeric = ["age"]
encoder = {{name = "mlp", widths = [4]}}
[arms]
fused = {{modalities = ["image", "record"], fusion = "concatenation"}}
[training]
epochs = 1
modality_dropout = 0.2
"""
#: Of the study of balls: patches enough to have a model.
FEW = ("training.epochs=1", "training.patches.per_case=1")
TASKS = {
    "classification": 'target = "diagnosis"\npositive = "malignant"',
    "survival": 'kind = "survival"\ntime = "days"\ntime_unit = "days"\nevent = "died"\n'
    'event_value = "1"',
    "regression": 'kind = "regression"\ntarget = "days"',
}


def _picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (16, 16), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    rng = np.random.default_rng(0)
    rows = ["patient_id,file,age,diagnosis,days,died"]
    for i in range(24):
        _picture(folder / "images" / f"{i}.png", i)
        label = "malignant" if i % 2 else "benign"
        rows.append(f"{i:02d},{i}.png,{50 + i},{label},{rng.integers(50, 900)},{int(i % 3 > 0)}")
    (folder / "patients.csv").write_text("\n".join(rows) + "\n")
    for name, task in TASKS.items():
        (folder / f"{name}.toml").write_text(STUDY.format(task=task))
        fit(folder / f"{name}.toml", out=folder / name)
    return folder


def _arrive(folder: Path, case: str, *rows: str, seed: int = 0) -> Path:
    """Files first, the table last."""
    _picture(folder / case / "images" / "scan.png", seed)
    table = folder / case / "patients.csv"
    table.write_text("\n".join(("patient_id,file,age", *rows)) + "\n")
    return table


def _watch(model: Path, folder: Path, *, limit: int = 0) -> tuple[Watched, list[str]]:
    """What is there is answered, beside `folder`."""
    said: list[str] = []
    done = watch(
        model, folder=folder, out=folder.with_name("out"), say=said.append, quiet_s=0.05, once=True,
        limit=limit,
    )  # fmt: skip
    return done, said


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.mark.parametrize("task", TASKS)
def test_a_case_is_answered_as_predict_answers_it(models: Path, tmp_path: Path, task: str) -> None:
    table = _arrive(tmp_path / "in", "a", "P1,scan.png,61", "P2,scan.png,")
    done, said = _watch(models / task, tmp_path / "in")
    predict(models / task, cohort=table, out=tmp_path / "once.csv")
    answer = tmp_path / "out" / "a" / "patients.csv"
    assert answer.read_text() == (tmp_path / "once.csv").read_text()
    assert done.exit_code == 0
    (row,) = _rows(tmp_path / "out" / "latency.csv")
    assert row["case"] == "a/patients"
    assert row["patients"] == "2"
    parts = [float(row[name]) for name in ("waited_s", "read_s", "predicted_s", "written_s")]
    assert all(part >= 0 for part in parts)
    assert parts[0] >= 0.05  # it had to be quiet
    assert sum(parts) == pytest.approx(float(row["total_s"]), abs=0.05)
    assert said[-1].startswith("1 case, 2 patients: latency p50")


def test_an_answered_case_is_not_taken_again_by_the_next_watch(
    models: Path, tmp_path: Path
) -> None:
    model, folder = models / "classification", tmp_path / "in"
    _arrive(folder, "a", "P1,scan.png,61")
    assert len(_watch(model, folder)[0].latencies) == 1
    (folder / "a" / "patients.csv").touch()  # another time, the same content
    assert not _watch(model, folder)[0].latencies
    _arrive(folder, "b", "P2,scan.png,62")
    done, _ = _watch(model, folder)
    assert [own.case for own in done.latencies] == ["b/patients"]
    assert len(_rows(tmp_path / "out" / "latency.csv")) == 2


def test_a_changed_record_or_file_renews_the_answer_and_keeps_the_older(
    models: Path, tmp_path: Path
) -> None:
    model, folder, out = models / "classification", tmp_path / "in", tmp_path / "out" / "a"
    _arrive(folder, "a", "P1,scan.png,61")
    _watch(model, folder)
    first = (out / "patients.csv").read_text()
    _arrive(folder, "a", "P1,scan.png,75")
    _, said = _watch(model, folder)
    second = (out / "patients.csv").read_text()
    assert second != first
    assert (out / "patients.superseded-1.csv").read_text() == first
    assert any("the older answer is patients.superseded-1.csv" in line for line in said)
    _picture(folder / "a" / "images" / "scan.png", 99)
    _watch(model, folder)
    assert (out / "patients.superseded-2.csv").read_text() == second
    assert (out / "patients.csv").read_text() != second
    (folder / "a" / "images" / "scan.png").unlink()
    done, _ = _watch(model, folder)
    assert done.exit_code == 3  # the record alone is left
    assert _rows(out / "patients.csv")[0]["modalities"] == "record"
    # another model answers everything anew
    assert len(_watch(models / "survival", folder)[0].latencies) == 1


def test_no_patient_and_no_case_stops_the_others(models: Path, tmp_path: Path) -> None:
    model, folder = models / "classification", tmp_path / "in"
    _arrive(folder, "a", "P1,scan.png,61", "P2,scan.png,6l", "P3,scan.png,44")
    _arrive(folder, "b", "P4,scan.png,70")
    (folder / "b" / "images" / "scan.png").write_bytes(b"no picture")
    (folder / "c.csv").write_text("name,years\nA,3\n")
    (folder / "d.csv").write_bytes(b"\x00\xff\x00")
    (folder / "latency.csv").write_text("patient_id,file,age\n")
    _arrive(folder, "e", "P5,scan.png,50")
    done, said = _watch(model, folder)
    assert {own.case for own in done.latencies} == {"a/patients", "b/patients", "e/patients"}
    assert [r["patient_id"] for r in _rows(tmp_path / "out" / "a" / "patients.csv")] == ["P1", "P3"]
    assert any("rejected: patient P2: " in line and "'6l'" in line for line in said)
    assert any("rejected: patient P4" in line and "scan.png" in line for line in said)
    assert set(done.unreadable) == {"c", "d", "latency"}
    for case in done.unreadable:
        assert sum(line.startswith(f"{case}: cannot be predicted") for line in said) == 1
    assert done.exit_code == 3
    assert not [path for path in (tmp_path / "out").rglob("*.part")]
    assert not _watch(model, folder)[0].latencies


def test_a_patient_with_two_rejections_is_one(models: Path, tmp_path: Path) -> None:
    _arrive(tmp_path / "in", "a", "P1,scan.png,61", "P2,other.png,", "P2,other.png,")
    (tmp_path / "in" / "a" / "images" / "other.png").write_bytes(b"no picture")
    done, said = _watch(models / "classification", tmp_path / "in")
    lines = [line for line in said if line.startswith("  rejected: patient P2")]
    assert len(lines) > 1
    assert [own.rejected for own in done.latencies] == [1]
    assert any(line.startswith("a/patients: 2 patients, 1 rejected;") for line in said)
    assert _rows(tmp_path / "out" / "latency.csv")[0]["rejected"] == "1"


def test_a_fault_of_the_program_ends_one_case_alone(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = Model.measure

    def faulty(model: Model, cohort: Cohort, *, cache: Cache) -> object:
        if cohort.patient_id[0] == "P1":
            raise ZeroDivisionError("a\nfault")
        return measure(model, cohort, cache=cache)

    monkeypatch.setenv("TUMORBOARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Model, "measure", faulty)
    _arrive(tmp_path / "in", "a", "P1,scan.png,61")
    _arrive(tmp_path / "in", "b", "P2,scan.png,61")
    done, _ = _watch(models / "classification", tmp_path / "in")
    assert [own.case for own in done.latencies] == ["b/patients"]
    assert "a fault of the program, ZeroDivisionError: a fault." in done.unreadable["a/patients"]
    assert "ZeroDivisionError" in (tmp_path / "cache" / "last-fault.txt").read_text()


def test_cases_that_come_while_it_runs(models: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    answered: list[str] = []

    def said(line: str) -> None:
        """The next case comes when the last one was answered; after three an end is asked for."""
        if not line.startswith(("watching", "case-")):
            return
        answered.append(line)
        if len(answered) <= 3:
            _arrive(folder, f"case-{len(answered)}", f"P{len(answered)},scan.png,61")
        else:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    done = watch(models / "classification", folder=folder, out=out, say=said, quiet_s=0.02)
    assert signal.getsignal(signal.SIGTERM) is before
    assert [own.case for own in done.latencies] == [f"case-{i}/patients" for i in (1, 2, 3)]
    assert not (out / ".lock").exists()


def test_a_limit_and_a_second_watch(models: Path, tmp_path: Path) -> None:
    model, folder = models / "classification", tmp_path / "in"
    for name in "ab":
        _arrive(folder, name, "P1,scan.png,61")
    assert len(_watch(model, folder, limit=1)[0].latencies) == 1
    with locked(tmp_path / "out"), pytest.raises(RunError, match="another process"):
        _watch(model, folder)


@pytest.mark.parametrize(
    ("out", "message"),
    [("in/out", "lies in the watched folder"), (".", "or holds it"), ("model/x", "the model")],
)
def test_answers_lie_apart(models: Path, tmp_path: Path, out: str, message: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "model").symlink_to(models / "classification")
    with pytest.raises(InputError, match=message):
        watch(tmp_path / "model", folder=tmp_path / "in", out=tmp_path / out, say=lambda line: None)


def test_masks_are_renewed_when_the_note_changes(tmp_path: Path) -> None:
    study = write_balls(tmp_path / "data")
    fit(study, out=tmp_path / "model", arm="guided", overrides=FEW)
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "ct").mkdir(parents=True)
    for name in ("p1", "p2"):
        source = tmp_path / "data" / "ct" / f"{name}.nii.gz"
        (folder / "ct" / source.name).write_bytes(source.read_bytes())
    table = folder / "night.csv"
    table.write_text("patient,note\np1,A ball on the left side.\np2,\nnobody,\n")
    command = ["predict", str(tmp_path / "model"), "--watch", str(folder), "--out", str(out),
               "--once", "--quiet-s", "0.05"]  # fmt: skip
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 3, result.output
    assert "rejected: patient nobody" in result.output
    rows = _rows(out / "night.csv")
    assert [row["mask"] for row in rows] == ["night-masks/p1.nii.gz", "night-masks/p2.nii.gz"]
    first = (out / rows[0]["mask"]).read_bytes()
    table.write_text("patient,note\np1,A ball on the right side.\np2,\nnobody,\n")
    assert CliRunner().invoke(app, command).exit_code == 3
    older = _rows(out / "night.superseded-1.csv")
    assert older[0]["mask"] == "night.superseded-1-masks/p1.nii.gz"
    assert (out / older[0]["mask"]).read_bytes() == first
    assert len(_rows(out / "night.csv")) == 2
    assert all((out / row["mask"]).is_file() for row in _rows(out / "night.csv"))
    with pytest.raises(InputError, match="with masks, which are not explained"):
        explain(tmp_path / "model", cohort=table, out=tmp_path / "explained")


def test_a_model_without_masks_writes_none_as_dicom(models: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="--as seg: the model writes no masks"):
        watch(
            models / "survival", folder=tmp_path / "in", out=tmp_path / "out",
            say=lambda line: None, as_format="seg",
        )  # fmt: skip
    with pytest.raises(InputError, match="--maps: the model writes no masks"):
        predict(
            models / "survival", cohort=models / "patients.csv", out=tmp_path / "o.csv", maps=True
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "either --cohort TABLE or --watch DIR"),
        (["--cohort", "a.csv", "--watch", "in"], "either --cohort TABLE or --watch DIR"),
        (["--cohort", "a.csv", "--once"], "belong to --watch"),
        (["--watch", "in", "--quiet-s", "-1"], "--quiet-s -1.0: expected seconds"),
    ],
)
def test_options_that_do_not_go_together(options: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["predict", "model", "--out", "out", *options])
    assert result.exit_code == 2
    assert message in result.output
