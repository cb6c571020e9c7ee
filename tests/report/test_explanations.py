"""The section of explanations, from made tables and maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tumorboard.evaluation.explanation_table import (
    Answer,
    AttributionRow,
    Explanations,
    HeatMapRow,
    ImportanceRow,
    write_explanations,
)
from tumorboard.prediction.kept_maps import KeptMap
from tumorboard.report.contents import read_classes
from tumorboard.report.explanations import section
from tumorboard.report.heat_maps import side_by_side


def write_maps(folder: Path, n: int) -> None:
    (folder / "maps").mkdir(parents=True)
    maps = np.zeros((n, 16, 16), dtype=np.uint8)
    maps[:, 4:8, 4:8] = 255
    np.savez(
        folder / "maps" / "a.npz", maps=maps, inputs=np.full((n, 1, 16, 16), 90, dtype=np.uint8),
        masks=maps > 0, known=np.ones(n, dtype=np.bool_),
    )  # fmt: skip


def test_section_leads_with_the_share_in_lesions(tmp_path: Path, make_run) -> None:
    run = make_run(tmp_path / "run", n_patients=60).folder
    assert section(read_classes(run)) is None
    folder = run / "explanations"
    write_maps(folder / "fused", 12)
    evil = "<i>x</i>"
    maps = tuple(
        HeatMapRow(
            "fused", "grad_cam", "ultrasound", 1, 1, f"case{i:03d}", evil if i == 1 else f"c{i}",
            "malignant", 0.5, 0.0625, "4 4", 1.0, 0.5, "maps/a.npz", i,
        )
        for i in range(12)
    )  # fmt: skip
    falls = (
        ImportanceRow(
            "fused", "permutation_importance", 1, 1, "record", "Age", 0.1, 0.05, 0.15, "auroc"
        ),
    )
    moves = tuple(
        AttributionRow(
            "fused", "modality_contribution", 1, 1, "a", "a", "malignant", name, name, "present",
            0.2, 0.4, 0.8, "probability",
        )
        for name in ("ultrasound", "record")
    )  # fmt: skip
    answers = (
        Answer("fused", "grad_cam", "Where?", "", 12, {"rank_correlation_random_head": [0.2]}),
        Answer("logistic", "grad_cam", "Where?", "logistic is a baseline without a network."),
    )
    write_explanations(folder, Explanations(answers, maps, moves, falls))
    made = section(read_classes(run))
    assert made is not None
    assert made.lead == (
        "50 % (95 % interval 50 to 50 %) of the heat maps' mass (grad cam, arm fused) lies inside "
        "the lesion, which covers 6 % of the image: 12 test patients."
    )
    assert evil not in made.html
    assert "&lt;i&gt;x" in made.html
    assert made.html.count("data:image/jpeg") == 12
    assert made.html.count("<svg") == 2
    assert "not asked: logistic is a baseline" in made.html


def test_picture_of_a_volume_shows_its_planes_through_the_peak() -> None:
    strength = np.zeros((8, 8, 5), dtype=np.float32)
    strength[2, 2, 3] = 1
    image = np.zeros((1, 8, 8, 5), dtype=np.uint8)
    image[..., 3] = 77
    mask = strength > 0
    picture = side_by_side(KeptMap(strength, image, mask))
    axial = picture[:300, :300]
    assert (axial[100:140, 20:40] == 77).all()  # away from letters and lines
    assert (picture[308:] == (0, 255, 255)).all(axis=-1).any()


def test_a_metric_that_rises_without_an_input_is_not_said_to_fall(tmp_path: Path, make_run) -> None:
    run = make_run(tmp_path / "run", n_patients=60).folder
    falls = tuple(
        ImportanceRow(
            "fused", "permutation_importance", 1, 1, "record", name, -0.09, -0.2, 0.1, "auroc"
        )
        for name in ("Age", "Sex")
    )
    answers = (Answer("fused", "permutation_importance", "How much?", "", 12, {}),)
    write_explanations(run / "explanations", Explanations(answers, (), (), falls))
    made = section(read_classes(run))
    assert made is not None
    assert made.lead == "AUROC of fused does not fall without any one input."
