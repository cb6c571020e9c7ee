"""The published system S1 in small: its whole ablation table, on a hold-out of 70 / 15 / 15."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tumorboard.evaluation.run import Run
from tumorboard.formats.split_table import read_splits
from tumorboard.study import Study
from tumorboard.verbs.evaluate import evaluate
from tumorboard.verbs.simulate import simulate

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("s1") / "cohort"
    simulate(
        "image_table", patients=80, seed=1, out=folder,
        settings={"size": [32, 32], "images_per_patient": 1},
    )  # fmt: skip
    return evaluate(ROOT / "tests" / "studies" / "s1_small.toml", data=folder, out=folder / "run")


def test_the_ablation_table_is_whole(run: Run) -> None:
    assert set(run.metrics) >= {"image", "clinical", "late", "fused"}
    for metrics in run.metrics.values():
        for name in ("accuracy", "ppv", "sensitivity", "specificity", "f1", "auroc"):
            assert 0 <= metrics[name].value <= 1 or name == "ppv"
        assert metrics["auroc"].ci_low < metrics["auroc"].value < metrics["auroc"].ci_high


def test_the_hold_out_is_by_patient_and_in_the_published_shares(run: Run) -> None:
    (split,) = read_splits(run.folder / "splits.csv")
    counts = Counter(split.parts.values())
    assert (counts["train"], counts["validation"], counts["test"]) == (56, 12, 12)


def test_one_split_is_compared_by_delong(run: Run) -> None:
    assert run.comparison[0].n_patients == 12
    assert "paired logit-DeLong interval" in run.comparison[0].test


def test_every_item_of_the_published_evaluation_has_its_evidence(run: Run) -> None:
    evidence = run.folder / "evidence"
    topics = {path.stem for path in evidence.iterdir()}
    assert {"calibration", "decisions", "tests", "errors", "subsets", "degradation"} <= topics
    curves = json.loads((evidence / "degradation.json").read_text())["probes"]
    assert set(curves) == {"missing_values", "noise", "blur", "rotation", "motion"}
    calibration = json.loads((evidence / "calibration.json").read_text())
    assert set(calibration["arms"]) == {"image", "clinical", "late", "fused"}
    shown = json.loads((evidence / "subsets.json").read_text())["arms"]["fused"]["shown"]
    assert {entry["modalities"] for entry in shown} == {"image+record", "image", "record"}
    assert (run.folder / "explanations" / "fused" / "heat_maps.csv").is_file()
    assert (run.folder / "explanations" / "fused" / "importance.csv").is_file()


def test_the_published_study_differs_from_its_small_copy_only_in_size() -> None:
    published = Study.load(ROOT / "studies" / "s1_published.toml").as_tables()
    small = Study.load(ROOT / "tests" / "studies" / "s1_small.toml").as_tables()
    assert list(published["arms"]) == list(small["arms"])
    assert published["modalities"]["image"]["encoder"]["depth"] == 50
    assert published["modalities"]["image"]["encoder"]["weights"] == "imagenet"
    assert published["evaluation"]["holdout"] == small["evaluation"]["holdout"] == [0.7, 0.15, 0.15]
    for table in (published, small):
        optimizer = table["training"]["optimizer"]
        assert (optimizer["name"], optimizer["learning_rate"]) == ("adam", 1e-4)
        assert table["training"]["schedule"]["metric"] == "accuracy"
        assert table["training"]["stop"]["metric"] == "loss"
        assert len(table["modalities"]["record"]["encoder"]["widths"]) == 3
    assert json.dumps(published["cohort"]) == json.dumps(small["cohort"])
