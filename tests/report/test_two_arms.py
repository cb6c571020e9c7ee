from pathlib import Path

import numpy as np
import pytest

from tumorboard.evaluation.explanation_table import (
    FOLDER,
    Answer,
    Explanations,
    HeatMapRow,
    write_explanations,
)
from tumorboard.prediction.kept_maps import KeptMap
from tumorboard.report.contents import read_classes
from tumorboard.report.heat_maps import side_by_side, strip
from tumorboard.report.overlays import PER_CLASS, write_overlays
from tumorboard.report.two_arms import agreement_of, section, shared_maps

NAN = float("nan")


def _kept(values) -> KeptMap:
    image = np.full((3, 8, 8), 90, dtype=np.uint8)
    return KeptMap(np.asarray(values, dtype=np.float32).reshape(8, 8), image, None)


def _row(arm: str, unit: str, index: int, explainer: str = "grad_cam") -> HeatMapRow:
    return HeatMapRow(
        arm, explainer, "ultrasound", 1, 1, unit, unit, "malignant", NAN, NAN, "0 0", NAN, 0.5,
        "maps/all.npz", index,
    )  # fmt: skip


def _explained(folder: Path, units: list[str]) -> None:
    """Maps of all units by two arms; the second arm looks where the first does not."""
    rng = np.random.default_rng(0)
    maps = rng.integers(1, 255, size=(len(units), 8, 8)).astype(np.uint8)
    rows: list[HeatMapRow] = []
    for arm, values in (("fused", maps), ("ultrasound", 255 - maps)):
        (folder / FOLDER / arm / "maps").mkdir(parents=True)
        np.savez(
            folder / FOLDER / arm / "maps" / "all.npz",
            maps=values,
            inputs=np.full((len(units), 3, 8, 8), 90, dtype=np.uint8),
            masks=np.zeros((len(units), 8, 8), dtype=bool),
            known=np.zeros(len(units), dtype=bool),
        )
        rows += [_row(arm, unit, i) for i, unit in enumerate(units)]
    answers = tuple(Answer(arm, "grad_cam", "Where?", "") for arm in ("fused", "ultrasound"))
    write_explanations(folder / FOLDER, Explanations(answers, tuple(rows), (), ()))


def test_a_strip_is_the_image_and_then_every_map() -> None:
    one, two = _kept(np.arange(64)), _kept(np.arange(64)[::-1])
    pixels = strip([one, two])
    alone = side_by_side(one)
    width = (alone.shape[1] - 6) // 2
    np.testing.assert_array_equal(pixels[:, : alone.shape[1]], alone)
    np.testing.assert_array_equal(pixels[:, -width:], side_by_side(two)[:, -width:])


def test_agreement_is_the_rank_correlation_of_the_maps() -> None:
    values = np.arange(64.0)
    assert agreement_of(_kept(values), _kept(np.exp(values / 20))) == pytest.approx(1)
    assert agreement_of(_kept(values), _kept(-values)) == pytest.approx(-1)
    assert np.isnan(agreement_of(_kept(values), _kept(np.zeros(64))))


def test_only_images_that_two_arms_share() -> None:
    rows = [_row("a", "p1", 0), _row("a", "p2", 1), _row("b", "p2", 0), _row("c", "p2", 0)]
    shared = shared_maps(rows, ("record", "c", "a"))
    assert shared is not None
    assert shared.arms == ("c", "a")  # in the order of the report
    assert [one.unit_id for one, _ in shared.pairs] == ["p2"]
    assert shared_maps([_row("a", "p1", 0), _row("b", "p2", 0)], ("a", "b")) is None
    other = [_row("a", "p1", 0), _row("b", "p1", 0, "lrp")]
    assert shared_maps(other, ("a", "b")) is None  # maps of two methods are not compared


def test_section_and_class_folders_of_a_run(tmp_path: Path, make_run) -> None:
    run = make_run(tmp_path, n_patients=60, n_repeats=1, n_folds=2)
    contents = read_classes(run.folder)
    assert section(contents) is None
    assert write_overlays(contents) == 0
    test = run.table.take((run.table.part == "test") & (run.table.arm == "ultrasound"))
    truth = {
        name: [
            u for u, k in zip(test.unit_id.tolist(), test.outcome.tolist(), strict=True) if k == i
        ]
        for i, name in enumerate(test.classes)
    }
    units = [*truth["benign"][:9], *truth["malignant"][:6]]
    _explained(run.folder, units)
    made = section(contents)
    assert made is not None
    assert made.title == "Where fused and ultrasound looked"
    assert "15 test patients" in made.lead
    assert "hardly alike" in made.lead
    assert made.html.count("data:image/jpeg;base64,") == 6
    assert "9 more in" in made.html
    assert write_overlays(contents) == 2 * 2 * PER_CLASS == write_overlays(contents)
    for name, of_class in truth.items():
        files = sorted((run.folder / FOLDER / "overlays" / "grad_cam" / name).iterdir())
        assert len(files) == 2 * PER_CLASS  # the same number of every class and arm
        for file in files:
            assert any(unit in file.name for unit in of_class)
