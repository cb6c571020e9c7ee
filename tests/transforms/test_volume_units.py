"""Numbers that are not what their kind says are refused; those that are pass as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.formats.volume import Volume
from tumorboard.transforms.volume_units import check_units, in_suv

WHERE = Path("p1.nii.gz")


def volume(kind: str, *, low: float, high: float, share_low: float = 0.5) -> Volume:
    """`share_low` of 8 x 8 x 8 voxels at `low`, spread evenly; the others at `high`."""
    is_low = np.random.default_rng(0).permutation(512) < 512 * share_low
    array = np.where(is_low, low, high).astype(np.float32).reshape(1, 8, 8, 8)
    return Volume(array, np.eye(4), kind=kind)


@pytest.mark.parametrize(
    ("kind", "low", "has_window", "says"),
    [
        ("CT", 0.0, False, "the file says CT"),
        ("", 0.0, True, "window_hu is set"),
        ("MR", 0.0, True, "window_hu is a window of CT"),
        ("MR", -1000.0, False, "lie near -1000, as air does in CT"),
    ],
)
def test_other_numbers_are_refused(kind: str, low: float, has_window: bool, says: str) -> None:
    with pytest.raises(InputError, match=says):
        check_units(volume(kind, low=low, high=60.0), WHERE, has_window=has_window)


def test_what_fits_passes() -> None:
    check_units(volume("CT", low=-1000.0, high=60.0), WHERE, has_window=True)
    check_units(volume("", low=0.0, high=60.0), WHERE, has_window=False)
    # a phase image of MR reaches -1000 with a few voxels only
    check_units(volume("MR", low=-1000.0, high=60.0, share_low=0.01), WHERE, has_window=False)


def test_a_ct_of_padding_alone_is_refused() -> None:
    scan = volume("CT", low=-1000.0, high=60.0)
    padded = Volume(scan.array, scan.affine, "CT", np.ones((8, 8, 8), dtype=np.bool_))
    with pytest.raises(InputError, match="every voxel is padding"):
        check_units(padded, WHERE, has_window=True)


def test_uptake_of_a_file_without_units_is_taken_and_said() -> None:
    scan = volume("", low=0.0, high=8.0)
    found = in_suv(scan, WHERE)
    assert np.array_equal(found.array, scan.array)
    assert found.notes == (
        "p1.nii.gz: the file does not say its unit; values are taken for SUV (window_suv)",
    )
