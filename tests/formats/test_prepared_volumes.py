"""Prepared volumes in the cache: by content, once, with what is remembered of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tumorboard.cache import Cache
from tumorboard.errors import InputError
from tumorboard.formats.prepared_volumes import (
    VolumeFacts,
    VolumeFiles,
    prepare_volumes,
)


def facts(content: bytes) -> VolumeFacts:
    return VolumeFacts(
        affine=np.diag([1.5, 2, 3, 1]), mean=np.array([0.25]), sd=np.array([0.1]),
        landmarks=np.full((1, 11), np.nan), quality=np.arange(5.0), digest=content.hex(),
        ignored=((0, "a scout"),), notes=("resampled",),
    )  # fmt: skip


def apply(files: VolumeFiles) -> tuple[np.ndarray, VolumeFacts]:
    content = files.files[0].read_bytes()
    if content == b"bad":
        raise InputError(f"{files.where}: a gap of 6.0 mm.")
    return np.full((1, 2, 2, 2), len(content), dtype=np.float16), facts(content)


def files(folder: Path, **contents: bytes) -> list[VolumeFiles]:
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [VolumeFiles(((folder / name,),)) for name in contents]


def test_facts_come_back_as_they_were() -> None:
    before, after = facts(b"x"), VolumeFacts.decoded(facts(b"x").encoded())
    for name, value in vars(before).items():
        np.testing.assert_array_equal(getattr(after, name), value)


def test_equal_content_is_prepared_once_and_a_bad_one_has_its_reason(tmp_path: Path) -> None:
    wanted = files(tmp_path, a=b"one", b=b"three", c=b"one", d=b"bad")
    asked: list[VolumeFiles] = []

    def counting(each: VolumeFiles) -> tuple[np.ndarray, VolumeFacts]:
        asked.append(each)
        return apply(each)

    with Cache(tmp_path / "cache", workers=2) as cache:
        for n_asked in (3, 4):  # the second start asks for the bad one alone
            prepared, number, failed = prepare_volumes(wanted, counting, {}, cache, name="ct")
            assert len(asked) == n_asked
            assert number[wanted[0]] == number[wanted[2]] != number[wanted[1]]
            assert failed == {wanted[3]: f"{tmp_path / 'd'}: a gap of 6.0 mm."}
            assert prepared.stored(number[wanted[1]]).max() == 5
            assert prepared.facts[number[wanted[0]]].notes == ("resampled",)
        other, _, _ = prepare_volumes(wanted[:1], counting, {"size": 2}, cache, name="ct")
        assert len(asked) == 5
    np.testing.assert_array_equal(other.affines(np.array([0, 0]))[1], np.diag([1.5, 2, 3, 1]))


def test_another_centre_is_another_volume(tmp_path: Path) -> None:
    (one,) = files(tmp_path, a=b"one")
    moved = VolumeFiles(one.channels, centre_mm=(1.0, 2.0, 3.0))
    with Cache(tmp_path / "cache") as cache:
        _, number, _ = prepare_volumes([one, moved], apply, {}, cache, name="ct")
    assert number[one] != number[moved]


def test_a_file_that_changed_during_the_run_is_refused(tmp_path: Path) -> None:
    (one,) = files(tmp_path, a=b"one")
    with Cache(tmp_path / "cache") as cache:
        prepared, _, _ = prepare_volumes([one], apply, {}, cache, name="ct")
        for path in (tmp_path / "cache").rglob("*.npy"):
            path.unlink()
        (tmp_path / "a").write_bytes(b"two")
        with pytest.raises(InputError, match="changed during the run"):
            prepared.stored(0)
