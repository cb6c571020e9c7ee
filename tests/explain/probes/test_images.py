"""What each degradation of images does to a picture whose answer is known by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from tumorboard.explain.probes import Probe, Trial
from tumorboard.explain.probes.blur import Blur
from tumorboard.explain.probes.brightness import Brightness
from tumorboard.explain.probes.contrast import Contrast
from tumorboard.explain.probes.missing_modality import MissingModality
from tumorboard.explain.probes.motion import Motion
from tumorboard.explain.probes.noise import Noise
from tumorboard.explain.probes.resolution import Resolution
from tumorboard.explain.probes.rotation import Rotation
from tumorboard.modalities import Measured
from tumorboard.modalities.measured.image import MeasuredImages

SIDE = 32


@pytest.fixture
def degrade(run):
    """A probe's trials on one flat or striped picture that stands for every image of the run."""
    fitted = run.fitted("fused")

    def apply(probe: Probe, picture: np.ndarray) -> list[np.ndarray]:
        found: list[np.ndarray] = []
        rows = run.rows[run.prepared.measured["image"].present[run.rows]]
        for trial in probe.trials(fitted, run.prepared.measured, rows, run.seeds):
            images = trial.measured["image"]
            assert isinstance(images, MeasuredImages)
            assert images.change is not None
            found.append(_changed(images, picture, trial.rows))
        return found

    return apply


def _changed(images: MeasuredImages, picture: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(rows, H, W) in 0..1 of the same picture in every row."""
    import torch

    assert images.change is not None
    stack = np.repeat(picture[None, None].astype(np.float32), len(rows), axis=0)
    return images.change(torch.from_numpy(stack), rows)[:, 0].numpy()


def flat(value: float) -> np.ndarray:
    return np.full((SIDE, SIDE), value)


def half() -> np.ndarray:
    """Dark left, bright right."""
    picture = flat(0.25)
    picture[:, SIDE // 2 :] = 0.75
    return picture


def test_noise_has_its_standard_deviation_and_is_each_rows_own(degrade) -> None:
    weak, strong = degrade(Noise(strengths=(0.05, 0.1)), flat(0.5))
    assert weak.std() == pytest.approx(0.05, rel=0.03)
    np.testing.assert_allclose(strong - 0.5, 2 * (weak - 0.5), atol=1e-6)
    assert abs(np.corrcoef(weak[0].ravel(), weak[1].ravel())[0, 1]) < 0.15


def test_blur_softens_an_edge_by_its_width_and_leaves_flat_parts(degrade) -> None:
    (blurred,) = degrade(Blur(strengths=(1 / SIDE,)), half())  # one pixel
    assert blurred[0, 5, SIDE // 2] == pytest.approx(0.5 + 0.25 * 0.3829, abs=0.01)
    assert blurred[0, 5, 0] == pytest.approx(0.25, abs=1e-6)


def test_rotation_turns_rows_either_way(degrade) -> None:
    (turned,) = degrade(Rotation(strengths=(90.0,)), half())
    tops = turned[:, 2, SIDE // 2]
    assert set(np.round(tops, 2).tolist()) == {0.25, 0.75}
    np.testing.assert_allclose(turned[:, 2] + turned[:, -3], 1.0, atol=1e-5)


def test_motion_leaves_a_picture_that_does_not_change_along_the_way(degrade) -> None:
    (moved,) = degrade(Motion(strengths=(0.1,)), half())
    np.testing.assert_allclose(moved, np.repeat(half()[None], len(moved), axis=0), atol=1e-5)
    (ghosts,) = degrade(Motion(strengths=(0.1,)), half().T)
    assert np.abs(ghosts[0] - half().T).max() > 0.05


def test_contrast_shrinks_around_the_mean(degrade) -> None:
    (pale,) = degrade(Contrast(strengths=(0.75,)), half())
    assert sorted(set(np.round(pale.ravel(), 4).tolist())) == [0.4375, 0.5625]


def test_brightness_goes_either_way(degrade) -> None:
    (changed,) = degrade(Brightness(strengths=(0.2,)), flat(0.5))
    assert set(np.round(changed[:, 0, 0].astype(float), 4).tolist()) == {0.3, 0.7}


def test_resolution_averages_doubled_pixels(degrade) -> None:
    stripes = np.tile([0.2, 0.8], (SIDE, SIDE // 2))
    (coarse,) = degrade(Resolution(strengths=(1.0,)), stripes)
    np.testing.assert_allclose(coarse, 0.5, atol=1e-6)


def test_three_modalities_have_six_parts(run) -> None:
    """Rows are tried on a part only where they have it and something more."""
    fitted = run.fitted("fused")
    three = replace(fitted, arm=replace(fitted.arm, modalities=("image", "record", "other")))
    present = {
        "image": [1, 1, 0, 0], "record": [1, 1, 1, 0], "other": [1, 0, 1, 1],
    }  # fmt: skip
    measured: Mapping[str, Measured] = {
        name: Measured(np.asarray(has, dtype=bool)) for name, has in present.items()
    }
    trials: list[Trial] = list(
        MissingModality().trials(three, measured, np.arange(4), np.zeros(4, dtype=np.int64))
    )
    shown = {
        tuple(name for name in present if trial.measured[name].present.any()): (
            trial.strength, trial.rows.tolist(),
        )
        for trial in trials
    }  # fmt: skip
    assert shown == {
        ("image", "record"): (1.0, [0]),
        ("image", "other"): (1.0, [0]),
        ("record", "other"): (1.0, [0]),
        ("image",): (2.0, [0, 1]),
        ("record",): (2.0, [0, 1, 2]),
        ("other",): (2.0, [0, 2]),
    }
    assert (
        len(
            list(
                MissingModality(largest=1).trials(
                    three, measured, np.arange(4), np.zeros(4, dtype=np.int64)
                )
            )
        )
        == 3
    )
