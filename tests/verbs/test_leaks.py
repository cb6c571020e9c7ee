"""Labels that are shuffled over the patients cannot be predicted: a leak would show here."""

import csv
import random
from pathlib import Path

from tumorboard.verbs.evaluate import evaluate
from tumorboard.verbs.simulate import simulate


def test_shuffled_labels_stay_in_the_null_band(tmp_path: Path) -> None:
    cohort = tmp_path / "cohort"
    simulate("image_table", patients=160, seed=9, out=cohort, settings={"size": [16, 16]})
    table = cohort / "patients.csv"
    with table.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    labels = {row["patient_id"]: row["diagnosis"] for row in rows}
    shuffled = list(labels.values())
    random.Random(1).shuffle(shuffled)
    outcome = dict(zip(labels, shuffled, strict=True))
    with table.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "diagnosis": outcome[row["patient_id"]]} for row in rows)
    run = evaluate(
        cohort / "study.toml", out=tmp_path / "run",
        overrides=[
            "training.epochs=4", "evaluation.bootstrap=100", "evaluation.repeats=1",
            "modalities.image.size=[16, 16]", "evaluation.probes=[]", "evaluation.explain=[]",
            'tuning={trials=2, metric="auroc", '
            "space={\"training.optimizer.learning_rate\"={low=1e-4, high=1e-2, log=true}}}",
            'arms={fused={modalities=["image", "record"]}, record={modalities=["record"]}, '
            'boosting={modalities=["record"], baseline="gradient_boosting"}}',
        ],
    )  # fmt: skip
    for arm, metrics in run.metrics.items():
        # the standard error of an AUROC of 80 against 80 without signal is 0.046 (Hanley & McNeil)
        assert abs(metrics["auroc"].value - 0.5) < 3.3 * 0.046, arm
