"""Prepared arrays and the memory of file hashes."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from tumorboard import cache as cache_module
from tumorboard.cache import Cache, default_folder, sha256_file, write_atomic, write_text


def test_sha256_equals_hashlib(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert sha256_file(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_default_folder_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUMORBOARD_CACHE", str(tmp_path))
    assert default_folder() == tmp_path
    monkeypatch.delenv("TUMORBOARD_CACHE")
    assert default_folder() == Path.home() / ".cache" / "tumorboard"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "result.csv"
    write_text(target, "old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomic(target, fail)
    assert target.read_text() == "old"
    assert [path.name for path in target.parent.iterdir()] == ["result.csv"]


def test_the_final_name_is_never_seen_half_written(tmp_path: Path) -> None:
    target = tmp_path / "result"

    def write(temporary: Path) -> None:
        temporary.write_text("first half")
        assert not target.exists()
        assert temporary.parent == target.parent  # a rename is atomic within one file system only
        temporary.write_text("whole")

    write_atomic(target, write)
    assert target.read_text() == "whole"


def test_two_writers_of_one_file_leave_one_whole_file(tmp_path: Path) -> None:
    target = tmp_path / "result"
    barrier = threading.Barrier(2)

    def write(letter: str) -> None:
        def content(temporary: Path) -> None:
            barrier.wait(timeout=10)
            temporary.write_text(letter * 1000)
            barrier.wait(timeout=10)

        write_atomic(target, content)

    writers = [threading.Thread(target=write, args=(letter,)) for letter in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert target.read_text() in ("a" * 1000, "b" * 1000)
    assert list(tmp_path.iterdir()) == [target]


class Reads:
    """Counts how often a file is read for its hash."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def __call__(self, path: Path) -> str:
        self.paths.append(path.name)
        return sha256_file(path)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    counter = Reads()
    monkeypatch.setattr(cache_module, "sha256_file", counter)
    return counter


def test_unchanged_file_is_read_once(tmp_path: Path, reads: Reads) -> None:
    image = tmp_path / "image.png"
    image.write_bytes(b"pixels")
    with Cache(tmp_path / "cache") as first:
        digest = first.sha256(image)
        assert first.sha256(image) == digest
    with Cache(tmp_path / "cache") as second:
        assert second.sha256(image) == digest
    assert reads.paths == ["image.png"]


@pytest.mark.parametrize("content", [b"Pixels", b"more pixels"])
def test_changed_file_is_read_again(tmp_path: Path, reads: Reads, content: bytes) -> None:
    image = tmp_path / "image.png"
    image.write_bytes(b"pixels")
    os.utime(image, ns=(1, 1))
    with Cache(tmp_path / "cache") as first:
        before = first.sha256(image)
    image.write_bytes(content)
    with Cache(tmp_path / "cache") as second:
        after = second.sha256(image)
    assert after == hashlib.sha256(content).hexdigest() != before
    assert reads.paths == ["image.png", "image.png"]


@pytest.mark.parametrize("index", [b"{half", b"[1, 2]", b'{"a": 3, "b": [1]}', b"\xff\xfe"])
def test_damaged_index_is_computed_again(tmp_path: Path, index: bytes) -> None:
    image = tmp_path / "image.png"
    image.write_bytes(b"pixels")
    (tmp_path / "hashes.json").write_bytes(index)
    with Cache(tmp_path) as cache:
        assert cache.sha256(image) == hashlib.sha256(b"pixels").hexdigest()
    assert str(image) in json.loads((tmp_path / "hashes.json").read_text())


def test_two_caches_keep_the_hashes_of_both(tmp_path: Path, reads: Reads) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    first, second = Cache(tmp_path / "cache"), Cache(tmp_path / "cache")
    first.sha256(tmp_path / "a")
    second.sha256(tmp_path / "b")
    first.close()
    second.close()
    with Cache(tmp_path / "cache") as third:
        third.sha256(tmp_path / "a")
        third.sha256(tmp_path / "b")
    assert reads.paths == ["a", "b"]


def test_nothing_computed_writes_nothing(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache"):
        pass
    assert not (tmp_path / "cache").exists()


def test_key_is_of_content_and_settings_not_of_names(tmp_path: Path) -> None:
    for name, content in (("a", "same"), ("b", "same"), ("c", "other")):
        (tmp_path / name).write_text(content)
    cache = Cache(tmp_path / "cache")
    a, b, c = (tmp_path / name for name in "abc")
    assert cache.key({"size": 64}, a) == cache.key({"size": 64}, b)
    assert cache.key({"size": 64}, a) != cache.key({"size": 64}, c)
    assert cache.key({"size": 64}, a) != cache.key({"size": 32}, a)
    assert cache.key({"x": 1, "y": 2}, a) == cache.key({"y": 2, "x": 1}, a)
    assert cache.key({}, a, c) != cache.key({}, c, a)


@pytest.mark.parametrize("mapped", [False, True])
def test_array_comes_back(tmp_path: Path, mapped: bool) -> None:
    cache = Cache(tmp_path)
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert cache.load("abcd") is None
    cache.store("abcd", array)
    found = cache.load("abcd", mapped=mapped)
    assert found is not None
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, array)
    assert isinstance(found, np.memmap) is mapped


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("length", [0, 50, 140])
def test_damaged_array_is_not_there(tmp_path: Path, length: int, mapped: bool) -> None:
    cache = Cache(tmp_path)
    cache.store("abcd", np.arange(12, dtype=np.float32))
    path = cache.path("abcd")
    path.write_bytes(path.read_bytes()[:length])
    assert cache.load("abcd", mapped=mapped) is None


def test_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        Cache(tmp_path).store("abcd", np.asarray([{"a": 1}], dtype=object))
    assert not Cache(tmp_path).path("abcd").exists()
