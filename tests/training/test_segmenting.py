"""Test-time mirroring along the axes that a study names."""

from __future__ import annotations

import pytest

from tumorboard.training.segmenting import mirrored_axes


@pytest.mark.parametrize(
    ("names", "n_axes", "is_flat", "axes"),
    [
        (["x", "y", "z"], 3, False, [1, 2, 3]),  # (C, X, Y, Z)
        (["x", "z"], 3, True, [1]),  # one slice at a time
        (["x"], 2, False, [2]),  # (C, rows, columns): left and right are columns
        (["y", "x", "x"], 2, False, [1, 2]),
        ([], 2, False, []),
    ],
)
def test_names_of_axes(names: list[str], n_axes: int, is_flat: bool, axes: list[int]) -> None:
    assert mirrored_axes(names, n_axes=n_axes, is_flat=is_flat) == axes
