"""`pairing = "simulated"` from end to end: everything that such a study writes says so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from docx import Document

from tumorboard.evaluation.pairing import LABEL
from tumorboard.evaluation.run import Run
from tumorboard.evaluation.tables import PredictionTable
from tumorboard.verbs.compare import compare, render
from tumorboard.verbs.evaluate import evaluate
from tumorboard.verbs.explain import explain
from tumorboard.verbs.fit import fit
from tumorboard.verbs.predict import predict

STUDY = """
[study]
name = "strangers"
[cohort]
table = "patients.csv"
patient_id = "patient_id"
[task]
kind = "classification"
target = "diagnosis"
positive = "malignant"
[modalities.record]
kind = "table"
numeric = ["age"]
encoder = "mlp"
[modalities.labs]
kind = "table"
numeric = ["crp"]
encoder = "mlp"
[arms]
record = {modalities = ["record"], baseline = "logistic_regression"}
both = {modalities = ["record", "labs"], fusion = "concatenation"}
[training]
epochs = 1
[evaluation]
folds = 2
bootstrap = 100
pairing = "simulated"
probes = []
explain = ["modality_contribution"]
primary = {arm = "both", reference = "record", metric = "auroc"}
"""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strangers")
    rng = np.random.default_rng(0)
    rows = ["patient_id,age,crp,diagnosis"]
    rows += [
        f"P{i:02d},{rng.normal(50 + 9 * (i % 2), 9):.2f},{rng.normal(5, 2):.3f},"
        f"{('benign', 'malignant')[i % 2]}"
        for i in range(60)
    ]
    (folder / "patients.csv").write_text("\n".join(rows) + "\n")
    (folder / "study.toml").write_text(STUDY)
    return folder


@pytest.fixture(scope="module")
def run(cohort: Path) -> Run:
    return evaluate(cohort / "study.toml", out=cohort / "run")


def test_everything_that_evaluate_writes(run: Run) -> None:
    assert run.answer.startswith("Simulated pairing")  # the line that the command prints
    folder = run.folder
    page = (folder / "report.html").read_text("utf-8")
    assert "<title>SIMULATED PAIRING: strangers" in page
    body = page[page.index("<body>") :]
    assert body.index(LABEL) < body.index("<h1>")  # before the answer, not somewhere below
    assert body.rindex(LABEL) > body.index("<footer>")
    captions = [part.split("</figcaption>")[0] for part in body.split("<figcaption>")[1:]]
    assert sum(LABEL in caption for caption in captions) >= 5
    assert f"**{LABEL}**" in (folder / "MODEL_CARD.md").read_text("utf-8")
    card = json.loads((folder / "applied-model-card.json").read_text("utf-8"))
    assert card["pairing"] == "simulated"
    assert LABEL in card["warning"]
    assert card["summary"].startswith("Simulated pairing")
    assert json.loads((folder / "cohort.json").read_text("utf-8"))["pairing"] == LABEL
    assert LABEL in (folder / "checklists.csv").read_text("utf-8")
    word = Document(str(folder / "checklists.docx"))
    assert LABEL in [paragraph.text for paragraph in word.paragraphs]
    header, first = (folder / "predictions.csv").read_text("utf-8").splitlines()[:2]
    assert dict(zip(header.split(","), first.split(","), strict=True))["pairing"] == "simulated"
    assert isinstance(run.predictions, PredictionTable)
    assert run.predictions.outcome_name == "diagnosis"  # the column is not taken for an outcome


def test_a_comparison_of_its_predictions(run: Run, tmp_path: Path) -> None:
    assert render(compare([run.folder / "predictions.csv"])).startswith(LABEL)
    rows = (run.folder / "predictions.csv").read_text("utf-8").replace("simulated", "patient")
    (tmp_path / "true.csv").write_text(rows)
    assert LABEL not in render(compare([tmp_path / "true.csv"]))


def test_the_model_its_predictions_and_its_pages(cohort: Path, tmp_path: Path) -> None:
    fit(cohort / "study.toml", out=tmp_path / "model", arm="both")
    assert LABEL in (tmp_path / "model" / "MODEL_CARD.md").read_text("utf-8")
    table = cohort / "patients.csv"
    said = predict(tmp_path / "model", cohort=table, out=tmp_path / "predictions.csv")
    assert said.lines[0] == LABEL
    written = (tmp_path / "predictions.csv").read_text("utf-8").splitlines()
    assert written[0].split(",")[-1] == "pairing"
    assert {line.split(",")[-1] for line in written[1:]} == {"simulated"}
    explained = explain(tmp_path / "model", cohort=table, out=tmp_path / "out", patients=["P03"])
    assert LABEL in explained.lines
    for name in ("index.html", "patients/0001-P03.html"):
        page = (tmp_path / "out" / name).read_text("utf-8")
        assert "<title>SIMULATED PAIRING: " in page
        assert page.index("<h1>") < page.index(LABEL) < page.index('class="device"')
