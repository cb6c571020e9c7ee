from pathlib import Path

import numpy as np
from PIL import Image

from tumorboard.cache import Cache
from tumorboard.formats.image_fingerprints import SIDE_PX, fingerprints
from tumorboard.formats.image_preparation import Preparation
from tumorboard.formats.prepared_images import PreparedImages, prepare
from tumorboard.formats.slices import Slice


def prepared(folder: Path, cache: Cache, aspect: str = "stretch") -> PreparedImages:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (2, 30, 50, 3), dtype=np.uint8)
    paths = [folder / name for name in ("a.png", "b.png", "a.tif")]
    for path, image in zip(paths, (*pixels, pixels[0]), strict=True):
        Image.fromarray(image).save(path)
    slices = [Slice(path) for path in paths]
    images, _, failed = prepare(
        slices, Preparation((40, 60), aspect, "declared"), cache, name="scan"  # type: ignore[arg-type]
    )  # fmt: skip
    assert not failed
    return images


def test_equal_pixels_have_equal_digests_whatever_the_format(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache", workers=1) as cache:
        images = prepared(tmp_path, cache)
        found = fingerprints(images, name="scan")
    names = [source.path.name for source in images.sources.values()]
    digest = dict(zip(names, found.digest, strict=True))
    assert digest["a.png"] == digest["a.tif"] != digest["b.png"]
    assert found.picture.shape == (3, SIDE_PX, SIDE_PX)


def test_the_picture_is_grey_and_fills_the_square_also_where_the_image_is_padded(
    tmp_path: Path,
) -> None:
    with Cache(tmp_path / "cache", workers=1) as cache:
        found = fingerprints(prepared(tmp_path, cache, "pad"), name="scan")
    edges = found.picture[:, [0, -1]].astype(np.float64)
    assert 90 < edges.mean() < 165  # of noise around 127; padding would be 0


def test_they_are_kept_in_the_cache(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache", workers=1) as cache:
        images = prepared(tmp_path, cache)
        first = fingerprints(images, name="scan")
        for key in images.sources:
            cache.path(key).unlink()
        second = fingerprints(images, name="scan")
    assert first.digest == second.digest
    assert np.array_equal(first.picture, second.picture)
