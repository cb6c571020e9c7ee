"""Evidence of a finished segmentation is written by topic."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "evaluation"))

from mask_table import mask_table

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.evaluation.scores import evaluate_outcomes
from tumorboard.modalities.measured.notes import MeasuredNotes
from tumorboard.records import Split
from tumorboard.study_keys import Primary
from tumorboard.verbs.gather_numbers import FinishedNumbers
from tumorboard.verbs.gather_segmentation import fusion_words, gather_segmentation

ARMS: dict[str, Any] = {
    "image": {"modalities": ["mri"], "fusion": "none"},
    "dynamic_attention": {"modalities": ["mri", "notes"], "fusion": {"name": "dynamic_attention"}},
}


def test_topics_of_a_run(tmp_path: Path) -> None:
    table = mask_table(20, gains={"image": 0.0, "dynamic_attention": 0.05,
                                  "dynamic_attention-shuffled": 0.0,
                                  "dynamic_attention-contradicting": 0.0})  # fmt: skip
    primary = Primary.model_construct(arm="dynamic_attention", reference="image", metric="dice")
    people = sorted(set(table.patient_id.tolist()))
    keys = SimpleNamespace(tuning="none", evaluation=SimpleNamespace(subgroups=["side"]))
    arms = {"dynamic_attention": SimpleNamespace(modalities=["notes"])}
    study = SimpleNamespace(
        seed=1, primary=primary, keys=keys, arms=arms, as_tables=lambda: {"arms": ARMS}
    )
    texts = ("No word of it.",) * 3 + ("On the left.",) * 16 + ("",)
    notes = MeasuredNotes(
        present=np.asarray([bool(t) for t in texts]), texts=texts, patient_id=tuple(people)
    )
    cohort = SimpleNamespace(columns={"side": ["left", "right"] * 10}, patient_id=people)
    splits = [
        Split(1, k, {p: "test" if i % 5 == k - 1 else "train" for i, p in enumerate(people)})
        for k in range(1, 6)
    ]  # fmt: skip
    finished = FinishedNumbers(
        run=tmp_path, study=cast("Any", study),
        prepared=cast("Any", SimpleNamespace(cohort=cohort, measured={"notes": notes})),
        splits=splits, table=table,
        metrics=evaluate_outcomes(
            "segmentation", table, n_bootstrap=50, rng=np.random.default_rng(1)
        ),
    )  # fmt: skip
    said: list[str] = []
    gather_segmentation(finished, (), said.append)
    assert len(said) == 1
    document = read_evidence(tmp_path, "segmentation")
    assert document is not None
    assert document["arms"]["dynamic_attention"]["fusion"] == "dynamic attention"
    assert [way["by"] for way in document["difficulty"]][-1] == "side"
    assert "5 folds" in document["controls"][0]["difference"]["test"]
    assert document["uncontradicted"] == {"dynamic_attention": [3, 19]}
    models = read_evidence(tmp_path, "fold_models")
    assert models is not None
    assert len(models["arms"]["image"]) == 5
    assert read_evidence(tmp_path, "tuning") is None


def test_fusions_in_words() -> None:
    assert fusion_words({"arms": ARMS}) == {"image": "", "dynamic_attention": "dynamic attention"}
    assert fusion_words({"arms": {"a": {"fusion": "film"}}}) == {"a": "film"}
