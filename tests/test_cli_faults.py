"""Faults on the command line: lines, exit codes, the traceback that is kept."""

from __future__ import annotations

import errno
import json
import logging
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tumorboard.cli import app
from tumorboard.cli_faults import reported
from tumorboard.errors import RunError, StudyError
from tumorboard.verbs import check as check_verb
from tumorboard.verbs.check import CheckReport


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUMORBOARD_CACHE", str(tmp_path / "cache"))


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), terminal_width=200)


def failing(error: BaseException) -> Any:
    def fail(*args: object, **kwargs: object) -> CheckReport:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (StudyError(["one.", "two."]), 2, ["error: one.", "error: two."]),
        (RunError("no GPU."), 2, ["error: no GPU."]),
        (
            KeyboardInterrupt(),
            130,
            ["error: interrupted; the same command goes on where it stopped."],
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "run/predictions.csv"),
            2,
            [
                "error: run/predictions.csv: No space left on device. Free space, or choose "
                "another folder with --out or TUMORBOARD_CACHE."
            ],
        ),
        *(
            (
                OSError(fault, "File exists", "o.txt"),
                2,
                [
                    "error: o.txt: a file stands where a folder is needed. Choose another place "
                    "with --out."
                ],
            )
            for fault in (errno.EEXIST, errno.ENOTDIR)
        ),
    ],
)
def test_faults_that_a_user_can_mend(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, lines: list[str]
) -> None:
    monkeypatch.setattr(check_verb, "check", failing(error))
    result = run("check", "study.toml")
    assert result.exit_code == code
    assert result.stderr.splitlines() == lines


@pytest.mark.parametrize("error", [ValueError("two\nlines"), OSError(errno.EIO, "broken", "disk")])
def test_fault_of_the_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    monkeypatch.setattr(check_verb, "check", failing(error))
    result = run("check", "study.toml", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == []
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"error: a fault of the program, {type(error).__name__}: ")
    kept = tmp_path / "cache" / "last-fault.txt"
    assert str(kept) in line
    assert "Traceback" in kept.read_text()
    result = run("--debug", "check", "study.toml")
    assert "Traceback (most recent call last)" in result.stderr


def test_progress_of_long_reading_stands_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logger = logging.getLogger("tumorboard")
    with reported(typer.Context(typer.main.get_command(app))):
        logger.info("slide: %d of %d slides opened", 1, 2)
    logger.info("nobody asked")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "slide: 1 of 2 slides opened\n")
