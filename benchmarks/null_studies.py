"""Null studies: how often does the first line of the report claim a gain that is not there?

Run: `OMP_NUM_THREADS=1 .venv/bin/python benchmarks/null_studies.py --studies 200 --out FILE`.
Every study is simulated anew: the record tells of the outcome, the image is drawn from noise alone,
and the arms `record` and `fused` (image and record) are trained on the same five folds with small
encoders. `again` is `record` trained a second time from other random weights: arms that cannot
differ. One line of JSON per study is appended to FILE, so that a run can be stopped and taken up;
`--summary` reads the file and prints the rates.
"""

import argparse
import json
import logging
import os
import platform
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from scipy import stats

from tumorboard.cache import Cache
from tumorboard.cohorts.splits import split_patients
from tumorboard.evaluation.answer import answer
from tumorboard.evaluation.comparison import compare_all
from tumorboard.evaluation.estimates import wilson_interval
from tumorboard.evaluation.ranking import Ranking
from tumorboard.evaluation.tables import PredictionTable, concatenate
from tumorboard.simulators.image_table import ImageTable
from tumorboard.study import Study
from tumorboard.study_keys import Primary, Threshold
from tumorboard.training.fit import fit_arm
from tumorboard.training.plan import predict_parts
from tumorboard.training.prepare import prepare
from tumorboard.verbs.study_splits import split_study

ARMS = {
    "record": {"modalities": ["record"]},
    "fused": {"modalities": ["image", "record"], "fusion": "concatenation"},
    "again": {"modalities": ["record"]},
}
LEVEL = 0.05


def study_tables(seed, settings):
    """The study as tables of its file."""
    return {
        "study": {"name": "null", "seed": seed},
        "cohort": {"source": "folder", "table": "patients.csv", "patient_id": "patient_id"},
        "task": {"kind": "classification", "target": "diagnosis", "positive": "malignant"},
        "modalities": {
            "image": {
                "kind": "image", "files": "images/{image}", "size": [16, 16], "channels": "grey",
                "encoder": {"name": "small_cnn", "widths": [8, 16]},
            },
            "record": {
                "kind": "table", "numeric": ["age", "tumour_size_mm", "ca15_3"],
                "categorical": ["tumour_location"], "encoder": {"name": "mlp", "widths": [16, 8]},
            },
        },
        "arms": ARMS,
        "training": {
            "epochs": settings.epochs, "batch_size": 16,
            "optimizer": {"name": "adamw", "learning_rate": 5e-3}, "modality_dropout": 0.0,
        },
        "evaluation": {
            "folds": 5, "repeats": settings.repeats,
            "primary": {"arm": "fused", "reference": "record"},
        },
        "runtime": {"device": "cpu", "precision": "32", "workers": 1},
    }  # fmt: skip


def simulate_and_train(seed, settings):
    """Predictions of all arms on the five folds of one simulated study, and its splits."""
    simulator = ImageTable(
        image_signal=0.0, table_signal=2.0, size=(16, 16), images_per_patient=1,
        missing_values=0.0, missing_images=0.0, institutions=1,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        simulator.write(root, n_patients=settings.patients, seed=seed)
        study = Study.from_tables(study_tables(seed, settings), path=root / "study.toml")
        with Cache(root / "cache") as cache:
            prepared = prepare(study, root, cache=cache)
        splits = split_study(study, prepared)
        tables = [
            predict_parts(
                fit_arm(
                    study, prepared, split, arm, checkpoint=root / "c.ckpt", checkpoint_every_s=1e9
                ).fitted, prepared, split,
            )
            for split in splits for arm in study.arms.values()
        ]  # fmt: skip
    return concatenate(tables), splits


def simulate_linear(seed, settings):
    """Logistic regressions of four columns that tell of the outcome, and eight of noise.

    Each arm has noise columns of its own, so that the two are equal on average: no true loss from
    the noise hides false claims of a gain.
    """
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(seed)
    signal = rng.normal(size=settings.patients)
    target = (rng.random(settings.patients) < 1 / (1 + np.exp(-2 * signal))).astype(np.int64)
    record = signal[:, None] + 1.5 * rng.normal(size=(settings.patients, 4))
    noise = rng.normal(size=(2, settings.patients, 8))
    columns = {
        arm: np.hstack([record, own]) for arm, own in zip(("record", "fused"), noise, strict=True)
    }
    ids = np.asarray([f"P{i}" for i in range(settings.patients)])
    splits = split_patients(
        ids.tolist(), target, folds=5, repeats=settings.repeats, holdout=None,
        validation=0.15, seed=seed, classes=("benign", "malignant"),
    )  # fmt: skip
    tables = []
    for split in splits:
        part = np.asarray([split.parts[patient] for patient in ids.tolist()])
        train, test = part == "train", np.flatnonzero(part == "test")
        for arm, values in columns.items():
            fitted = LogisticRegression().fit(values[train], target[train])
            n = len(test)
            tables.append(
                PredictionTable(
                    ids[test], ids[test], np.full(n, arm), np.full(n, split.repeat),
                    np.full(n, split.fold), np.full(n, "test"), np.full(n, arm), target[test],
                    "diagnosis", ("benign", "malignant"), fitted.predict_proba(values[test]),
                )
            )  # fmt: skip
    return concatenate(tables), splits


def fold_scores(table, arm):
    """AUROC of one arm in every repeat and fold."""
    test = table.take((table.part == "test") & (table.arm == arm))
    scores = []
    for repeat, fold in sorted(set(zip(test.repeat.tolist(), test.fold.tolist(), strict=True))):
        part = test.take((test.repeat == repeat) & (test.fold == fold))
        ranking = Ranking(part.outcome == 1, part.probabilities[:, 1])
        scores.append(float(ranking.auroc(np.ones((1, part.n_rows)))[0]))
    return np.asarray(scores)


def one_study(seed, settings):
    """What the program's first line says of one null study, and what other tests would say."""
    start = time.perf_counter()
    if settings.linear:
        table, splits = simulate_linear(seed, settings)
    else:
        table, splits = simulate_and_train(seed, settings)
    sizes = {(split.repeat, split.fold): Counter(split.parts.values()) for split in splits}
    result = {"seed": seed}
    for arm in ("fused",) if settings.linear else ("fused", "again"):
        found = compare_all(
            table, Primary(arm=arm, reference="record"), threshold=Threshold(),
            n_bootstrap=100, rng=np.random.default_rng(seed), sizes=sizes, arms=(arm,),
        )[0]  # fmt: skip
        sentence = answer(
            found, arm_modalities=("image", "record"), reference_modalities=("record",),
            kinds={"image": "image"},
        )  # fmt: skip
        scores, reference = fold_scores(table, arm), fold_scores(table, "record")
        naive = stats.ttest_rel(scores, reference)
        result[arm] = {
            "difference": found.difference,
            "claims_gain": " changes AUROC by +" in sentence
            and not sentence.startswith("There is no evidence"),
            "claims_harm": "makes it worse" in sentence,
            "p_corrected": found.p_value,
            "p_naive": float(naive.pvalue),
            "p_wilcoxon": float(stats.wilcoxon(scores, reference).pvalue)
            if np.any(scores != reference) else 1.0,
        }  # fmt: skip
    result["auroc"] = {arm: round(float(fold_scores(table, arm).mean()), 4) for arm in table.arms}
    result["seconds"] = round(time.perf_counter() - start, 2)
    return result


def rate(hits):
    """A share of the studies with its Wilson interval."""
    n = len(hits)
    low, high = wilson_interval(sum(hits) / n, n)
    return {"n": int(sum(hits)), "of": n, "share": sum(hits) / n, "ci": [low, high]}


def summarise(path):
    """Rates over the studies of a file."""
    studies = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    summary = {"benchmark": "null_studies", "n_studies": len(studies)}
    for arm in ("fused", "again") if "again" in studies[0] else ("fused",):
        each = [study[arm] for study in studies]
        gains = [e["difference"] > 0 for e in each]
        summary[arm] = {
            "mean_difference": float(np.mean([e["difference"] for e in each])),
            "first_line_claims_gain": rate([e["claims_gain"] for e in each]),
            "first_line_claims_harm": rate([e["claims_harm"] for e in each]),
        }
        for test in ("corrected", "naive", "wilcoxon"):
            below = [e[f"p_{test}"] < LEVEL for e in each]
            summary[arm][f"{test}_p_below_0.05"] = rate(below)
            both = [a and b for a, b in zip(below, gains, strict=True)]
            summary[arm][f"{test}_p_below_0.05_and_gain"] = rate(both)
    summary["mean_auroc"] = {
        arm: float(np.mean([study["auroc"][arm] for study in studies]))
        for arm in studies[0]["auroc"]
    }
    summary["median_seconds"] = float(np.median([study["seconds"] for study in studies]))
    summary["cores"], summary["machine"] = os.cpu_count(), platform.machine()
    return summary


def main():
    """Run what the file does not hold yet, then print the summary as one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--patients", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--linear", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--summary", action="store_true")
    settings = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    settings.out.touch()
    done = {json.loads(line)["seed"] for line in settings.out.read_text("utf-8").splitlines()}
    if not settings.summary:
        for seed in range(1, settings.studies + 1):
            if seed not in done:
                line = json.dumps(one_study(seed, settings))
                with settings.out.open("a", encoding="utf-8") as handle:
                    handle.write(line + "\n")
    print(json.dumps(summarise(settings.out)))


if __name__ == "__main__":
    main()
