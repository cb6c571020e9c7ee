"""Lines of progress: at the end, every few seconds, and none where all is done at once."""

from __future__ import annotations

import pytest

from tumorboard.formats import file_progress
from tumorboard.formats.file_progress import FileProgress


def lines_of(caplog: pytest.LogCaptureFixture, n: int, *, is_brief: bool) -> list[str]:
    caplog.clear()
    with caplog.at_level("INFO", logger="tumorboard"):
        progress = FileProgress("slide", n, "slides opened", is_brief=is_brief)
        for _ in range(n):
            progress.step()
    return caplog.messages


def test_short_work_says_its_end_or_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert lines_of(caplog, 3, is_brief=False) == ["slide: 3 of 3 slides opened"]
    assert lines_of(caplog, 3, is_brief=True) == []


def test_long_work_says_how_far_it_is(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_progress, "SECONDS", 0.0)
    expected = [f"slide: {i} of 3 slides opened" for i in (1, 2, 3)]
    assert lines_of(caplog, 3, is_brief=True) == expected
