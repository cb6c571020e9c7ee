import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

from tumorboard.report.contents import read_contents
from tumorboard.report.run_card import write_cards


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
    contents = read_contents(_with_models(run, tmp_path / "run"))
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
    assert write_cards(read_contents(run.folder)) == ()
