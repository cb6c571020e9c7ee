from pathlib import Path

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.tuning import tuning_document

TUNING = {
    "metric": "auroc", "trials": 3, "space": {"training.epochs": {"low": 1, "high": 9}},
}  # fmt: skip


def _table() -> PredictionTable:
    """Two folds of four test patients: AUROC 1 and 0.75; validation rows must not count."""
    p = np.asarray([0.1, 0.2, 0.8, 0.9, 0.1, 0.6, 0.5, 0.9, 0.9])
    n = len(p)
    ids = np.asarray([f"p{i}" for i in range(n)])
    return PredictionTable(
        patient_id=ids, unit_id=ids, arm=np.full(n, "fused"), repeat=np.ones(n, np.int64),
        fold=np.asarray([1] * 4 + [2] * 5), part=np.asarray(["test"] * 8 + ["validation"]),
        modalities=np.full(n, "a"), outcome=np.asarray([0, 0, 1, 1, 0, 0, 1, 1, 0]),
        outcome_name="y", classes=("a", "b"), probabilities=np.column_stack([1 - p, p]),
    )  # fmt: skip


def _write(run: Path, fold: int, lines: str) -> None:
    folder = run / "models" / "fused" / f"1-{fold}"
    folder.mkdir(parents=True)
    (folder / "tuning.csv").write_text(lines, "utf-8")


def test_choices_scores_and_optimism_by_hand(tmp_path: Path) -> None:
    head = "trial,training.epochs,arms.fused.fusion.name,auroc\n"
    _write(tmp_path, 1, f"{head}0,3,gated,0.8\n1,7,concat,0.9\n2,9,gated,0.7\n")
    _write(tmp_path, 2, f"{head}0,3,gated,0.95\n2,4,gated,0.6\n")
    document = tuning_document(tmp_path, TUNING, _table())
    fused = document["arms"]["fused"]
    first, second = fused["fits"]
    assert first["chosen"] == {"training.epochs": 7, "arms.fused.fusion.name": "concat"}
    assert second["chosen"]["training.epochs"] == 3
    assert (first["outer"], second["outer"]) == (1.0, 0.75)
    assert (first["n_failed"], second["n_failed"]) == (0, 1)
    assert fused["inner"] == pytest.approx(0.925)
    assert fused["optimism"] == pytest.approx(0.925 - 0.875)


def test_smaller_is_better_turns_choice_and_optimism_round(tmp_path: Path) -> None:
    _write(tmp_path, 1, "trial,training.epochs,brier\n0,3,0.2\n1,7,0.01\n")
    document = tuning_document(tmp_path, {**TUNING, "metric": "brier"}, _table())
    fused = document["arms"]["fused"]
    assert fused["fits"][0]["chosen"] == {"training.epochs": 7}
    assert fused["fits"][0]["outer"] == pytest.approx(0.025)
    assert fused["optimism"] == pytest.approx(0.015)


def test_no_search_no_arms_and_damage_is_named(tmp_path: Path) -> None:
    assert tuning_document(tmp_path, TUNING, _table())["arms"] == {}
    _write(tmp_path, 1, "trial,training.epochs,auroc\n0,3,much\n")
    with pytest.raises(InputError, match=r"1-1.tuning.csv: damaged"):
        tuning_document(tmp_path, TUNING, _table())
