"""Windows of many slides: in the order asked for, in one size, with few slides open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorboard.cache import Cache
from tumorboard.errors import InputError
from tumorboard.formats import slide_windows
from tumorboard.formats.slide_windows import SlideWindows, open_each, resized


def save(path: Path, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(path)
    return path


def test_windows_come_in_the_order_asked_for_with_few_slides_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slide_windows, "_OPEN", 2)
    opened: list[str] = []

    def opening(path: Path, *, cache: Cache) -> slide_windows.Slide:
        opened.append(path.name)
        return really(path, cache=cache)

    really = slide_windows.open_slide
    cache = Cache(tmp_path / "cache")
    paths = [save(tmp_path / f"{k}.png", k) for k in range(4)]
    infos, failed = open_each(paths, cache, name="slide")
    assert not failed
    monkeypatch.setattr(slide_windows, "open_slide", opening)
    slides = SlideWindows(list(infos.values()), cache)
    number = np.array([3, 0, 3, 1, 2, 0])
    x_px, y_px = np.linspace(10, 30, 6), np.linspace(20, 12, 6)
    sides = np.array([8, 8, 16, 8])
    cut = slides.cut(number, x_px, y_px, window_px=sides, size=(8, 8))
    assert opened == ["0.png", "1.png", "2.png", "3.png"]  # each once, whatever the order
    for k, n in enumerate(number.tolist()):
        alone = slides.slide(n).windows(x_px[[k]], y_px[[k]], int(sides[n]))
        np.testing.assert_array_equal(cut[k], resized(alone, (8, 8))[0])
    assert len(slides._open) == 2
    assert slides.cut(number[:0], x_px[:0], y_px[:0], window_px=sides, size=(8, 8)).shape == (
        0, 3, 8, 8,
    )  # fmt: skip


def test_files_that_cannot_be_opened_are_told_apart(tmp_path: Path) -> None:
    good, gone, bad = save(tmp_path / "good.png", 1), tmp_path / "gone.png", tmp_path / "bad.png"
    bad.write_bytes(b"MZ not an image")
    infos, failed = open_each([good, gone, bad, good], Cache(tmp_path / "cache"), name="slide")
    assert [(info.height_px, info.width_px) for info in infos.values()] == [(40, 50)]
    assert list(failed) == [gone, bad]
    assert "no such file" in failed[gone]


def test_a_slide_that_goes_during_the_run_is_named(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", 1)
    cache = Cache(tmp_path / "cache")
    infos, _ = open_each([path], cache, name="slide")
    path.unlink()
    with pytest.raises(InputError, match=r"a\.png"):
        SlideWindows(list(infos.values()), cache).slide(0)


def test_resizing_is_pillows_bicubic_within_rounding() -> None:
    rng = np.random.default_rng(5)
    smooth = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).resize((60, 60))
    windows = np.moveaxis(np.asarray(smooth), -1, 0)[np.newaxis]
    for size in ((24, 31), (60, 60), (90, 75)):
        expected = smooth.resize((size[1], size[0]), Image.Resampling.BICUBIC)
        found = np.moveaxis(resized(windows, size)[0], 0, -1)
        assert np.abs(found.astype(int) - np.asarray(expected).astype(int)).max() <= 1
