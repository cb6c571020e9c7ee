"""The sections of subsets, of the next test and of poor images say what the evidence says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tumorboard.evaluation.evidence import write_evidence
from tumorboard.evaluation.input_quality import quality_document
from tumorboard.evaluation.next_test import next_test_document
from tumorboard.evaluation.subsets import subsets_document
from tumorboard.report import input_quality
from tumorboard.report.contents import read_classes
from tumorboard.report.subsets import section
from tumorboard.study_keys import Threshold

sys.path.insert(0, str(Path(__file__).parent))

from made_probes import make_probes


@pytest.mark.parametrize("classes", [("benign", "malignant"), ("a", "b", "c")])
def test_subsets_and_next_test(tmp_path, make_run, classes) -> None:
    run = make_run(
        tmp_path, n_patients=120, n_repeats=2, n_folds=2, classes=classes,
        arms=("record", "ultrasound", "fused"),
    )  # fmt: skip
    assert section(read_classes(run.folder)) is None
    probes = make_probes(run.table)
    subsets = subsets_document(run.table, probes, threshold=Threshold())
    write_evidence(run.folder, "subsets", subsets)
    document = next_test_document(run.table, probes, threshold=Threshold())
    write_evidence(run.folder, "next_test", document)
    made = section(read_classes(run.folder))
    assert made is not None
    whole = subsets["arms"]["fused"]["shown"][0]
    value = whole["metrics"]["auroc"]["value"]
    who = f"in the {whole['n_patients']} who have them"
    assert made.lead.startswith(
        f"fused reaches an AUROC of {value:.3f} with all its modalities {who}, "
    )
    lacking = document["arms"]["fused"]["patients"][0]["unit_id"]
    for text in ("of whom this is all", "The value of the next test", lacking, "measure next"):
        assert text in made.html
    assert ("calibration slope" in made.html.split("</figure>")[1]) == (len(classes) == 2)
    assert "None" not in made.html
    assert (run.folder / "figures" / "subsets.png").is_file()


def test_arms_of_one_modality_have_no_section(tmp_path, make_run) -> None:
    run = make_run(tmp_path, n_patients=40, n_repeats=1, n_folds=2, arms=("record", "fused"))
    alone = run.table.of_arm("record")
    document = subsets_document(alone, None, threshold=Threshold())
    write_evidence(run.folder, "subsets", document)
    assert section(read_classes(run.folder)) is None


def test_poor_images(tmp_path, make_run) -> None:
    run = make_run(tmp_path, n_patients=60, n_repeats=1, n_folds=2, arms=("record", "fused"))
    assert input_quality.section(read_classes(run.folder)) is None
    document = quality_document(
        make_probes(run.table), run.table, images=("ultrasound",), threshold=Threshold()
    )
    assert document is not None
    write_evidence(run.folder, "quality", document)
    made = input_quality.section(read_classes(run.folder))
    assert made is not None
    assert made.lead.startswith("The quality score warns of ")
    assert "of more than 90 % at the greatest strength of noise, blur, motion." in made.lead
    assert "100.0 %<small>0.4</small>" in made.html


def test_what_the_quality_score_did_not_see_is_read_from_the_run(tmp_path, make_run) -> None:
    run = make_run(tmp_path, n_patients=60, n_repeats=1, n_folds=2, arms=("record", "fused"))
    document = quality_document(
        make_probes(run.table), run.table, images=("ultrasound",), threshold=Threshold()
    )
    assert document is not None
    for share in (0.05, 1.0):
        for rate in document["arms"]["fused"]["rates"]:
            if rate["probe"] == "rotation":
                rate["flagged"]["value"] = share
        write_evidence(run.folder, "quality", document)
        made = input_quality.section(read_classes(run.folder))
        assert made is not None
        assert ("saw little of rotation:" in made.html) == (share < 0.1)
        assert "does not see" not in made.html
