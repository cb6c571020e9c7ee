import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

from tumorboard.evaluation.calibration import calibration_document
from tumorboard.evaluation.evidence import write_evidence
from tumorboard.report import calibration
from tumorboard.report.checklist_item import fill_in
from tumorboard.report.class_facts import ClassFacts
from tumorboard.report.contents import read_classes
from tumorboard.report.model_remarks import calibration_notes
from tumorboard.report.run_card import write_cards
from tumorboard.report.tripod_ai import TRIPOD_AI


def _with_models(run: Any, folder: Path) -> Path:
    shutil.copytree(run.folder, folder)
    study = tomllib.loads((folder / "study.toml").read_text("utf-8"))
    for name in ("1-1", "1-2", "2-1"):
        document = {
            "study": study, "arm": "fused", "classes": ["benign", "malignant"],
            "threshold": 0.31 if name == "1-1" else 0.5, "tumorboard": "0.1.0",
            "notes": {"train": {"patients": 122, "rows": 122, "outcome": {"benign": 60}}},
        }  # fmt: skip
        path = folder / "models" / "fused" / name / "model.json"
        path.write_text(json.dumps(document), "utf-8")
    return folder


def test_both_cards_of_the_primary_arm(run: Any, tmp_path: Path) -> None:
    contents = read_classes(_with_models(run, tmp_path / "run"))
    written = write_cards(contents)
    assert [path.name for path in written] == ["MODEL_CARD.md", "applied-model-card.json"]
    card = written[0].read_text("utf-8")
    auroc = contents.metrics["fused"]["auroc"]
    assert "arm fused" in card
    assert "3 models of one arm" in card
    assert "at or above 0.3100 is called positive" in card
    assert f"| auroc | {auroc.value:.3f} |" in card
    assert "One cohort, no external test" in card
    assert "Found in the cohort: 192 patients" in card
    applied = json.loads(written[1].read_text("utf-8"))
    assert applied["metrics"]["auroc"]["value"] == auroc.value
    assert applied["uses"]["target_population"].startswith("Women with a breast mass")
    assert applied["ingredients"]["training_patients"]["patients"] == 122
    assert applied["uses"]["users"] == ""


def test_no_model_no_card(run: Any) -> None:
    assert write_cards(read_classes(run.folder)) == ()


def test_held_out_results_and_what_all_models_came_to_are_in_the_cards(
    run: Any, tmp_path: Path
) -> None:
    folder = _with_models(run, tmp_path / "run")
    estimate = {"value": 0.812, "ci_low": 0.7, "ci_high": 0.9, "n_patients": 28, "n_events": 12}
    found = {"n_patients": 28, "arms": {"fused": {"ensemble": {"auroc": estimate}}}}
    write_evidence(folder, "locked_test", found)
    write_evidence(folder, "external", {"cohorts": {"berlin": {**found, "n_patients": 60}}})
    sets = {"mean_size": 1.25, "all": {"value": 0.91}, "shares": {"one": 0.7}}
    write_evidence(folder, "abstention", {"arms": {"fused": {"sets": sets}}})
    write_cards(read_classes(folder))
    card = (folder / "MODEL_CARD.md").read_text("utf-8")
    assert "### Locked test set: 28 patients" in card
    assert "### External cohort berlin: 60 patients" in card
    assert "| auroc | 0.812 | 0.700 to 0.900 |" in card
    assert "held the true class in 91.0 % and 1.25 of 2 classes on average" in card
    applied = json.loads((folder / "applied-model-card.json").read_text("utf-8"))
    assert applied["held_out"]["Locked test set"]["ensemble"]["auroc"]["value"] == 0.812


def test_calibration_is_said_for_how_many_models_it_could_be_fitted(
    run: Any, tmp_path: Path
) -> None:
    folder = _with_models(run, tmp_path / "run")
    study = (folder / "study.toml").read_text("utf-8")
    study = study.replace('calibration = "none"', 'calibration = "platt"')
    (folder / "study.toml").write_text(study, "utf-8")
    for name, kind in (("1-1", "platt"), ("1-2", "none"), ("2-1", "none")):
        path = folder / "models" / "fused" / name / "model.json"
        document = json.loads(path.read_text("utf-8"))
        document["calibration"] = {"kind": kind}
        document["notes"]["calibration"] = (
            [] if kind == "platt" else ["Not calibrated: 8 patients."]
        )
        path.write_text(json.dumps(document), "utf-8")
    contents = read_classes(folder)
    notes = calibration_notes(folder, contents.arms)
    assert (notes.n_calibrated, notes.n_models) == (1, 3)
    assert notes.remarks == ["Not calibrated: 8 patients. (2 of 3 models: fused)"]
    rows = {row.item.number: row.answer.text for row in fill_in(TRIPOD_AI, ClassFacts(contents))}
    assert "it could be fitted for 1 of 3 models" in rows["24"]
    write_evidence(folder, "calibration", calibration_document(contents.everything))
    made = calibration.section(contents)
    assert made is not None
    assert "Calibration by platt could be fitted for 1 of 3 models; the others" in made.html
    assert made.html.count("Not calibrated: 8 patients.") == 1
    write_cards(contents)
    card = (folder / "MODEL_CARD.md").read_text("utf-8")
    assert "Calibration (platt) could be fitted for 1 of 3 models." in card
