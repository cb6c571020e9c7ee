import shutil
from pathlib import Path
from typing import Any

import numpy as np

from tumorboard.evaluation.evidence import write_evidence
from tumorboard.report.contents import read_classes
from tumorboard.report.tuning import section


def made_tuning(n_trials: int = 12) -> dict[str, Any]:
    """Believable evidence of two tuned arms on ten splits."""
    rng = np.random.default_rng(0)
    arms: dict[str, Any] = {}
    for arm, keys in (
        ("fused", ("training.optimizer.learning_rate", "arms.fused.fusion.<name>")),
        ("record", ("modalities.record.encoder.dropout",)),
    ):
        fits = []
        for split in range(10):
            trials: list[dict[str, Any]] = [
                {
                    "trial": t, "score": float(0.8 + rng.normal(0, 0.03)),
                    "values": {
                        k: str(rng.choice(["gated", "early"])) if "name" in k
                        else float(10 ** rng.uniform(-5, -2)) for k in keys
                    },
                }
                for t in range(n_trials)
            ]  # fmt: skip
            best = max(trials, key=lambda trial: trial["score"])
            fits.append(
                {
                    "repeat": split // 5 + 1, "fold": split % 5 + 1, "chosen": best["values"],
                    "inner": best["score"], "outer": float(0.8 + rng.normal(0, 0.02)),
                    "n_trials": n_trials, "n_failed": int(split == 0), "trials": trials,
                }
            )  # fmt: skip
        arms[arm] = {
            "keys": list(keys), "fits": fits, "inner": 0.851, "outer": 0.802, "optimism": 0.049,
        }  # fmt: skip
    space = {"training.optimizer.learning_rate": {"low": 1e-5, "high": 1e-2, "log": True}}
    return {
        "metric": "auroc", "smaller_is_better": False, "budget": n_trials, "space": space,
        "arms": arms,
    }  # fmt: skip


def test_section_shows_both_scores_and_says_who_sees_what(run: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(run.folder, tmp_path / "run"))
    assert section(read_classes(folder)) is None
    write_evidence(folder, "tuning", made_tuning())
    made = section(read_classes(folder))
    assert made is not None
    assert "fused 0.851 and 0.802; record 0.851 and 0.802" in made.lead
    assert "test patients of a split take no part in stopping" in made.html
    assert "12, 1 failed" in made.html
    assert "scored by one inner fit," in made.html
    assert "(120 inner fits in all)" in made.html  # 10 splits, 12 trials
    assert "fusion.&lt;name&gt;" in made.html
    assert "<name>" not in made.html
    for name in ("nested", "tuning_choices", "tuning_trials"):
        assert (folder / "figures" / f"{name}.svg").is_file()


def test_no_arm_no_section(run: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(run.folder, tmp_path / "run"))
    write_evidence(folder, "tuning", {**made_tuning(1), "arms": {}})
    assert section(read_classes(folder)) is None


def test_with_inner_folds_the_page_says_how_many_fits_scored_a_trial(
    run: Any, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(run.folder, tmp_path / "run"))
    write_evidence(folder, "tuning", {**made_tuning(4), "folds": 3})
    made = section(read_classes(folder))
    assert made is not None
    assert "scored by 3 inner fits" in made.html
    assert "parts left out of the inner folds" in made.html
    assert "(120 inner fits in all)" in made.html  # 10 splits, 4 trials, 3 folds
    assert "looked 0.049 better than the test" in made.html
    drawing = (folder / "figures" / "nested.svg").read_text(encoding="utf-8")
    assert "3 inner folds" in drawing
    assert "chooses settings and threshold" not in drawing
