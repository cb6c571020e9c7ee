"""Nyul's landmarks by hand: what is the same tissue gets the same intensity."""

from __future__ import annotations

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.transforms.histogram_matching import (
    PERCENTILES,
    landmarks_of,
    match_histogram,
    match_histograms,
    standard_scale,
)


def test_landmarks_are_percentiles_of_the_foreground() -> None:
    values = np.arange(1001, dtype=np.float32).reshape(1001, 1, 1)
    everywhere = np.ones(values.shape, dtype=np.bool_)
    found = landmarks_of(values, everywhere, above_mean=False)
    np.testing.assert_allclose(found, 10 * np.asarray(PERCENTILES))
    # the mean of 0..1000 is 500: what is above runs from 501 to 1000
    bright = landmarks_of(values, everywhere, above_mean=True)
    np.testing.assert_allclose(bright, 501 + 4.99 * np.asarray(PERCENTILES))
    padded = values.copy()
    padded[:500] = -2000
    inside = padded > -2000
    np.testing.assert_allclose(
        landmarks_of(padded, inside, above_mean=False), 500 + 5 * np.asarray(PERCENTILES)
    )
    assert np.isnan(landmarks_of(values, ~everywhere, above_mean=False)).all()


def test_the_scale_is_the_weighted_mean_of_stretched_landmarks() -> None:
    first = np.linspace(100, 300, 11)  # evenly: 0, 0.1, ..., 1
    second = np.array([0, 0, 0, 0, 0, 5, 10, 10, 10, 10, 10.0])
    marks = np.stack([first, second])[:, None]
    scale = standard_scale(marks, np.array([0.75, 0.25]))[0]
    np.testing.assert_allclose(scale[[0, 2, 5, 8, 10]], [0, 0.15, 0.5, 0.85, 1])
    flat = np.concatenate([marks, np.full((1, 1, 11), 7.0)])  # a constant volume says nothing
    np.testing.assert_allclose(standard_scale(flat, np.array([0.75, 0.25, 9]))[0], scale)
    with pytest.raises(InputError, match="every one is constant"):
        standard_scale(flat[2:], np.ones(1))


def test_pieces_between_landmarks_are_linear() -> None:
    landmarks, standard = np.linspace(10, 110, 11), np.linspace(0, 1, 11) ** 2
    found = match_histogram(np.array([10.0, 20, 25, 110, 0, 200]), landmarks, standard)
    # 25 lies halfway between 20 (0.01) and 30 (0.04); beyond the ends it is cut
    np.testing.assert_allclose(found, [0, 0.01, 0.025, 1, 0, 1], atol=1e-6)


def test_two_scanners_of_one_patient_become_equal() -> None:
    rng = np.random.default_rng(1)
    truth = rng.gamma(2, 1, (20, 20, 20)).astype(np.float32)
    other = 0.2 + 0.5 * truth
    inside = np.ones(truth.shape, dtype=np.bool_)
    marks = [landmarks_of(v, inside, above_mean=True)[None] for v in (truth, other)]
    scale = standard_scale(np.stack(marks), np.ones(2))
    both = match_histograms(np.stack([truth, other])[:, None], marks, scale)
    np.testing.assert_allclose(both[0], both[1], atol=1e-5)
