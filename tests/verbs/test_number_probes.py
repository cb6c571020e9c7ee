"""Regressions from study file to report: columns without arms, and gene sets with probes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import r2_score

from tumorboard.evaluation.outcome_files import read_outcomes
from tumorboard.formats.hgnc import nomenclature
from tumorboard.verbs.evaluate import evaluate
from tumorboard.verbs.fit import fit
from tumorboard.verbs.predict import predict

GENES = sorted(name for name in nomenclature().approved if name.startswith("KRT"))[:30]
SHARED = """
[study]
name = "small"
seed = 1
[cohort]
table = "patients.csv"
[modalities.record]
kind = "table"
numeric = ["age", "marker"]
encoder = {name = "mlp", widths = [4]}
[training]
epochs = 3
batch_size = 32
optimizer = {learning_rate = 1e-2}
[runtime]
device = "cpu"
precision = "32"
"""
COLUMNS = """
[task]
kind = "regression"
target = ["size_mm", "volume_ml"]
[evaluation]
folds = 3
bootstrap = 200
"""
SIGNATURE = """
[task]
kind = "regression"
target = ["gene_set:FIRST", "gene_set:SECOND"]
gene_sets = "sets.gmt"
expression = "rna"
[modalities.rna]
kind = "expression"
table = "rna.csv"
scale = "log2_tpm"
encoder = {name = "mlp", widths = [4]}
[arms]
record = {modalities = ["record"], baseline = "ridge"}
privileged = {modalities = ["record", "rna"], fusion = "concatenation", training = {modality_dropout = 0.3}}
[evaluation]
folds = 2
bootstrap = 100
primary = {arm = "privileged", reference = "record", metric = "r2"}
probes = ["missing_modality"]
[audit]
accept = ["label-proxy"]
"""  # noqa: E501 an arm is one line of TOML


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 patients: the marker tells size and the first set; every tenth has no genes."""
    folder, rng = tmp_path_factory.mktemp("numbers"), np.random.default_rng(0)
    age, marker = rng.normal(60, 10, 80), rng.normal(0, 1, 80)
    size = 30 + 8 * marker + rng.normal(0, 4, 80)
    lines = ["patient_id,age,marker,size_mm,volume_ml"]
    lines += [
        f"P{i},{age[i]:.1f},{marker[i]:.4f},{'' if i == 5 else f'{size[i]:.2f}'},{rng.random():.3f}"
        for i in range(80)
    ]
    (folder / "patients.csv").write_text("\n".join(lines) + "\n")
    noise = rng.normal(0, 0.5, (80, 30))
    tpm = 2 ** (6 + np.where(np.arange(30) < 10, marker[:, None], 0) + noise)
    values = np.log2(1e6 * tpm / tpm.sum(axis=1, keepdims=True) + 1)
    rows = [f"P{i}," + ",".join(map(repr, v.tolist())) for i, v in enumerate(values) if i % 10]
    (folder / "rna.csv").write_text("\n".join(["patient," + ",".join(GENES), *rows]) + "\n")
    sets = {"FIRST": GENES[:10], "SECOND": GENES[15:25]}
    text = "\n".join("\t".join((name, "x", *genes)) for name, genes in sets.items())
    (folder / "sets.gmt").write_text(text + "\n")
    (folder / "columns.toml").write_text(SHARED + COLUMNS)
    (folder / "signature.toml").write_text(SHARED + SIGNATURE)
    return folder


@pytest.fixture(scope="module")
def signature(folder: Path) -> Path:
    evaluate(folder / "signature.toml", out=folder / "signature")
    return folder / "signature"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_a_study_without_arms_has_ridge_beside_the_network(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    evaluate(folder / "columns.toml", out=run)
    table = read_outcomes(run / "predictions.csv")
    assert set(table.arms) == {"record", "ridge"}
    own = table.of_arm("ridge")
    own = own.take(own.part == "test")
    assert len(own.patient_id) == 79  # P5 has no size
    found = json.loads((run / "metrics.json").read_text())["ridge"]
    for k, name in enumerate(("size_mm", "volume_ml")):
        expected = r2_score(own.outcome[:, k], own.predictions[:, k])
        assert found[f"r2_{name}"]["value"] == pytest.approx(expected)
    assert found["r2_size_mm"]["ci_low"] > 0.5  # four fifths of its variance are the marker's
    assert found["r2_volume_ml"]["ci_low"] < 0
    page = (run / "report.html").read_text()
    for said in ("size_mm", "volume_ml", 'id="figure-regression"', "mean absolute error"):
        assert said in page
    fit(folder / "columns.toml", arm="ridge", out=tmp_path / "model")
    report = predict(tmp_path / "model", cohort=folder / "patients.csv", out=tmp_path / "p.csv")
    assert len(report.predictions.unit_id) == 80
    said = {row["unit_id"]: float(row["predicted_size_mm"]) for row in rows_of(tmp_path / "p.csv")}
    cells = {row["patient_id"]: row["size_mm"] for row in rows_of(folder / "patients.csv")}
    pairs = np.asarray([(float(cell), said[p]) for p, cell in cells.items() if cell])
    assert r2_score(pairs[:, 0], pairs[:, 1]) > 0.7


def test_targets_are_scaled_by_the_training_patients_of_each_fold(
    folder: Path, signature: Path
) -> None:
    table = read_outcomes(signature / "predictions.csv")
    splits = rows_of(signature / "splits.csv")
    genes = {r["patient"]: np.asarray([float(r[g]) for g in GENES[:10]], dtype=np.float32)
             for r in rows_of(folder / "rna.csv")}  # fmt: skip
    for fold in (1, 2):
        train = [r["patient_id"] for r in splits if r["fold"] == str(fold) and r["part"] == "train"]
        of_train = np.stack([genes[p] for p in train]).astype(np.float64)
        rows = (table.fold == fold) & (table.part == "test") & (table.arm == "record")
        tested = np.stack([genes[p] for p in table.patient_id[rows].tolist()])
        z = (tested - of_train.mean(axis=0)) / of_train.std(axis=0)
        np.testing.assert_allclose(table.outcome[rows, 0], z.mean(axis=1), rtol=1e-6)
    assert len(set(table.patient_id.tolist())) == 72  # nobody without genes has a score
    page = (signature / "report.html").read_text()
    assert "<small>events</small>" not in page
    assert "standardised<br>difference" not in page  # one group is no groups


def test_what_the_models_say_without_the_genes_is_in_the_probes(signature: Path) -> None:
    rows = rows_of(signature / "probes.csv")
    shown: dict[tuple[str, str], int] = {}
    for row in rows:
        key = row["probe"], row["modalities"]
        shown[key] = shown.get(key, 0) + (row["arm"] == "privileged")
    assert shown == {
        ("none", "record"): 0, ("none", "record+rna"): 72,
        ("missing_modality", "record"): 72, ("missing_modality", "rna"): 72,
    }  # fmt: skip
    # the targets of a hidden modality are those of its fold still
    table = read_outcomes(signature / "predictions.csv")
    test = table.take((table.part == "test") & (table.arm == "privileged"))
    truth = dict(zip(test.unit_id.tolist(), test.outcome[:, 0].tolist(), strict=True))
    for row in rows:
        assert float(row["FIRST"]) == pytest.approx(truth[row["unit_id"]], rel=1e-9)


def test_probes_that_are_written_are_not_made_again(folder: Path, signature: Path) -> None:
    before = (signature / "probes.csv").read_bytes()
    kept = next((signature / "models").rglob("privileged/1-1/probes.csv"))
    at = kept.stat().st_mtime_ns
    (signature / "probes.csv").unlink()
    evaluate(folder / "signature.toml", out=signature)
    assert (signature / "probes.csv").read_bytes() == before
    assert kept.stat().st_mtime_ns == at
