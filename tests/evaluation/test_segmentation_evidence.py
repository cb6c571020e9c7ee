"""The evidence of a segmentation: summaries, difficulty, worst cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mask_table import mask_table

from tumorboard.evaluation.evidence import write_evidence
from tumorboard.evaluation.outcome_table import OutcomeTable, OutcomeUnits
from tumorboard.evaluation.scores import evaluate_outcomes
from tumorboard.evaluation.segmentation_evidence import (
    gallery_cases,
    segmentation_document,
    statuses,
)
from tumorboard.study_keys import Primary

PRIMARY = Primary.model_construct(arm="dynamic_attention", reference="image", metric="dice")


@pytest.fixture(scope="module")
def table() -> OutcomeTable:
    return mask_table(labels=("core", "rim"))


@pytest.fixture(scope="module")
def document(table: OutcomeTable, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    metrics = evaluate_outcomes(
        "segmentation", table, n_bootstrap=100, rng=np.random.default_rng(0)
    )
    grades = {f"P{i:02d}": "high" if i < 5 else "low" for i in range(40)}
    made = segmentation_document(
        table, metrics, primary=PRIMARY, rng=np.random.default_rng(0),
        fusions={"dynamic_attention": "dynamic attention"}, columns={"grade": grades},
    )  # fmt: skip
    path: Path = write_evidence(tmp_path_factory.mktemp("run"), "segmentation", made)
    return json.loads(path.read_text())


def test_summaries_are_over_patients(document: dict[str, Any], table: OutcomeTable) -> None:
    arm = document["arms"]["image"]
    dice = table.of_arm("image").predictions[:-1][:, [0, 16]].mean(axis=1)
    said = arm["metrics"]["dice"]
    assert said["median"] == pytest.approx(np.median(dice))
    assert said["q3"] == pytest.approx(np.quantile(dice, 0.75))
    assert (said["n"], said["n_excluded"]) == (39, 1)
    assert said["ci_low"] < said["mean"] < said["ci_high"]
    assert arm["statuses"]["rim"] == {"both": 39, "missed": 0, "invented": 0, "both_empty": 1}
    assert arm["by_patient"]["P39"] is None
    assert document["arms"]["dynamic_attention-silent"]["is_control"]
    assert document["arms"]["dynamic_attention"]["fusion"] == "dynamic attention"
    assert set(document["predicted_dice"]) == set(document["volumes"])
    assert "dynamic_attention-silent" not in document["volumes"]
    assert len(document["controls"]) == 3


def test_difficulty_is_in_thirds_and_columns(document: dict[str, Any]) -> None:
    size, uncertainty, grade = document["difficulty"]
    assert size["by"] == "size of the reference"
    assert "ml" in size["note"]
    assert [group["n_patients"] for group in size["groups"]] == [13, 13, 13]
    small, _, large = (group["arms"]["image"]["value"] for group in size["groups"])
    assert small < large
    assert size["groups"][0]["difference"]["ci_low"] > 0
    assert sum(group["n_patients"] for group in uncertainty["groups"]) == 40
    few = {group["name"]: group for group in grade["groups"]}["high"]
    assert (few["n_patients"], few["arms"], few["difference"]) == (5, {}, None)


def test_worst_cases_come_first_and_the_gallery_repeats_nobody(
    document: dict[str, Any], table: OutcomeTable
) -> None:
    worst = document["worst"]
    assert len(worst) == 10
    assert worst == sorted(worst, key=lambda case: case["dice"])
    chosen = gallery_cases(table, "dynamic_attention", n=3)
    assert list(chosen.values()).count("worst") == 3
    assert next(iter(chosen)) == worst[0]["case"]
    assert len(chosen) == 9
    assert len(gallery_cases(table.take(table.unit_id < "P05"), "image", n=4)) == 5


def test_every_state_of_the_masks_is_counted() -> None:
    ones = np.ones(4, dtype=np.int64)
    units = OutcomeUnits(
        ("A",), np.zeros(4, dtype=np.int64), ones, ones, np.asarray([[2.0], [2.0], [0.0], [0.0]]),
        np.asarray([[0.5, 1.0], [0.0, 0.0], [0.0, 3.0], [np.nan, 0.0]]), ("reference_a_px",),
        ("dice_a", "volume_a_px"),
    )  # fmt: skip
    assert statuses(units) == {"a": {"both": 1, "missed": 1, "invented": 1, "both_empty": 1}}
