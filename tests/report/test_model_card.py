from typing import Any

from tumorboard.report.model_card import model_card

STUDY: dict[str, Any] = {
    "study": {"name": "breast", "question": "Does the image | add?", "seed": 7},
    "task": {"target": "Classification", "unit": "patient"},
    "modalities": {
        "ultrasound": {"kind": "image", "files": "images/{file}"},
        "record": {"kind": "table", "numeric": ["Age"], "categorical": ["Signs"]},
    },
    "arms": {
        "fused": {
            "modalities": ["ultrasound", "record"],
            "fusion": {"name": "gated"},
            "baseline": "none",
            "encoders": {
                "ultrasound": {"name": "resnet", "depth": 18, "weights": "none"},
                "record": {"name": "mlp"},
            },
            "training": {"modality_dropout": 0.2},
        },
        "record": {"modalities": ["record"], "baseline": {"name": "logistic_regression"}},
    },
    "evaluation": {"threshold": {"rule": "youden"}, "calibration": "none"},
    "report": {"population": "women with a <mass>", "ethics": "none"},
}


def _document(arm: str = "fused", **changes: Any) -> dict[str, Any]:
    counts = {"patients": 120, "rows": 150, "outcome": {"benign": 80, "malignant": 40}}
    return {
        "study": STUDY, "arm": arm, "classes": ["benign", "malignant"], "threshold": 0.4321,
        "tumorboard": "0.1.0", "notes": {"train": counts}, **changes,
    }  # fmt: skip


def test_card_of_a_network() -> None:
    card = model_card(_document())
    for text in (
        "Research software, not a medical device.",
        "| train | 120 | 150 | benign 80, malignant 40 |",
        "encoder `resnet` (depth = 18, weights = none); trained from scratch",
        "fusion `gated`",
        "hidden at random with probability 0.2",
        "at or above 0.4321 is called positive",
        "rule `youden`",
        "women with a &lt;mass&gt;",
        "Does the image \\| add?",
        "- ethics: not reported",
        "- seed 7",
        "Not measured with this model.",
    ):
        assert text in card


def test_card_of_a_baseline_with_one_modality() -> None:
    card = model_card(_document("record", threshold=None, classes=["a", "b", "c"]))
    assert "classical baseline `logistic_regression`" in card
    assert "A patient without `record` gets no prediction" in card
    assert "None: the class with the largest probability is called." in card


def test_metrics_and_versions_where_they_are_known() -> None:
    estimate = {
        "value": 0.85, "ci_low": None, "ci_high": 0.9, "n_patients": 170, "n_events": 60,
    }  # fmt: skip
    card = model_card(
        _document(),
        metrics={"fused": {"auroc": estimate, "confusion_benign_benign": estimate}},
        cohort={
            "patients": 180, "rows": 200,
            "flow": [{"reason": "no image", "patients": 4, "rows": 5}],
        },
        environment={"packages": {"torch": "2.13.0"}},
    )  # fmt: skip
    assert "| auroc | 0.850 | not available to 0.900 | 170 | 60 |" in card
    assert "confusion_benign" not in card
    assert "left out: 4 patients, 5 rows: no image" in card
    assert "- torch 2.13.0" in card


def test_calibration_sets_limits_and_use() -> None:
    card = model_card(
        _document(
            calibration={"kind": "platt", "slope": [1.0]},
            conformal={"coverage": 0.9, "by": "class", "quantiles": [], "n_calibration": [20, 10]},
        ),
        limits=["One <cohort>."], n_models=25,
    )  # fmt: skip
    assert "Probabilities are calibrated on validation patients: platt." in card
    assert "at least 90 % of patients like these within every class" in card
    assert "calibrated on 30 validation patients" in card
    assert "- One &lt;cohort&gt;." in card
    assert "25 models of one arm" in card
    assert "tumorboard.open(MODEL).predict(TABLE)" in card
    plain = model_card(_document())
    assert "Probabilities were not calibrated" in plain
    assert "No prediction sets were fitted." in plain
    assert "models of one arm" not in plain


def test_sets_that_rule_nothing_out_and_held_out_patients_are_said() -> None:
    conformal = {"coverage": 0.9, "by": "class", "quantiles": [None, None], "n_calibration": [7, 5]}
    estimate = {"value": 0.71, "ci_low": 0.6, "ci_high": 0.8, "n_patients": 60, "n_events": 30}
    found = {"n_patients": 60, "arms": {"fused": {"ensemble": {"auroc": estimate}}}}
    card = model_card(
        _document(conformal=conformal), held_out={"External cohort berlin": found},
        uncertainty=["Every set held all 2 classes."],
    )  # fmt: skip
    assert "every set holds all 2 classes, and rules nothing out" in card
    assert "Every set held all 2 classes." in card
    assert "### External cohort berlin: 60 patients" in card
    assert "| auroc | 0.710 | 0.600 to 0.800 | 60 | 30 |" in card
    assert "any other hospital" in card
    assert "Measured elsewhere, under *Held-out patients*: External cohort berlin." in card
    one = {**conformal, "quantiles": [0.4, None]}
    assert "too few in malignant: every set holds it." in model_card(_document(conformal=one))
    alike = {**conformal, "by": "all", "quantiles": [0.4, 0.4], "n_calibration": [12, 12]}
    assert "calibrated on 12 validation patients." in model_card(_document(conformal=alike))
    assert "Held-out patients" not in model_card(_document())
    assert "`tumorboard predict MODEL --cohort TABLE --out FILE`" in card
