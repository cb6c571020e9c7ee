from typing import Any

from tumorboard.records import Finding
from tumorboard.report.limits import limits, statements


def _limits(study: dict[str, Any], **changes: Any) -> str:
    settings: dict[str, Any] = {
        "cohort": {"rows": 100, "missing": {"Age": 30, "Signs": 3}}, "findings": [],
        "n_patients": 90, "n_events": 40, "n_rejected": 0, "n_comparisons": 1,
    }  # fmt: skip
    return " ".join(limits(study, **{**settings, **changes}))


def test_a_single_small_cohort_is_named_as_such() -> None:
    text = _limits({"evaluation": {"holdout": [0.7, 0.15, 0.15]}})
    assert "no external test" in text
    assert "No locked test set" in text
    assert "One split of the patients" in text
    assert "40 of 90 patients have the event" in text
    assert "Often missing: Age (30 %)." in text
    apart = _limits({"evaluation": {"folds_by": "institution"}})
    assert "performance in a hospital unlike these, with another device" in apart


def test_nothing_is_said_that_does_not_hold() -> None:
    study = {
        "evaluation": {"external": {"x": "y"}, "locked_test": 0.15, "calibration": "platt"},
        "cohort": {"institution": "hospital"}, "tuning": {"trials": 20},
    }  # fmt: skip
    assert _limits(study, n_events=400, cohort={"rows": 10, "missing": {}}) == ""


def test_accepted_findings_rejected_files_and_scratch_training() -> None:
    study = {
        "audit": {"accept": ["label-proxy"]},
        "arms": {
            "deep": {
                "encoders": {"ct": {"name": "resnet", "weights": "none"}, "rna": {"name": "mlp"}}
            }
        },
        "modalities": {"ct": {"kind": "volume"}, "rna": {"kind": "expression"}},
    }
    found = [Finding("label-proxy", "error", "x"), Finding("small-class", "warning", "y")]
    text = _limits(study, findings=found, n_rejected=1, n_comparisons=4)
    assert "findings of the audit that stop a study: label-proxy." in text
    assert "1 file could not be used" in text
    assert "4 comparisons: only the first was declared primary" in text
    assert "Trained from scratch: resnet (ct). Weights" in text


def test_author_statements_are_never_invented() -> None:
    rows = statements({"report": {"ethics": "Approved as 17/2024.", "funding": "none"}})
    said = {heading: sentence for heading, _, sentence in rows}
    assert said["Ethics"] == "Approved as 17/2024."
    assert said["Funding"] == "not reported"
    assert said["Population"] == "not reported"


def test_fewer_patients_than_the_rules_ask_for() -> None:
    found = {"parameters": 5, "assumed": {"required": 400}}
    document = {"n_patients": 500, "training_share": 0.6, "arms": {"record": found}}
    assert "record: 5 predictor parameters ask for 400 patients" in _limits(
        {}, sample_size=document
    )
    found["assumed"] = {"required": 300}
    assert "predictor parameters" not in _limits({}, sample_size=document)
