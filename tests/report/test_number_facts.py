"""What the cards and checklists of a run of survival times or of other numbers say."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.sample_size import sample_size_of_numbers
from tumorboard.report.card_answers import certainty, decision, gives
from tumorboard.report.checklist_item import fill_in
from tumorboard.report.claim import CLAIM
from tumorboard.report.contents import read_contents
from tumorboard.report.run_facts import facts_of
from tumorboard.report.tripod_ai import TRIPOD_AI
from tumorboard.verbs.evaluate import evaluate

STUDY = """
[study]
name = "small"
seed = 1
[cohort]
table = "patients.csv"
[task]
{task}
[modalities.record]
kind = "table"
numeric = ["age"]
categorical = ["sex"]
encoder = {{name = "mlp", widths = [4]}}
[arms]
mlp = {{modalities = ["record"]}}
trees = {{modalities = ["record"], baseline = "gradient_boosting"}}
[training]
epochs = 1
[evaluation]
folds = 2
bootstrap = 100
subgroups = ["sex"]
locked_test = 0.2
margin = 0.05
probes = ["missing_values"]
explain = []
primary = {{arm = "mlp", reference = "trees"}}
[runtime]
device = "cpu"
precision = "32"
"""
TASKS = {
    "survival": 'kind = "survival"\ntime = "days"\nevent = "died"\ntime_unit = "days"\n'
    'event_value = "1"\nhorizons_days = [300]',
    "regression": 'kind = "regression"\ntarget = "size_mm"',
}


@pytest.fixture(scope="module", params=["survival", "regression"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp(request.param), np.random.default_rng(0)
    age = rng.normal(60, 10, 90).round(1)
    died, left = rng.exponential(900 * np.exp(-(age - 60) / 10)), rng.exponential(1500, 90)
    size_mm = age / 3 + rng.normal(0, 4, 90)
    rows = zip(age, np.ceil(np.minimum(died, left)), died <= left, size_mm, strict=True)
    lines = [f"P{i},{a},{'fm'[i % 2]},{int(t)},{int(d)},{s:.2f}"
             for i, (a, t, d, s) in enumerate(rows)]  # fmt: skip
    header = "patient_id,age,sex,days,died,size_mm"
    (folder / "patients.csv").write_text("\n".join([header, *lines]) + "\n")
    (folder / "study.toml").write_text(STUDY.format(task=TASKS[request.param]))
    evaluate(folder / "study.toml", out=folder / "run")
    return folder / "run"


def test_cards_and_checklists_of_a_run_of_numbers(run: Path) -> None:
    contents = read_contents(run)
    is_survival = contents.study["task"]["kind"] == "survival"
    leading = "c_index" if is_survival else "r2"
    card = (run / "MODEL_CARD.md").read_text("utf-8")
    assert ("a risk score" if is_survival else "a number for every patient") in card
    assert f"| {leading} | {contents.metrics['mlp'][leading].value:.3f} |" in card
    assert ("| events |" in card) is is_survival
    assert "nothing is called" in card
    assert "### Locked test set: 18 patients" in card
    for word in ("class", "Probabilities were not calibrated", "prediction set"):
        assert word not in card
    applied = json.loads((run / "applied-model-card.json").read_text("utf-8"))
    assert applied["metrics"][leading]["value"] == contents.metrics["mlp"][leading].value
    assert applied["decision"]["threshold"] is None
    assert (run / "checklists.docx").is_file()
    with (run / "checklists.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 52 + 44
    page = (run / "report.html").read_text("utf-8")
    assert 'id="checklists"' in page
    assert 'id="subgroups"' in page
    assert 'id="degradation"' in page
    assert "within 0.05" in contents.answer
    assert "Probabilities were not calibrated" not in page


def test_what_the_run_says_to_each_item(run: Path) -> None:
    contents = read_contents(run)
    is_survival = contents.study["task"]["kind"] == "survival"
    facts = facts_of(contents)
    said = {row.item.number: row.answer for row in fill_in(TRIPOD_AI, facts)}
    imaging = {row.item.number: row.answer for row in fill_in(CLAIM, facts)}
    assert all(answer.text.strip() for answer in (*said.values(), *imaging.values()))
    n_events = contents.n_units.get("event")
    if is_survival:
        assert f"{n_events} with the event, {72 - (n_events or 0)} censored" in said["8a"].text
        assert "Median follow-up" in said["8a"].text
        assert "the probability of no event within 300 days" in said["15"].text
        assert "Calibration at each horizon" in said["13"].text
        assert "C-index" in said["23a"].text
    else:
        assert "Outcome size_mm: a number" in said["8a"].text
        assert "in its own unit; nothing is called" in said["15"].text
        assert "Calibration, observed against predicted" in said["13"].text
        assert "R²" in said["23a"].text
    assert said["14"].status == "reported"
    # two parameters (age, one level of sex); half the folds train, 15 % of them validate
    per = ((n_events or 0) if is_survival else 72) * 0.5 * 0.85 / 2
    assert f"mlp: 2 parameters, {per:.1f}" in said["10"].text
    assert "last table of report.html" in imaging["39"].text


def test_answers_by_task() -> None:
    task = {
        "kind": "survival", "unit": "patient", "time": "months", "time_unit": "months",
        "event": "died|x", "event_value": "yes",
    }  # fmt: skip
    survival = {"study": {"task": task}, "values": {"horizons_days": "365,730"}, "classes": []}
    assert "within 365, 730 days. The event is `died\\|x` = yes" in gives(survival)
    risks = {**survival, "values": {"horizons_days": ""}}
    assert "probability of no event" not in gives(risks)
    targets = {"kind": "regression", "target": ["a", "b"], "unit": "row"}
    numbers = {"study": {"task": targets}, "classes": []}
    assert (
        gives(numbers)
        == "Gives a number for every row, in the unit of the training table: `a`, `b`."
    )
    assert "mean absolute error" in " ".join(certainty(numbers))
    assert "nothing is called" in " ".join(decision(survival))


def test_events_per_parameter_by_hand() -> None:
    ids = np.asarray([f"p{i}" for i in range(10)])
    ones = np.ones(10, dtype=np.int64)
    outcome = np.column_stack([np.arange(1.0, 11), (np.arange(10) < 4).astype(float)])
    table = OutcomeTable(
        patient_id=ids, unit_id=ids, arm=np.full(10, "record"), repeat=ones, fold=ones,
        part=np.full(10, "test"), modalities=np.full(10, "record"), outcome=outcome,
        outcome_names=("time_days", "event"), predictions=outcome[:, :1],
        prediction_names=("risk_score",),
    )  # fmt: skip
    study = {
        "modalities": {"record": {"kind": "table", "numeric": ["a", "b"]}},
        "arms": {"record": {"modalities": ["record"]}}, "evaluation": {"holdout": [0.5, 0.2, 0.3]},
    }  # fmt: skip
    found = sample_size_of_numbers(study, {}, table)
    assert found["n_events"] == 4
    assert found["arms"] == {"record": {"parameters": 2, "per_parameter": 1.0}}
