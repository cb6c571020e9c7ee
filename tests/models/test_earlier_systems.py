"""The ten earlier systems and the proof as study files: they load, and each arm can be built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tumorboard import registry
from tumorboard.study import Study

ROOT = Path(__file__).parents[2]
STUDIES = sorted((ROOT / "studies").glob("s4_20*.toml"))
PROOF = ROOT / "studies" / "s4_simulated.toml"


def test_one_for_each_year() -> None:
    assert [path.stem[3:7] for path in STUDIES] == [str(year) for year in range(2015, 2025)]
    page = (ROOT / "docs" / "explanation" / "guided-segmentation.md").read_text("utf-8")
    assert all(f"`studies/{path.name}`" in page for path in STUDIES)


@pytest.mark.parametrize("path", [*STUDIES, PROOF], ids=lambda path: path.stem)
def test_it_loads_under_its_own_name_with_its_own_command(path: Path) -> None:
    study = Study.load(path)
    assert study.name == path.stem.replace("_", "-")
    header = path.read_text("utf-8").split("[study]")[0]
    assert f"tumorboard evaluate studies/{path.name} --data build/s4" in header
    for arm in study.arms.values():
        if arm.fusion is not None:
            assert registry.load("models.fusion", str(arm.fusion["name"])).guides


def test_the_recurrent_one_reads_what_was_before_the_mask() -> None:
    (path,) = (path for path in STUDIES if path.stem.startswith("s4_2020"))
    tables = Study.load(path).as_tables()
    timeline = tables["modalities"]["timeline"]
    assert timeline["encoder"]["name"] == "gru"
    assert timeline["before_days"] >= 1
    assert timeline["later"] == "leave_out"
