"""Patients with brain tumours: the coin, the ceiling, the course."""

from __future__ import annotations

import numpy as np
import pytest

from tumorboard.transforms.brain_lesions import HETEROGENEITY
from tumorboard.transforms.brain_patients import (
    Settings,
    draw_patient,
    expected_dice,
    reported,
    responses,
)

SETTINGS = Settings(0.6, HETEROGENEITY, (2.0, 10.0), 0.15, 0.7, 3, 0.8)


def test_a_fair_coin_says_which_lesion_is_the_tumour() -> None:
    patients = [draw_patient(i, SETTINGS, seed=1) for i in range(120)]
    two = [p for p in patients if p.decoy]
    assert len(two) / 120 == pytest.approx(0.6, abs=0.14)
    assert np.mean([p.tumour for p in two]) == pytest.approx(0.5, abs=0.18)
    larger = [np.argmax([le.bodies[0].radius_mm for le in p.lesions]) == p.tumour for p in two]
    assert np.mean(larger) == pytest.approx(0.5, abs=0.18)
    for patient in two:
        assert patient.places[0] != patient.places[1]
        assert patient.lesions[0].heterogeneity == patient.lesions[1].heterogeneity
    assert np.mean([p.is_silent for p in patients]) == pytest.approx(0.15, abs=0.1)
    assert all(p.decoy_is == "" for p in patients if not p.decoy)


def test_expected_dice_by_counting_voxels() -> None:
    """Both outcomes of the coin, each with masks of 30 and 12 voxels."""
    first, second = np.zeros((2, 60), dtype=np.bool_)
    first[:30], second[40:52] = True, True

    def dice(a: np.ndarray, b: np.ndarray) -> float:
        return 2 * float((a & b).sum()) / float(a.sum() + b.sum())

    both = (dice(first | second, first) + dice(first | second, second)) / 2
    one = (dice(first, first) + dice(first, second)) / 2
    assert expected_dice(30, 12) == pytest.approx((one, both))
    assert expected_dice(12, 30) == expected_dice(30, 12)
    assert expected_dice(20, 20)[1] == pytest.approx(2 / 3)
    assert expected_dice(20, 0) == (1.0, 1.0)


def test_no_part_of_the_decoy_beats_all_of_it_or_none() -> None:
    """A reader might mark a part of the second lesion: the best is at one of the two ends."""
    for a, b in ((30.0, 12.0), (12.0, 30.0), (5.0, 60.0), (20.0, 20.0)):
        part = np.linspace(0, b, 301)
        expected = (2 * a / (2 * a + part) + 2 * part / (a + part + b)) / 2
        assert expected.max() <= max(expected_dice(a, b)) + 1e-12


def test_responses_by_hand() -> None:
    """Thresholds by volume: 0.343 of the first, 1.728 of the smallest."""
    assert responses([10, 3.5, 3.4, 5.8, 5.9, 0]) == (
        "baseline", "stable", "partial", "stable", "progression", "complete",
    )  # fmt: skip


def test_reports_go_with_the_change_where_they_are_consistent() -> None:
    right = {"shrinks": "better", "stable": "stable", "grows": "worse"}
    shares: list[bool] = []
    for i in range(40):
        patient = draw_patient(i, SETTINGS, seed=2)
        assert patient.days[0] == 0
        assert np.abs(np.diff(patient.days) - 56).max() <= 12
        for visit in (1, 2):
            is_right = reported(patient, visit) == right[patient.course]
            assert is_right == patient.is_consistent[visit]
            shares.append(is_right)
    assert np.mean(shares) == pytest.approx(0.8, abs=0.14)
