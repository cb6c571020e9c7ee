"""Histogram equalisation: greys by hand, black stays black, colours keep their hue."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel.nifti1
import numpy as np
import pytest
from PIL import Image as PillowImage

from tumorboard.formats.histogram_equalisation import Equalise, equalised, equalised_picture
from tumorboard.formats.image_preparation import Preparation
from tumorboard.formats.prepared_volumes import VolumeFiles
from tumorboard.formats.slices import Slice
from tumorboard.transforms.volume_preparation import VolumePreparation


def test_greys_are_ranks_by_hand() -> None:
    """Of four greys above black, each the share of those that are not brighter."""
    low, middle = 25.5 / 256, 51.5 / 256  # centres of the histogram's bins
    values = np.asarray([[0, 0, 0, low], [middle, middle, 1, 0]], dtype=np.float32)
    expected = [[0.0, 0.0, 0.0, 0.25], [0.75, 0.75, 1.0, 0.0]]
    np.testing.assert_allclose(equalised(values, "histogram"), expected, atol=1e-6)


def test_only_what_was_recorded_counts() -> None:
    rng = np.random.default_rng(0)
    values = rng.random((12, 12, 12), dtype=np.float32) ** 3
    inside = np.ones(values.shape, dtype=np.bool_)
    inside[:6] = False
    padded = values.copy()
    padded[:6] = 0.5
    found = equalised(padded, "histogram", inside=inside)
    np.testing.assert_allclose(
        np.quantile(found[inside], [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.02
    )


@pytest.mark.parametrize("how", ["histogram", "clahe"])
@pytest.mark.parametrize("shape", [(40, 48), (24, 20, 16)])
def test_a_weak_structure_gains_contrast_and_black_stays_black(
    how: Equalise, shape: tuple[int, ...]
) -> None:
    values = np.zeros(shape, dtype=np.float32)
    inner = tuple(slice(n // 4, -n // 4) for n in shape)
    values[inner] = 0.4 + 0.02 * np.random.default_rng(0).random(values[inner].shape)
    values[tuple(n // 2 for n in shape)] = 1.0
    found = equalised(values, how)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1
    assert (found[values == 0] == 0).all()
    reach, before = (np.ptp(np.percentile(v[inner], [5, 95])) for v in (found, values))
    assert reach > 2 * before


@pytest.mark.parametrize("how", ["none", "histogram", "clahe"])
def test_one_grey_and_nothing_asked_leave_all_as_it_was(how: Equalise) -> None:
    flat = np.full((16, 16), 0.3, dtype=np.float32)
    np.testing.assert_array_equal(equalised(flat, how), flat)
    picture = np.arange(192, dtype=np.uint8).reshape(3, 8, 8)
    np.testing.assert_array_equal(equalised_picture(picture, "none"), picture)


@pytest.mark.parametrize("how", ["histogram", "clahe"])
def test_bytes_stay_bytes_and_colours_keep_their_hue(how: Equalise) -> None:
    value = np.linspace(20, 90, 32 * 32).reshape(32, 32)
    picture = np.stack([value, value / 2, value / 4]).astype(np.uint8)
    found = equalised_picture(picture, how)
    assert found.dtype == np.uint8
    assert found.shape == picture.shape
    assert np.ptp(found[0].astype(int)) > np.ptp(picture[0].astype(int))
    bright = found[0] > 60
    np.testing.assert_allclose(found[1][bright] / found[0][bright], 0.5, atol=0.04)
    grey = equalised_picture(picture[:1], how)
    assert grey.shape == (1, 32, 32)


def test_a_preparation_without_it_keeps_its_key_in_the_cache() -> None:
    plain = Preparation((8, 8), "stretch", "declared")
    assert "equalise" not in plain.settings(0)
    assert replace(plain, equalise="clahe").settings(0)["equalise"] == "clahe"
    volume = VolumePreparation("keep", (8, 8, 8), (), "none", "none", "none", "linear", False, {})
    assert "equalise" not in volume.settings("none")
    assert replace(volume, equalise="clahe").settings("none")["equalise"] == "clahe"


def test_images_and_volumes_are_prepared_with_it(tmp_path: Path) -> None:
    weak = np.zeros((32, 32), dtype=np.uint8)
    weak[8:24, 8:24] = 100 + np.arange(16, dtype=np.uint8)
    PillowImage.fromarray(weak).save(tmp_path / "weak.png")
    plain = Preparation((32, 32), "stretch", "declared")
    found = replace(plain, equalise="histogram").apply(Slice(tmp_path / "weak.png", 0))
    assert found.dtype == np.uint8
    assert np.ptp(found[found > 0].astype(int)) > 200
    volume = np.repeat(weak[:, :, np.newaxis], 4, axis=2).astype(np.float32)
    nibabel.nifti1.Nifti1Image(volume, np.eye(4)).to_filename(tmp_path / "weak.nii.gz")
    kept = VolumePreparation(
        "keep", (32, 32, 4), (), "none", "none", "none", "linear", False, {}, equalise="histogram"
    )
    array, facts = kept.reader()(VolumeFiles(((tmp_path / "weak.nii.gz",),)))
    inside = array[0] > 0
    assert np.quantile(array[0][inside].astype(float), 0.5) == pytest.approx(0.5, abs=0.1)
    assert facts.mean[0] == pytest.approx(float(array.astype(float).mean()), abs=1e-3)
