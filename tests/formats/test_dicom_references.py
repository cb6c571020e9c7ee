"""What was drawn on another series is refused, and so is what does not say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.formats.dicom_references import refuse_other_reference
from tumorboard.formats.volume import Volume


def volume(**facts: str) -> Volume:
    return Volume(np.zeros((1, 2, 2, 2)), np.eye(4), facts=facts)


OWN = {"series_instance_uid": "1.2", "frame_of_reference_uid": "1.9"}


@pytest.mark.parametrize(
    ("series", "frames", "sentence"),
    [
        (["1.3"], ["1.9"], r"drawn on series 1\.3, which is absent; the volume is of series 1\.2"),
        (["1.2"], ["1.8"], r"FrameOfReferenceUID is 1\.8, the volume's is 1\.9"),
        ([], [], "names neither its series"),
    ],
)
def test_refused(series: list[str], frames: list[str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        refuse_other_reference(
            Path("seg.dcm"), volume(**OWN), series=series, frames=frames, what="contours"
        )


def test_accepted() -> None:
    for series, frames in ((["1.2"], ["1.9"]), ([], ["1.9"]), (["1.3", "1.2"], [])):
        refuse_other_reference(
            Path("s"), volume(**OWN), series=series, frames=frames, what="contours"
        )
    refuse_other_reference(Path("s"), volume(), series=["1.3"], frames=["1.8"], what="contours")
