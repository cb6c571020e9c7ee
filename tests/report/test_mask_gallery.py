"""Cases drawn with two outlines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorboard.errors import InputError
from tumorboard.report.mask_gallery import INDEX, read_gallery, write_gallery

IMAGE = np.full((40, 40), 0.3)
MASK = np.zeros((40, 40), dtype=bool)
MASK[10:20, 10:20] = True
EMPTY = np.zeros((40, 40), dtype=bool)


def test_planes_of_a_case_stand_in_one_picture_and_outlines_in_two_colours(tmp_path: Path) -> None:
    cases = [
        ("../a", IMAGE, MASK, np.roll(MASK, 8, axis=1), 0.4),
        ("b", IMAGE, MASK, MASK, 1.0),
        ("b", IMAGE, EMPTY, EMPTY, 1.0),
        ("c", IMAGE, EMPTY, EMPTY, np.nan),
    ]
    written = write_gallery(tmp_path / "cases", cases, {"../a": "worst", "b": "best"})
    found = read_gallery(tmp_path / "cases")
    assert [case.case_id for case in found] == ["../a", "b", "c"]
    assert [case.kind for case in found] == ["worst", "best", ""]
    assert found[:2] == written[:2]
    assert np.isnan(found[2].dice)
    assert all(case.path.parent == tmp_path / "cases" for case in found)
    one, two, three = (np.asarray(Image.open(case.path).convert("RGB")) for case in found)
    assert two.shape[1] == 2 * two.shape[0]
    colours = one.reshape(-1, 3).astype(int)
    for colour in ((0x56, 0xB4, 0xE9), (0xE6, 0x9F, 0x00)):
        assert (np.abs(colours - colour).sum(axis=1) < 40).any()
    assert np.ptp(three, axis=2).max() == 0  # nothing to outline: grey alone


def test_faults_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="case 'a': image \\(40, 40\\), reference \\(5, 5\\)"):
        write_gallery(tmp_path, [("a", IMAGE, MASK[:5, :5], MASK, 0.5)])
    assert read_gallery(tmp_path) == []
    (tmp_path / INDEX).write_text("[{}]")
    with pytest.raises(InputError, match=r"gallery\.json: damaged"):
        read_gallery(tmp_path)
