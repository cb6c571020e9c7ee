"""Survival from a record and genes, from the study file to the report and to new patients."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import tumorboard
from tumorboard.errors import InputError, StudyError
from tumorboard.evaluation.outcome_files import read_outcomes
from tumorboard.formats.hgnc import nomenclature
from tumorboard.prediction.model import Model
from tumorboard.study_keys import Evaluation
from tumorboard.verbs.check import check
from tumorboard.verbs.evaluate import evaluate
from tumorboard.verbs.explain import explain
from tumorboard.verbs.export import export
from tumorboard.verbs.fit import fit
from tumorboard.verbs.predict import predict
from tumorboard.verbs.table import write_table

GENES = sorted(name for name in nomenclature().approved if name.startswith("KRT"))[:30]
STUDY = """
[study]
name = "small"
seed = 1
[cohort]
table = "patients.csv"
[task]
kind = "survival"
time = "days"
event = "died"
time_unit = "days"
event_value = "1"
[modalities.record]
kind = "table"
numeric = ["age"]
encoder = {name = "mlp", widths = [4]}
[modalities.rna]
kind = "expression"
table = "genes/rna.csv"
scale = "log2_tpm"
gene_sets = "genes/sets.gmt"
encoder = {name = "mlp", widths = [4]}
[arms]
cox = {modalities = ["record"], baseline = "cox"}
fused = {modalities = ["record", "rna"], fusion = "concatenation"}
[training]
epochs = 2
batch_size = 32
modality_dropout = 0.0
optimizer = {learning_rate = 1e-2}
[evaluation]
folds = 2
bootstrap = 100
primary = {arm = "fused", reference = "cox", metric = "c_index"}
external = {elsewhere = "other/patients.csv"}
explain = ["permutation_importance", "gene_attribution", "grad_cam"]
[runtime]
device = "cpu"
precision = "32"
"""


#: What a study asks whose author names nothing.
ASKS_DEFAULT = f"evaluation.explain={json.dumps(Evaluation().explain)}"


def write_patients(folder: Path, n: int, name: str, rng: np.random.Generator) -> np.ndarray:
    """A table of ages that tell the time to death; the ages are returned."""
    folder.mkdir(parents=True)
    age = rng.normal(60, 10, n).round(1)
    died = rng.exponential(900 * np.exp(-(age - 60) / 10))
    left = rng.exponential(1500, n)
    rows = zip(age, np.ceil(np.minimum(died, left)), died <= left, strict=True)
    lines = [f"{name}{i},{a},{int(t)},{int(d)}" for i, (a, t, d) in enumerate(rows)]
    (folder / "patients.csv").write_text("\n".join(["patient_id,age,days,died", *lines]) + "\n")
    return age


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("numbers") / "cohort", np.random.default_rng(0)
    age = write_patients(folder, 80, "P", rng)
    write_patients(folder / "other", 30, "Q", rng)
    (folder / "genes").mkdir()
    tpm = 2 ** (6 + (age[:, None] - 60) / 20 + rng.normal(0, 0.5, (80, 30)))
    values = np.log2(1e6 * tpm / tpm.sum(axis=1, keepdims=True) + 1)
    lines = ["patient," + ",".join(GENES)]
    lines += [f"P{i}," + ",".join(map(repr, v.tolist())) for i, v in enumerate(values) if i % 10]
    (folder / "genes" / "rna.csv").write_text("\n".join(lines) + "\n")
    (folder / "genes" / "sets.gmt").write_text("SET\tx\t" + "\t".join(GENES[:10]) + "\n")
    (folder / "study.toml").write_text(STUDY)
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    evaluate(folder / "study.toml", out=folder / "run")
    return folder / "run"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_tables_and_gene_sets_are_inputs_of_the_run(folder: Path, run: Path) -> None:
    manifest = {row["path"]: row for row in rows_of(run / "manifest.csv")}
    for name in ("genes/rna.csv", "genes/sets.gmt"):
        assert manifest[name]["state"] == "used"
        assert manifest[name]["modality"] == "rna"
        assert len(manifest[name]["sha256"]) == 64
    cohort = json.loads((run / "cohort.json").read_text())
    assert cohort["modalities"]["rna"] == {"files": 2, "patients": 72}
    said = [note for note in cohort["notes"] if "one row per patient" in note]
    assert len(said) == 1
    assert said[0].startswith("rna: rna.csv: ")
    assert said[0] in (run / "report.html").read_text()
    lines = check(folder / "study.toml", estimate_time=False).lines
    assert lines.count(said[0]) == 1
    assert "external cohort elsewhere: rna: no table rna.csv here: nobody has it" in lines


def test_every_subset_is_predicted_and_what_was_not_learned_is_marked(run: Path) -> None:
    rows = rows_of(run / "probes.csv")
    assert {"probe", "strength", "risk_score"} <= set(rows[0])
    table = read_outcomes(run / "predictions.csv")
    test = table.take(table.part == "test")
    fused = [row for row in rows if row["arm"] == "fused"]
    shown = {(row["probe"], row["modalities"]): 0 for row in fused}
    for row in fused:
        shown[row["probe"], row["modalities"]] += 1
    assert shown == {
        ("none", "record+rna"): 72, ("none", "record"): 8,
        ("missing_modality", "record"): 72, ("missing_modality", "rna"): 72,
    }  # fmt: skip
    assert {row["probe"] for row in rows if row["arm"] == "cox"} == {"none"}
    # what was as it was is what predictions.csv holds
    own = {(r["unit_id"], r["fold"]): float(r["risk_score"]) for r in fused if r["probe"] == "none"}
    side = test.of_arm("fused")
    for unit, fold, values in zip(side.unit_id, side.fold, side.predictions, strict=True):
        assert own[str(unit), str(fold)] == values[0]
    subsets = json.loads((run / "evidence" / "subsets.json").read_text())
    assert subsets["metrics"] == ["c_index", "integrated_brier"]
    entries = {entry["modalities"]: entry for entry in subsets["arms"]["fused"]["shown"]}
    assert list(entries) == ["record+rna", "record", "rna"]
    # eight patients have no genes, so training met the record alone, but never the genes alone
    assert [entry["is_learned"] for entry in entries.values()] == [True, True, False]
    assert entries["record"]["n_patients"] == 80
    assert entries["rna"]["drop"]["c_index"]["ci_low"] is not None
    page = (run / "report.html").read_text()
    assert page.count("<small>not learned</small>") == 1


def test_new_patients_without_any_table_of_genes(folder: Path, run: Path, tmp_path: Path) -> None:
    model = run / "models" / "fused" / "1-1"
    report = predict(model, cohort=folder / "other" / "patients.csv", out=tmp_path / "p.csv")
    assert set(report.predictions.modalities) == {"record"}
    assert len(report.predictions.unit_id) == 30
    assert "rna: no table rna.csv here: nobody has it" in report.lines
    assert Model.open(model).predict(folder / "patients.csv").modalities.count("record+rna") == 72
    external = json.loads((run / "evidence" / "external.json").read_text())
    notes = external["cohorts"]["elsewhere"]["notes"]
    assert "rna: no table rna.csv here: nobody has it" in notes


def test_explained_over_all_patients(folder: Path, run: Path, tmp_path: Path) -> None:
    model, table, out = run / "models" / "fused" / "1-1", folder / "patients.csv", tmp_path / "out"
    report = explain(model, cohort=table, data=folder, out=out)
    rows = report.explanations.importance
    assert {row.explainer for row in rows} == {"permutation_importance", "gene_attribution"}
    falls = {row.feature: row for row in rows if row.explainer == "permutation_importance"}
    assert set(falls) == {"age", *GENES, "record", "rna"}
    assert {row.metric for row in falls.values()} == {"c_index"}
    assert {row.target for row in report.explanations.attributions} == {"risk_score"}
    assert {row.scale for row in report.explanations.attributions} == {"output"}
    assert not (out / "index.html").exists()
    refused = "not asked: grad_cam: grad_cam explains classes, and the task of fused is survival."
    assert refused in report.lines
    with pytest.raises(InputError, match=r"--explainer tree_shap: tree_shap explains classes"):
        explain(model, cohort=table, out=out, explainers=["tree_shap"])
    with pytest.raises(InputError, match=r"--patients: a model of survival is explained over all"):
        explain(model, cohort=table, out=out, patients=["P1"])


def test_questions_of_classes_that_nobody_named_are_not_refused_one_by_one(
    folder: Path, tmp_path: Path
) -> None:
    fit(folder / "study.toml", out=tmp_path / "model", arm="cox", overrides=[ASKS_DEFAULT])
    card = (tmp_path / "model" / "MODEL_CARD.md").read_text("utf-8")
    assert "Gives a risk score for every patient" in card
    assert "Probabilities were not calibrated" not in card
    assert "| train | " in card
    table = folder / "patients.csv"
    report = explain(tmp_path / "model", cohort=table, data=folder, out=tmp_path / "out")
    refused = [line for line in report.lines if line.startswith("not asked")]
    assert refused == ["not asked: gene_attribution: cox is a baseline without a gradient."]
    opened = tumorboard.open(tmp_path / "model")
    assert isinstance(opened, Model)
    assert opened.predict(table, data=folder).classes == ()


def test_verbs_that_have_nothing_to_do_say_so(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="none is of kind patches; there is nothing to export"):
        export(folder / "study.toml", out=tmp_path / "patches")
    report = write_table(folder / "study.toml", out=tmp_path / "table.csv")
    assert report.lines[-1].startswith("80 rows of 80 patients, 4 columns written")


def test_the_report_shows_what_the_arms_rely_on(run: Path) -> None:
    page = (run / "report.html").read_text()
    assert 'id="explanations"' in page
    assert "C-index falls by" in page
    # ten of the thirty genes are the one set of the study
    assert 'id="enrichment"' in page
    enrichment = json.loads((run / "evidence" / "enrichment.json").read_text())
    assert enrichment["source"] == "sets.gmt"
    assert list(enrichment["arms"]) == ["fused"]
