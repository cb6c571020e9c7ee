from pathlib import Path

import numpy as np

from tumorboard.evaluation.explanation_table import Answer, AttributionRow, Explanations
from tumorboard.prediction.predictions import Predictions
from tumorboard.report.patient_page import Explained, write_patient_pages


def _row(explainer: str, scale: str) -> AttributionRow:
    return AttributionRow(
        "fused", explainer, 1, 1, "p1", "p1", "malignant", "record", "Age", "61", 0.2, 0.4, 0.6,
        scale,
    )  # fmt: skip


def _page(folder: Path, explainer: str, scale: str) -> str:
    answer = Answer("fused", explainer, "Why?", "")
    predictions = Predictions(
        ("p1",), ("p1",), ("record",), np.asarray([[0.4, 0.6]]), ("benign", "malignant"),
        ("malignant",), 0.5, (), (), "Classification", ("",), (), (),
    )  # fmt: skip
    explained = Explained(
        "study", "fused", ("record",), predictions, ("p1",),
        Explanations((answer,), (), (_row(explainer, scale),), ()), folder, {}, (),
    )  # fmt: skip
    write_patient_pages(folder, explained)
    return next((folder / "patients").glob("*.html")).read_text("utf-8")


def test_every_explanation_says_whether_it_is_of_the_calibrated_answer(tmp_path: Path) -> None:
    after = _page(tmp_path / "a", "modality_contribution", "probability")
    assert "after the model's calibration" in after.replace("&#39;", "'")
    assert "before calibration" not in after
    before = _page(tmp_path / "b", "tree_shap", "logit")
    assert "answer before calibration" in before
    weights = _page(tmp_path / "c", "fusion_weights", "weight")
    assert "calibration" not in weights
