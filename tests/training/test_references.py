"""Reference masks between the files they lie in and what a segmenter sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_masks import write_balls

from tumorboard.cache import Cache
from tumorboard.study import Study
from tumorboard.training.prepare import prepare
from tumorboard.training.references import References


def _references(study: Path, folder: Path, *overrides: str) -> References:
    found = prepare(Study.load(study, overrides=list(overrides)), study.parent, cache=Cache(folder))
    assert found.references is not None
    return found.references


@pytest.mark.parametrize("setting", ["spacing_mm=[4.0,4.0,3.0]", "shrink=[2.0,2.0,1.0]"])
def test_a_mask_on_larger_voxels_lies_where_it_lay(tmp_path: Path, setting: str) -> None:
    study = write_balls(tmp_path / "data", n=12)
    more = ['modalities.ct.spacing_mm="unknown"'] if setting.startswith("shrink") else []
    found = _references(study, tmp_path / "cache", *more, f"modalities.ct.{setting}")
    shifts = []
    numbers: set[int] = set()
    for row in range(12):
        own, network = found.own(row), found.network(row)
        assert network.shape == (10, 9, 8)
        # coarse voxel i covers the fine voxels 2i and 2i + 1
        centre = np.argwhere(network).mean(axis=0) * [2, 2, 1] + [0.5, 0.5, 0]
        numbers |= set(np.unique(network).tolist())
        shifts.append(centre - np.argwhere(own).mean(axis=0))
    np.testing.assert_allclose(np.mean(shifts, axis=0), 0, atol=0.25)  # of a fine voxel
    assert numbers == {0, 2}


def test_rows_of_one_file_have_the_masks_of_their_own_boxes(tmp_path: Path) -> None:
    study = write_balls(tmp_path / "data", n=6)
    table = study.parent / "patients.csv"
    lines = ["patient,note,x,y,z", *(f"p{i},A ball.,10,-2,17" for i in range(6))]
    lines.append("p0,A ball.,2,6,14")
    table.write_text("\n".join(lines) + "\n")
    found = _references(
        study, tmp_path / "cache", "modalities.ct.size=[8,8,4]",
        'modalities.ct.crop={around = ["x", "y", "z"], convention = "RAS"}', 'task.unit="row"',
    )  # fmt: skip
    np.testing.assert_array_equal(found.own(0), found.own(6))
    assert not np.array_equal(found.network(0), found.network(6))
    for row in (0, 6):
        back = found.cases.to_own(row, found.network(row)[None].astype(np.float32))[0]
        box = found.cases.to_own(row, np.ones((1, 8, 8, 4), dtype=np.float32))[0] > 0
        np.testing.assert_array_equal(back[box], found.own(row)[box])
