from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tumorboard.cache import Cache
from tumorboard.errors import InputError
from tumorboard.formats import image_preparation, prepared_images
from tumorboard.formats.image_preparation import Preparation
from tumorboard.formats.prepared_images import PreparedImages, prepare
from tumorboard.formats.slices import Slice

WHOLE = Preparation(size=(4, 6), aspect="stretch", window="declared")
RNG = np.random.default_rng(3)


def save(path: Path, array: np.ndarray) -> Slice:
    Image.fromarray(array).save(path)
    return Slice(path)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def grey(path: Path) -> Slice:
    return save(path, RNG.integers(0, 256, (8, 12), dtype=np.uint8))


def colour(path: Path) -> Slice:
    return save(path, RNG.integers(0, 256, (8, 12, 3), dtype=np.uint8))


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    reads: list[Path] = []
    original = image_preparation.read_pixels

    def counted(path: Path, *, page: int = 0) -> object:
        reads.append(path)
        return original(path, page=page)

    monkeypatch.setattr(image_preparation, "read_pixels", counted)
    return reads


def test_halving_averages_with_pillows_triangle() -> None:
    # Halving with an antialiased triangle filter: a ramp stays a ramp away from its ends.
    ramp = np.tile(np.arange(16, dtype=np.uint8) * 10, (8, 1))
    prepared = Preparation(size=(4, 8), aspect="stretch", window="declared").resize(ramp)
    np.testing.assert_array_equal(prepared[0, 1:-1], np.arange(1, 7) * 20 + 5)


def test_padding_keeps_the_shape(tmp_path: Path) -> None:
    item = save(tmp_path / "a.png", np.full((10, 20), 200, np.uint8))
    image = Preparation(size=(8, 8), aspect="pad", window="declared").apply(item)
    np.testing.assert_array_equal(image[0, 2:6], np.full((4, 8), 200))
    assert image[0, [0, 1, 6, 7]].max() == 0


def test_red_green_blue_that_agree_are_grey(tmp_path: Path) -> None:
    plain = RNG.integers(0, 256, (4, 6), dtype=np.uint8)
    assert WHOLE.apply(save(tmp_path / "a.png", np.dstack([plain] * 3))).shape == (1, 4, 6)
    assert WHOLE.apply(colour(tmp_path / "b.png")).shape == (3, 4, 6)


def test_second_start_reads_nothing_and_renaming_neither(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [grey(tmp_path / f"{k}.png") for k in range(4)]
    reads = count_reads(monkeypatch)
    first, numbers, _ = prepare(items, WHOLE, cache, name="mri")
    assert sorted(reads) == sorted(item.path for item in items)
    before = first.take(np.array([numbers[item] for item in items]), 1)
    renamed = [Slice(item.path.rename(tmp_path / f"new{k}.png")) for k, item in enumerate(items)]
    second, numbers, _ = prepare(renamed, WHOLE, Cache(cache.folder), name="mri")
    assert len(reads) == 4
    np.testing.assert_array_equal(
        before, second.take(np.array([numbers[item] for item in renamed]), 1)
    )


def test_another_setting_or_content_is_prepared_again(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = grey(tmp_path / "a.png")
    reads = count_reads(monkeypatch)
    prepare([item], WHOLE, cache, name="mri")
    prepare([item], Preparation(size=(5, 5), aspect="stretch", window="declared"), cache, name="m")
    prepare([item], Preparation(size=(4, 6), aspect="pad", window="declared"), cache, name="m")
    prepare(
        [item], Preparation(size=(4, 6), aspect="stretch", window="percentile"), cache, name="m"
    )
    assert len(reads) == 4
    grey(tmp_path / "a.png")
    prepare([item], WHOLE, cache, name="mri")
    assert len(reads) == 5


def test_equal_content_is_prepared_once(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = grey(tmp_path / "a.png")
    copy = Slice(tmp_path / "b.png")
    copy.path.write_bytes(item.path.read_bytes())
    reads = count_reads(monkeypatch)
    _, numbers, _ = prepare([item, copy], WHOLE, cache, name="mri")
    assert len(reads) == 1
    assert numbers[item] == numbers[copy]


def test_a_bad_file_fails_alone_and_again(tmp_path: Path, cache: Cache) -> None:
    good, bad, absent = (
        grey(tmp_path / "a.png"),
        Slice(tmp_path / "b.png"),
        Slice(tmp_path / "c.png"),
    )
    bad.path.write_bytes(b"<html>")
    for _ in range(2):
        images, numbers, failed = prepare([bad, good, absent], WHOLE, cache, name="mri")
        assert set(numbers) == {good}
        assert "found an HTML page" in failed[bad]
        assert "no such file" in failed[absent]
        assert images.take(np.array([numbers[good]]), 1).shape == (1, 1, 4, 6)


def test_grey_and_colour_by_luminance(tmp_path: Path, cache: Cache) -> None:
    red = np.zeros((4, 6, 3), np.uint8)
    red[..., 0] = 200
    items = [
        save(tmp_path / "red.png", red),
        save(tmp_path / "g.png", np.full((4, 6), 90, np.uint8)),
    ]
    images, numbers, _ = prepare(items, WHOLE, cache, name="photo")
    index = np.array([numbers[item] for item in items])
    assert images.n_channels[index].tolist() == [3, 1]
    as_grey, as_colour = images.take(index, 1), images.take(index, 3)
    assert as_grey[:, 0, 0, 0].tolist() == [60, 90]  # BT.601: 0.299 * 200 = 59.8
    assert as_colour[:, :, 0, 0].tolist() == [[200, 0, 0], [90, 90, 90]]
    mean, square = images.moments(3)
    np.testing.assert_allclose(mean[index[0]], [200 / 255, 0, 0])
    np.testing.assert_allclose(square[index[0]], [(200 / 255) ** 2, 0, 0])
    np.testing.assert_allclose(images.moments(1)[0][index[0]], 0.299 * 200 / 255)


def test_deep_images_make_the_cohort_float(tmp_path: Path, cache: Cache) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.full((4, 6), 13107, np.uint16))
    items = [Slice(tmp_path / "a.tif"), save(tmp_path / "b.png", np.full((4, 6), 51, np.uint8))]
    images, numbers, _ = prepare(items, WHOLE, cache, name="mri")
    batch = images.take(np.array([[numbers[item]] for item in items]), 1)
    assert batch.shape == (2, 1, 1, 4, 6)
    assert batch.dtype == np.float32
    np.testing.assert_allclose(batch, 0.2, rtol=1e-6)


def test_above_the_limit_images_come_from_the_cache_with_equal_values(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [colour(tmp_path / f"{k}.png") for k in range(3)]
    images, _, _ = prepare(items, WHOLE, cache, name="photo")
    index = np.array([[2, 0], [1, 1]])
    in_memory = images.take(index, 3)
    monkeypatch.setattr(prepared_images, "MEMORY_BYTES", 10)
    mapped = images.take(index, 3)
    np.testing.assert_array_equal(mapped, in_memory)
    assert mapped.dtype == in_memory.dtype


def test_progress_is_logged(tmp_path: Path, cache: Cache, caplog: pytest.LogCaptureFixture) -> None:
    items = [grey(tmp_path / f"{k}.png") for k in range(3)]
    with caplog.at_level(logging.INFO, logger="tumorboard"):
        prepare(items, WHOLE, cache, name="mri")
        prepare(items, WHOLE, cache, name="mri")
    assert caplog.messages == [
        "mri: preparing 3 of 3 images",
        "mri: 3 of 3 images prepared",
        "mri: 3 images prepared earlier",
    ]


def test_an_image_that_left_the_cache_is_prepared_again(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = grey(tmp_path / "a.png")
    prepare([item], WHOLE, cache, name="mri")
    cache.path(cache.key(WHOLE.settings(0), item.path)).unlink()
    reads = count_reads(monkeypatch)
    images, numbers, _ = prepare([item], WHOLE, cache, name="mri")
    assert len(reads) == 1
    assert isinstance(images, PreparedImages)
    assert images.take(np.array([numbers[item]]), 1).shape == (1, 1, 4, 6)


def cut_short(cache: Cache, item: Slice) -> None:
    path = cache.path(cache.key(WHOLE.settings(0), item.path))
    path.write_bytes(path.read_bytes()[:-5])


@pytest.mark.parametrize("limit", [prepared_images.MEMORY_BYTES, 10])
def test_an_image_cut_short_in_the_cache_is_prepared_again(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(prepared_images, "MEMORY_BYTES", limit)
    items = [grey(tmp_path / "a.png"), grey(tmp_path / "b.png")]
    images, numbers, _ = prepare(items, WHOLE, cache, name="mri")
    index = np.array([numbers[item] for item in items])
    before = images.take(index, 1).copy()
    cut_short(cache, items[0])
    reads = count_reads(monkeypatch)
    again, numbers, failed = prepare(items, WHOLE, cache, name="mri")
    assert (reads, failed) == ([items[0].path], {})
    np.testing.assert_array_equal(again.take(index, 1), before)


def test_an_image_that_the_cache_loses_during_the_run_is_prepared_again(
    tmp_path: Path, cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    items = [grey(tmp_path / "a.png"), grey(tmp_path / "b.png")]
    images, numbers, _ = prepare(items, WHOLE, cache, name="mri")
    expected = [WHOLE.apply(item) for item in items]
    cut_short(cache, items[0])
    cache.path(cache.key(WHOLE.settings(0), items[1].path)).unlink()
    found = images.take(np.array([numbers[item] for item in items]), 1)
    np.testing.assert_array_equal(found, expected)
    assert f"{items[0].path}: prepared again, the cache had lost it" in caplog.messages


def test_a_lost_image_whose_file_changed_is_refused(tmp_path: Path, cache: Cache) -> None:
    item = grey(tmp_path / "a.png")
    images, numbers, _ = prepare([item], WHOLE, cache, name="mri")
    cut_short(cache, item)
    colour(item.path)
    with pytest.raises(InputError, match=r"a\.png: changed during the run\. Start the same"):
        images.take(np.array([numbers[item]]), 1)
    item.path.unlink()
    with pytest.raises(InputError, match=r"a\.png: no such file"):
        images.take(np.array([numbers[item]]), 1)
