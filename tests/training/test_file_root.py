from pathlib import Path

import pytest

from tumorboard.records import Cohort
from tumorboard.training.file_root import file_root


def _rows(table: Path, images: list[str | None]) -> Cohort:
    n = len(images)
    return Cohort(
        name="other",
        patient_id=tuple(f"P{i}" for i in range(n)),
        unit_id=tuple(f"P{i}:{i + 2}" for i in range(n)),
        columns={"image": tuple(images)},
        files={},
        line=tuple(range(2, n + 2)),
        table=table,
        root=table.parent,
        records=(),
        rejections=(),
    )


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A table's folder without images, and one of data with two."""
    beside, data = tmp_path / "tables", tmp_path / "data"
    beside.mkdir()
    (data / "images").mkdir(parents=True)
    for name in ("images/a.png", "P1.png"):
        (data / name).touch()
    return beside, data


def _root(folders: tuple[Path, Path], pattern: str, images: list[str | None]) -> Path:
    rows = _rows(folders[0] / "t.csv", images)
    return file_root(folders, {"patch": pattern}, lambda: rows)


def test_without_a_folder_in_the_pattern_the_named_files_decide(
    folders: tuple[Path, Path],
) -> None:
    beside, data = folders
    named: list[str | None] = [None, "images/lost.png", "images/a.png", "../a.png"]
    assert _root(folders, "{image}", named) == data
    (beside / "images").mkdir()
    assert _root(folders, "{image}", named) == data  # a folder of that name is not the file
    (beside / "images" / "a.png").touch()
    assert _root(folders, "{image}", named) == beside
    assert _root(folders, "{patient_id}*.png", named) == data
    (beside / "P2_left.png").touch()
    assert _root(folders, "{patient_id}*.png", named) == beside
    assert _root(folders, "{image}", [None, None]) == beside  # no file is asked for


def test_a_folder_in_the_pattern_decides_without_reading_the_table(
    folders: tuple[Path, Path],
) -> None:
    def never() -> Cohort:
        raise AssertionError("the table was read")

    beside, data = folders
    assert file_root(folders, {"image": "images/{image}"}, never) == data
    (beside / "images").mkdir()
    assert file_root(folders, {"image": "images/{image}"}, never) == beside
    assert file_root((beside,), {"image": "{image}"}, never) == beside
    assert file_root(folders, {}, never) == beside
