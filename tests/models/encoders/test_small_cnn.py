"""SmallCnn: images that are too small."""

from __future__ import annotations

import pytest

from tumorboard.errors import StudyError
from tumorboard.models.encoders.small_cnn import SmallCnn
from tumorboard.records import ArraySpec


def test_an_image_that_would_vanish_is_refused() -> None:
    with pytest.raises(
        StudyError,
        match="small_cnn: images of 64 x 4 pixels vanish in 3 poolings by 2; expected at least 8",
    ):
        SmallCnn(ArraySpec("image", (1, 64, 4)))
