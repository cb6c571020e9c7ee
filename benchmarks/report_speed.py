"""The whole report of a large study whose predictions are given: scores, evidence, figures, page.

Run: `.venv/bin/python benchmarks/report_speed.py`. 5 x 5 folds, 6 arms, 2,000 patients. All that
reads predictions alone is timed, from metrics.json to report.html with its checklists; nothing is
trained, probed or explained. Prints one line of JSON. Seconds are of the processor (one core; a
machine that does nothing else takes no longer by the clock), the sum by the clock stands beside.
"""

import csv
import json
import os
import platform
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from tumorboard.cohorts.splits import split_patients
from tumorboard.evaluation.abstention import abstention_document
from tumorboard.evaluation.calibration import calibration_document
from tumorboard.evaluation.decisions import decisions_document
from tumorboard.evaluation.evidence import write_evidence
from tumorboard.evaluation.sample_size import sample_size_document
from tumorboard.evaluation.significance import significance_document
from tumorboard.evaluation.subgroups import subgroups_document
from tumorboard.evaluation.subsets import subsets_document
from tumorboard.evaluation.tables import PredictionTable, concatenate, write_predictions
from tumorboard.evaluation.thresholds import choose_thresholds
from tumorboard.report.table1 import table_one, write_table_one
from tumorboard.report.write import write_report
from tumorboard.study import Study
from tumorboard.verbs.evaluate import write_scores
from tumorboard.verbs.gather import one_thread

N_PATIENTS = 2_000
FOLDS, REPEATS = 5, 5
BUDGET_S = 30.0
#: Arm -> its modalities, and how well it separates the classes.
ARMS = {
    "fused": (("image", "record"), 1.2),
    "record": (("record",), 0.8),
    "image": (("image",), 0.9),
    "attention": (("image", "record"), 1.1),
    "late": (("image", "record"), 1.05),
    "logistic": (("record",), 0.75),
}


def make_study(folder):
    """The study of the run."""
    arms = {name: {"modalities": list(members)} for name, (members, _) in ARMS.items()}
    arms["attention"]["fusion"] = "attention"
    arms["late"]["fusion"] = "late_average"
    arms["logistic"]["baseline"] = "logistic_regression"
    tables = {
        "study": {"name": "report-speed", "question": "Does the image add?"},
        "cohort": {"table": "patients.csv"},
        "task": {"target": "diagnosis", "positive": "malignant"},
        "modalities": {
            "image": {"kind": "image", "files": "{file}"},
            "record": {"kind": "table", "numeric": ["age"], "categorical": ["sex", "site"]},
        },
        "arms": arms,
        "evaluation": {"folds": FOLDS, "repeats": REPEATS, "subgroups": ["sex", "site"],
                       "primary": {"arm": "fused", "reference": "record"}},
    }  # fmt: skip
    return Study.from_tables(tables, path=folder / "study.toml")


def make_predictions(splits, outcome, patients, rng):
    """Predictions of every arm on the validation and test patients of every split."""
    index = {patient: i for i, patient in enumerate(patients)}
    has_image = rng.random(len(patients)) > 0.05
    tables = []
    for arm, (members, strength) in ARMS.items():
        for split in splits:
            named = [(index[p], part) for p, part in split.parts.items() if part != "train"]
            rows = np.asarray([i for i, _ in named])
            parts = np.asarray([part for _, part in named])
            if members == ("image",):
                rows, parts = rows[has_image[rows]], parts[has_image[rows]]
            logit = rng.normal(size=len(rows)) + strength * (2 * outcome[rows] - 1) * 0.7
            p = 1 / (1 + np.exp(-logit))
            present = ["+".join(m for m in members if m != "image" or has_image[i]) for i in rows]
            ids = np.asarray(patients)[rows]
            tables.append(
                PredictionTable(
                    patient_id=ids,
                    unit_id=ids,
                    arm=np.full(len(rows), arm),
                    repeat=np.full(len(rows), split.repeat),
                    fold=np.full(len(rows), split.fold),
                    part=parts,
                    modalities=np.asarray(present),
                    outcome=outcome[rows],
                    outcome_name="diagnosis",
                    classes=("benign", "malignant"),
                    probabilities=np.column_stack([1 - p, p]),
                )
            )
    return concatenate(tables)


def write_inputs(folder, study, columns, labels, patients, rng):
    """Files that a run has before it is scored: study, counts, Table 1, training curves."""
    (folder / "study.toml").write_text(study.to_toml(), encoding="utf-8")
    table1 = table_one(columns, ["age"], ["sex", "site"], labels, patients)
    write_table_one(folder / "table1.json", table1)
    counts = Counter(labels)
    cohort = {
        "patients": len(patients), "rows": len(patients), "outcome": counts,
        "outcome_rows": counts, "flow": [], "notes": [],
        "modalities": {"image": {"files": 1900, "patients": 1900}},
        "missing": {name: sum(c is None for c in cells) for name, cells in columns.items()},
    }  # fmt: skip
    (folder / "cohort.json").write_text(json.dumps(cohort), encoding="utf-8")
    for arm in ARMS:
        for fit in range(FOLDS * REPEATS if arm != "logistic" else 0):
            path = folder / "models" / arm / f"{fit // FOLDS + 1}-{fit % FOLDS + 1}" / "history.csv"
            path.parent.mkdir(parents=True)
            with path.open("w", encoding="utf-8", newline="") as handle:
                writer = csv.writer(handle)
                writer.writerow(["epoch", "train_loss", "validation_loss", "learning_rate"])
                loss = 0.7 * np.exp(-np.arange(40) / 12) + rng.normal(0, 0.01, 40)
                writer.writerows([i + 1, x, x + 0.1, 1e-4] for i, x in enumerate(loss))
    return table1


def evidence(folder, study, table, table1, columns, patients, metrics, splits):
    """Every topic that reads predictions alone; topic -> seconds."""
    keys, rng = study.keys.evaluation, np.random.default_rng(1)
    thresholds, _ = choose_thresholds(table, keys.threshold)
    by_patient = {name: dict(zip(patients, columns[name], strict=True)) for name in keys.subgroups}
    sizes = {(s.repeat, s.fold): Counter(s.parts.values()) for s in splits}
    topics = {
        "calibration": lambda: calibration_document(table),
        "decisions": lambda: decisions_document(
            table, threshold=keys.threshold, thresholds=thresholds, primary=study.primary,
            n_bootstrap=keys.bootstrap, rng=rng, prevalences=[],
        ),
        "abstention": lambda: abstention_document(
            table, coverage=0.9, by="all", refer_below=0.7, thresholds=thresholds, rng=rng,
            subgroups=by_patient,
        ),
        "tests": lambda: significance_document(
            table, study.primary, threshold=keys.threshold, n_bootstrap=keys.bootstrap, rng=rng,
            margin=0.0, sizes=sizes,
        ),
        "subgroups": lambda: subgroups_document(
            table, by_patient, primary=study.primary, threshold=keys.threshold
        ),
        "subsets": lambda: subsets_document(table, None, threshold=keys.threshold),
        "sample_size": lambda: sample_size_document(study.as_tables(), table1, table, metrics),
    }  # fmt: skip
    seconds = {}
    for topic, make in topics.items():
        start = time.process_time()
        with one_thread():  # as the program itself gathers evidence
            document = make()
        if document is not None:
            write_evidence(folder, topic, document)
        seconds[topic] = time.process_time() - start
    return seconds


def main():
    """Make the run, time each step, print the sum beside the budget."""
    rng = np.random.default_rng(0)
    patients = [f"p{i:04d}" for i in range(N_PATIENTS)]
    outcome = (rng.random(N_PATIENTS) < 0.4).astype(np.int64)
    labels = [("benign", "malignant")[k] for k in outcome]
    columns = {
        "age": [f"{x:.0f}" if rng.random() > 0.1 else None for x in rng.normal(60, 12, N_PATIENTS)],
        "sex": rng.choice(["f", "m"], N_PATIENTS).tolist(),
        "site": rng.choice(["a", "b", "c"], N_PATIENTS).tolist(),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        folder.mkdir()
        study = make_study(Path(name))
        splits = split_patients(
            patients, outcome, folds=FOLDS, repeats=REPEATS, holdout=None, validation=0.15,
            seed=1, classes=("benign", "malignant"),
        )  # fmt: skip
        table = make_predictions(splits, outcome, patients, rng)
        table1 = write_inputs(folder, study, columns, labels, patients, rng)
        write_predictions(folder / "predictions.csv", table)
        clock, start = time.perf_counter(), time.process_time()
        metrics = write_scores(folder, study, table, splits)
        scores_s = time.process_time() - start
        topics = evidence(folder, study, table, table1, columns, patients, metrics, splits)
        start = time.process_time()
        write_report(folder)
        report_s = time.process_time() - start
        clock_s = time.perf_counter() - clock
        page_mib = (folder / "report.html").stat().st_size / 2**20
    total = scores_s + sum(topics.values()) + report_s
    result = {
        "benchmark": "report_speed",
        "rows": table.n_rows,
        "scores_s": round(scores_s, 1),
        "evidence_s": {topic: round(s, 1) for topic, s in topics.items()},
        "report_s": round(report_s, 1),
        "processor_s": round(total, 1),
        "clock_s": round(clock_s, 1),
        "budget_s": BUDGET_S,
        "within": total < BUDGET_S,
        "page_mib": round(page_mib, 1),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
