"""What `tumorboard doctor` looks at, and what it asks to be mended."""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path

import pytest

from tumorboard.verbs import doctor
from tumorboard.verbs.doctor import Line, examine, exit_code


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUMORBOARD_CACHE", str(tmp_path / "cache"))


def line(subject: str) -> Line:
    return next(line for line in examine() if line.subject == subject)


def test_a_sound_machine_ends_with_0() -> None:
    lines = examine()
    assert exit_code(lines) == 0
    subjects = [line.subject for line in lines]
    assert {"python", "cores", "memory", "dependencies", "device", "cache", "disk"} <= set(subjects)
    assert "extra develop" in subjects
    assert all(line.remedy for line in lines if line.state != "ok")


def test_line_reads_as_one_line() -> None:
    text = str(Line("disk", "warning", "1.0 GiB free", "Free space."))
    assert text == "warning  disk: 1.0 GiB free. Free space."
    assert str(Line("cores", "ok", "2")) == "ok       cores: 2."


@pytest.mark.parametrize(
    ("wanted", "state", "found"),
    [
        (["numpy>=1.0"], "ok", "1 installed"),
        (["numpy>=9999"], "missing", "needs 9999 or newer"),
        (["no-such-package>=1"], "missing", "no-such-package is not installed"),
    ],
)
def test_dependencies(
    monkeypatch: pytest.MonkeyPatch, wanted: list[str], state: str, found: str
) -> None:
    monkeypatch.setattr(metadata, "requires", lambda name: wanted)
    lines = examine()
    (dependencies,) = [line for line in lines if line.subject == "dependencies"]
    assert dependencies.state == state
    assert found in dependencies.found
    assert exit_code(lines) == (0 if state == "ok" else 2)


def test_an_extra_that_is_not_installed_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["numpy>=1.0", 'no-such-package; extra == "notes"']
    monkeypatch.setattr(metadata, "requires", lambda name: wanted)
    found = line("extra notes")
    assert found.state == "ok"
    assert found.found == "not installed: no-such-package is not installed"
    assert "python -m pip install 'tumorboard[notes]'" in found.remedy


def test_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    found = line("cache")
    assert found.state == "missing"
    assert "Set TUMORBOARD_CACHE" in found.remedy


def test_cache_size_is_that_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    with (tmp_path / "cache" / "a.npy").open("wb") as handle:
        handle.truncate(3 * doctor.GIB // 2)
    assert line("cache").found.endswith("1.50 GiB")


def test_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TUMORBOARD_DATA", raising=False)
    assert line("TUMORBOARD_DATA").found.startswith("not set")
    monkeypatch.setenv("TUMORBOARD_DATA", str(tmp_path / "absent"))
    assert line("TUMORBOARD_DATA").state == "warning"
    data = tmp_path / "data"
    for number in range(8):
        (data / f"cohort-{number}").mkdir(parents=True)
    monkeypatch.setenv("TUMORBOARD_DATA", str(data))
    found = line("TUMORBOARD_DATA")
    assert found.state == "ok"
    assert found.found.endswith("cohort-5 and 2 more")


def test_wait_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    assert line("OMP_WAIT_POLICY").state == "ok"
    monkeypatch.delenv("OMP_WAIT_POLICY")
    assert line("OMP_WAIT_POLICY").state == "warning"


def test_little_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DISK_GIB", 1e9)
    found = line("disk")
    assert found.state == "warning"
    assert "--out" in found.remedy
