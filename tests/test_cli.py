"""The command line: what it loads, what it says, how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import tumorboard
from tumorboard.cli import app
from tumorboard.records import Finding
from tumorboard.verbs import check as check_verb
from tumorboard.verbs.check import CheckReport

VERBS = (
    "check", "evaluate", "fit", "predict", "explain", "compare", "simulate", "table", "export",
    "factors", "init", "list", "doctor", "score", "follow", "measure",
)  # fmt: skip


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUMORBOARD_CACHE", str(tmp_path / "cache"))


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), terminal_width=200)


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["--version"], ["check", "--help"]])
def test_nothing_heavy_is_loaded(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from tumorboard.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = ['torch', 'numpy', 'polars', 'sklearn', 'scipy', 'monai', 'lightning', 'PIL',\n"
        "         'matplotlib', 'optuna', 'xgboost', 'jinja2']\n"
        "sys.exit(', '.join(sorted(set(heavy) & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_the_package_loads_nothing_heavy() -> None:
    code = "import sys, tumorboard; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_help_names_every_verb_and_the_exit_codes() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for verb in VERBS:
        assert f" {verb} " in result.stdout
    assert "not a medical device" in " ".join(result.stdout.split())
    assert "3 done, but some patients or files were rejected" in " ".join(result.stdout.split())
    assert {
        command.name or getattr(command.callback, "__name__", "")
        for command in app.registered_commands
    } == set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str) -> None:
    assert run(verb, "--help").exit_code == 0


def test_version() -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"tumorboard {tumorboard.__version__}\n")


def test_list_says_what_a_study_can_name() -> None:
    lines = run("list").stdout.splitlines()
    assert "Fusions ([arms] fusion)" in lines
    assert any(line.split()[:1] == ["gated"] for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check"], "Missing argument 'STUDY'"),
        (["evaluate", "study.toml", "--fsat"], "No such option: --fsat"),
        (["evalate"], "No such command 'evalate'"),
        (["predict", "model"], "Missing option '--out'"),
    ],
)
def test_a_command_that_is_not_one(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "absent.toml"],
        ["evaluate", "absent.toml"],
        ["fit", "absent.toml", "--out", "model"],
    ],
)
def test_absent_study(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        "error: absent.toml: no such study file. Write one with `tumorboard init TABLE`.\n"
    )


def test_every_fault_of_a_study_is_one_line(tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text('[study]\nname = "x"\nsede = 1\n[cohort]\n[task]\n[modalities]\n')
    result = run("check", str(study), "--set", "training.epochs=many")
    assert result.exit_code == 2
    assert "error: study.sede: unknown key. Did you mean 'seed'?" in result.stderr.splitlines()
    assert 'error: training.epochs: found "many", expected a whole number.' in result.stderr
    assert all(line.startswith("error: ") for line in result.stderr.splitlines())


def test_json_is_valid_whatever_happens(tmp_path: Path) -> None:
    result = run("check", str(tmp_path / "absent.toml"), "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout) == []
    assert result.stderr.startswith("error: ")


def test_json_holds_the_findings_only(monkeypatch: pytest.MonkeyPatch) -> None:
    finding = Finding("small-class", "warning", "few", ("p1",), {"n": 3})
    report = CheckReport((finding,), ("a line for people",), 3)
    monkeypatch.setattr(check_verb, "check", lambda *args, **kwargs: report)
    result = run("check", "study.toml", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout) == [
        {
            "code": "small-class", "severity": "warning", "message": "few", "patients": ["p1"],
            "evidence": {"n": 3},
        }
    ]  # fmt: skip
    assert result.stderr == "a line for people\n"
    result = run("check", "study.toml")
    assert (result.exit_code, result.stdout) == (3, "a line for people\n")


def test_main_ends_with_the_exit_code() -> None:
    from tumorboard.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["check", "absent.toml"])
    assert ended.value.code == 2


def test_simulate_then_init(tmp_path: Path) -> None:
    out = tmp_path / "cohort"
    result = run(
        "simulate", "image_table", "--patients", "40", "--seed", "3", "--out", str(out),
        "--set", "images_per_patient=1",
    )  # fmt: skip
    assert (result.exit_code, result.stdout) == (0, f"study: {out / 'study.toml'}\n")
    result = run("init", str(out / "patients.csv"), "--out", str(tmp_path / "first.toml"))
    assert result.exit_code == 0
    assert (tmp_path / "first.toml").is_file()
    result = run("init", str(out / "patients.csv"), "--out", str(tmp_path / "first.toml"))
    assert result.exit_code == 2
    assert "exists already" in result.stderr


def test_simulate_with_settings_that_are_none(tmp_path: Path) -> None:
    out = str(tmp_path / "x")
    result = run("simulate", "image_table", "--patients", "9", "--out", out, "--set", "size")
    assert result.exit_code == 2
    assert result.stderr == "error: --set size: expected KEY=VALUE.\n"


def test_compare_two_tables(tmp_path: Path) -> None:
    for arm, shift in (("good", 0.4), ("poor", 0.0)):
        rows = [
            f"p{i},{'case' if i % 2 else 'control'},{1 - p:.3f},{p:.3f}"
            for i in range(30)
            for p in [0.3 + shift * (i % 2) + 0.009 * (i % 7)]
        ]
        text = "\n".join(["patient_id,outcome,p_control,p_case", *rows]) + "\n"
        (tmp_path / f"{arm}.csv").write_text(text)
    result = run(
        "compare", str(tmp_path / "good.csv"), str(tmp_path / "poor.csv"), "--reference", "poor"
    )
    assert (result.exit_code, result.stderr) == (0, "")
    assert "minus poor" in result.stdout
    result = run("compare", str(tmp_path / "good.csv"))
    assert result.exit_code == 2
    assert "name at least two prediction tables" in result.stderr


@pytest.mark.parametrize("verb", [name for name in tumorboard.__all__ if name != "__version__"])
def test_python_has_the_same_verbs(verb: str) -> None:
    assert callable(getattr(tumorboard, verb))
    assert verb in dir(tumorboard)


def test_the_package_has_nothing_else() -> None:
    with pytest.raises(AttributeError, match="module 'tumorboard' has no attribute 'evalate'"):
        tumorboard.evalate  # type: ignore[attr-defined] # noqa: B018
