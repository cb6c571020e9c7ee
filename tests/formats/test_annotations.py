"""Pixels or shares: decided where it can be, asked where it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tumorboard.errors import InputError
from tumorboard.formats.annotations import (
    Annotation,
    AnnotationFile,
    box_around,
    in_pixels,
    is_fraction,
    is_inside,
)


def file_of(*xy: tuple[float, float], is_pixels: bool = False) -> AnnotationFile:
    dots = tuple(Annotation("a", x, y, None, None, i) for i, (x, y) in enumerate(xy, start=1))
    return AnnotationFile(Path("f.json"), "plain JSON", dots, ("a",), is_pixels)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (file_of((0.2, 0.9), (1.0, 0.0)), True),
        (file_of((412, 0.5), (3, 800)), False),
        (file_of((0.5, 0.5), (300, 2), (7, 300)), False),
        (file_of(), False),
        (file_of((0.5, 0.5), is_pixels=True), False),
        (file_of((0, 1), (1, 1), is_pixels=True), False),
    ],
)
def test_what_can_be_told(file: AnnotationFile, expected: bool) -> None:
    assert is_fraction(file, "auto") is expected


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (file_of((0.2, 0.3), (0.4, 1.02)), "1 of 2 annotations outside 0..1"),
        (file_of((0.2, 0.3), (0.4, 0.5), (17.0, 0.2)), "1 of 3 annotations outside 0..1"),
        (file_of((0, 1)), "all 1 annotations in 0..1"),
        (file_of((0.2, 0.3), (0.4, 0.5), is_pixels=True), "all 2 annotations in 0..1"),
    ],
)
def test_what_cannot_be_told_is_asked(file: AnnotationFile, message: str) -> None:
    with pytest.raises(InputError, match=rf'{message}.*Set coordinates = "fraction" or "pixels"'):
        is_fraction(file, "auto")
    assert is_fraction(file, "fraction")
    assert not is_fraction(file, "pixels")


def test_shares_become_pixels_of_width_and_height_boxes_too() -> None:
    box = Annotation("a", 0.5, 0.25, 0.1, 0.2, 1)
    (placed,) = in_pixels([box], width_px=200, height_px=100, fraction=True)
    assert (placed.x, placed.y, placed.width, placed.height) == (100, 25, 20, 20)


def test_the_edges_belong_to_the_image() -> None:
    dots = file_of((0, 0), (200, 100), (200.1, 5), (5, -0.1)).annotations
    assert is_inside(dots, width_px=200, height_px=100).tolist() == [True, True, False, False]
    assert is_inside([], width_px=2, height_px=2).shape == (0,)


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2))
def test_every_point_lies_in_the_box_and_two_on_each_edge(points: list[tuple[int, int]]) -> None:
    x, y, width, height = box_around(points)
    assert width is not None
    assert height is not None
    assert {min(p[0] for p in points), max(p[0] for p in points)} == {x - width / 2, x + width / 2}
    assert {min(p[1] for p in points), max(p[1] for p in points)} == {
        y - height / 2,
        y + height / 2,
    }
