import json

import numpy as np
import pytest

from tumorboard.evaluation.evidence import write_evidence
from tumorboard.evaluation.rare_class import rare_class_document
from tumorboard.evaluation.results import read_metrics
from tumorboard.report.contents import read_classes
from tumorboard.report.rare_class import lead, section

FOUND = {"found": 31.0, "called": 40.0, "of": 390.0, "differences": {}}


def _number(value: float):
    return {"value": value, "ci_low": None, "ci_high": None}


def _arm(found: float, auroc: float):
    return {
        **FOUND,
        "found": found,
        "sensitivity": _number(found / 390),
        "auprc": _number(0.3),
        "auroc": _number(auroc),
    }


DOCUMENT = {"class": "mitosis", "n_units": 390, "n_all": 25828, "share": 0.0151, "n_patients": 17}


def test_an_auroc_that_flatters_is_said_to() -> None:
    arms = {"fused": _arm(31, 0.994), "more": _arm(120, 0.98)}
    assert lead(DOCUMENT, arms, "annotation") == (
        "mitosis is 390 of 25,828 annotations (1.5 %), of 17 patients. fused finds 31 of the "
        "390, although its AUROC of 0.994 looks as if it found nearly all. more finds most: 120 of "
        "the 390."
    )


def test_an_arm_that_finds_most_of_them_is_not_blamed() -> None:
    said = lead(DOCUMENT, {"fused": _arm(350, 0.994)}, "patient")
    assert said.endswith("(1.5 %). fused finds 350 of the 390.")


def test_section_from_a_run(run_of_three) -> None:
    run = run_of_three
    assert section(read_classes(run.folder)) is None
    reference = json.loads((run.folder / "comparison.json").read_text())[0]["reference"]
    sizes = {(repeat, f): {"train": 80, "test": 20} for repeat in (1, 2, 3) for f in range(1, 6)}
    document = rare_class_document(
        run.table, read_metrics(run.folder / "metrics.json"), reference=reference, sizes=sizes,
        n_bootstrap=100, rng=np.random.default_rng(0),
    )  # fmt: skip
    assert document is not None
    write_evidence(run.folder, "rare_class", document)
    made = section(read_classes(run.folder))
    assert made is not None
    assert made.title == f"The rarest class: {document['class']}"
    assert f"minus {reference}" in made.html
    assert "nan" not in made.html
    shown = document["arms"][reference]["sensitivity"]["value"]
    assert f"{shown:.3f}" in made.html
    gained = next(a["differences"] for name, a in document["arms"].items() if name != reference)
    row = gained["sensitivity"]
    assert row["arm_value"] - row["reference_value"] == pytest.approx(row["value"], abs=1e-12)
    assert f"{row['arm_value']:.3f} \N{MINUS SIGN} {row['reference_value']:.3f}" in made.html


@pytest.fixture
def run_of_three(make_run, tmp_path):
    return make_run(tmp_path, n_patients=90, n_repeats=1, n_folds=3, classes=("x", "y", "z"))
