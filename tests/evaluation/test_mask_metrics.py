"""Measures of masks: hand counts, formulas of spheres and cubes, empty cases, MONAI."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest
import torch
from monai.metrics.confusion_matrix import get_confusion_matrix
from monai.metrics.hausdorff_distance import compute_hausdorff_distance

from tumorboard.errors import InputError
from tumorboard.evaluation.mask_metrics import MaskMeasures, diagonal, measure_mask
from tumorboard.records import Bools


def measured(
    reference: Bools, prediction: Bools, *, spacing: tuple[float, ...] | None = None,
    tolerance: float = 1.0,
) -> MaskMeasures:  # fmt: skip
    spacing = spacing or (1.0,) * reference.ndim
    return measure_mask(reference, prediction, spacing=spacing, tolerance=tolerance)


def cube(side: int, start: tuple[int, int, int], size: int = 24) -> Bools:
    mask = np.zeros((size, size, size), dtype=np.bool_)
    mask[tuple(slice(at, at + side) for at in start)] = True
    return mask


def ball(radius: float, *, shift: float = 0.0, half: int = 34) -> Bools:
    x, y, z = np.meshgrid(*[np.arange(-half, half + 1)] * 3, indexing="ij", sparse=True)
    return (x - shift) ** 2 + y**2 + z**2 <= radius**2


def test_cubes_by_hand() -> None:
    found = measured(cube(10, (5, 5, 5)), cube(10, (7, 5, 5)), spacing=(2.0, 1.0, 1.0))
    assert found.status == "ok"
    assert found.dice == pytest.approx(0.8)  # 800 of 1,000 in common
    assert found.iou == pytest.approx(800 / 1200)
    assert found.sensitivity == found.precision == pytest.approx(0.8)
    assert found.specificity == pytest.approx(1 - 200 / (24**3 - 1000))
    assert found.pixel_accuracy == pytest.approx(1 - 400 / 24**3)
    assert found.hd95 == pytest.approx(4.0)  # two voxels of 2 mm
    assert found.volume == found.reference_volume == pytest.approx(2.0)  # ml
    assert found.volume_error == 0
    assert (found.n_lesions, found.false_lesions, found.lesion_f1) == (1, 0, 1)


def test_plane_by_hand() -> None:
    reference, prediction = (np.zeros((8, 9), dtype=np.bool_) for _ in range(2))
    reference[1:5, 1:5] = True
    prediction[1:5, 1:7] = True
    found = measure_mask(reference, prediction, spacing=(1.0, 1.0), tolerance=0.0, volume_scale=1.0)
    assert found.dice == pytest.approx(2 * 16 / 40)
    assert (found.volume, found.volume_error) == (24, 8)
    assert found.hd95 == 2.0


@pytest.mark.parametrize("shift", [3.0, 8.0, 15.0])
def test_shifted_balls(shift: float) -> None:
    radius = 18.0
    found = measured(ball(radius), ball(radius, shift=shift))
    # volume of the lens of two balls over the volume of a ball
    expected = (1 - shift / (2 * radius)) ** 2 * (1 + shift / (4 * radius))
    assert found.dice == pytest.approx(expected, abs=0.005)
    assert found.iou == pytest.approx(expected / (2 - expected), abs=0.006)
    assert found.reference_volume == pytest.approx(4 / 3 * np.pi * radius**3 / 1000, rel=0.01)


def test_scaled_balls() -> None:
    found = measured(ball(20), ball(16), tolerance=2.0)
    ratio = (16 / 20) ** 3
    assert found.dice == pytest.approx(2 * ratio / (1 + ratio), abs=0.005)
    assert found.sensitivity == pytest.approx(ratio, abs=0.005)
    assert found.precision == found.specificity == 1
    assert found.hd95 == pytest.approx(4, abs=0.8)
    assert found.volume_error == pytest.approx(4 / 3 * np.pi * (16**3 - 20**3) / 1000, rel=0.02)
    assert found.nsd < 0.01
    assert measured(ball(20), ball(16), tolerance=5.0).nsd == 1


# MONAI passes itself an argument that it has deprecated
@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy.*:FutureWarning")
def test_counts_and_distance_agree_with_a_second_implementation() -> None:
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(0)
    noise = gaussian_filter(rng.standard_normal((30, 28, 26)), 2)
    reference, prediction = noise > 0.04, gaussian_filter(noise, 1) > 0.03
    spacing = (1.0, 0.8, 1.5)
    found = measured(reference, prediction, spacing=spacing)
    y, y_pred = (torch.from_numpy(m)[None, None].float() for m in (reference, prediction))
    tp, fp, tn, fn = get_confusion_matrix(y_pred, y)[0, 0].tolist()
    assert found.dice == pytest.approx(2 * tp / (2 * tp + fp + fn), abs=1e-12)
    assert found.iou == pytest.approx(tp / (tp + fp + fn), abs=1e-12)
    assert found.sensitivity == pytest.approx(tp / (tp + fn), abs=1e-12)
    assert found.specificity == pytest.approx(tn / (tn + fp), abs=1e-12)
    assert found.precision == pytest.approx(tp / (tp + fp), abs=1e-12)
    assert found.pixel_accuracy == pytest.approx((tp + tn) / (tp + fp + tn + fn), abs=1e-12)
    # theirs counts voxels of the rim instead of the surface between voxels: less than one apart
    theirs = float(compute_hausdorff_distance(y_pred, y, True, "euclidean", 95, False, spacing))
    assert found.hd95 == pytest.approx(theirs, abs=max(spacing))


def test_missed_reference_is_the_worst_and_never_left_out() -> None:
    found = measured(cube(4, (1, 1, 1)), np.zeros((24, 24, 24), dtype=np.bool_))
    assert found.status == "missed"
    worst = ("dice", "iou", "nsd", "sensitivity", "precision", "lesion_sensitivity",
             "lesion_precision", "lesion_f1")  # fmt: skip
    assert {name: asdict(found)[name] for name in worst} == dict.fromkeys(worst, 0)
    assert found.hd95 == pytest.approx(24 * math.sqrt(3))
    assert found.specificity == 1
    assert found.volume_error == pytest.approx(-0.064)


def test_prediction_without_reference() -> None:
    found = measured(np.zeros((24, 24, 24), dtype=np.bool_), cube(4, (1, 1, 1)))
    assert found.status == "false_positive"
    assert (found.dice, found.iou, found.nsd, found.precision, found.lesion_f1) == (0, 0, 0, 0, 0)
    assert found.hd95 == pytest.approx(24 * math.sqrt(3))
    assert math.isnan(found.sensitivity)
    assert math.isnan(found.lesion_sensitivity)
    assert (found.false_lesions, found.n_lesions) == (1, 0)
    assert found.specificity == pytest.approx(1 - 64 / 24**3)


def test_both_empty_is_not_applicable() -> None:
    none = np.zeros((4, 5, 6), dtype=np.bool_)
    found = asdict(measured(none, none))
    assert found.pop("status") == "both_empty"
    applicable = {name for name, value in found.items() if not math.isnan(value)}
    assert applicable == {
        "specificity", "pixel_accuracy", "volume", "reference_volume", "volume_error",
        "false_lesions", "n_lesions",
    }  # fmt: skip
    assert found["specificity"] == found["pixel_accuracy"] == 1


def test_a_mask_that_fills_the_image() -> None:
    full = np.ones((4, 5, 6), dtype=np.bool_)
    found = measured(full, full)
    assert (found.dice, found.nsd, found.hd95) == (1, 1, 0)
    assert math.isnan(found.specificity)


def test_where_the_mask_lies_does_not_matter() -> None:
    pair = [(cube(5, (at, at, at), 24), cube(6, (at, at, at), 24)) for at in (0, 9, 18)]
    first, middle, last = (measured(*masks) for masks in pair)
    assert first == middle == last


def test_views_and_other_orders_in_memory() -> None:
    reference, prediction = cube(5, (3, 4, 5)), cube(6, (4, 4, 5))
    assert measured(np.asfortranarray(reference), prediction[:, :, ::1]) == measured(
        reference, prediction
    )


def test_penalty_of_brats() -> None:
    assert diagonal((240, 240, 155), (1, 1, 1)) == pytest.approx(373.13, abs=0.005)


def test_what_cannot_be_compared() -> None:
    mask = cube(3, (1, 1, 1))
    with pytest.raises(InputError, match="24 x 24 x 24 and 24 x 24 x 23 voxels"):
        measured(mask, mask[:, :, 1:])
    with pytest.raises(InputError, match="a spacing of 2 numbers"):
        measured(mask, mask, spacing=(1.0, 1.0))
    with pytest.raises(InputError, match="expected sizes above 0"):
        measured(mask, mask, spacing=(1.0, 0.0, 1.0))
    with pytest.raises(InputError, match="tolerance nan"):
        measured(mask, mask, tolerance=math.nan)
