"""The section on sets, referral and uncertainty."""

from typing import Any

import numpy as np

from tumorboard.evaluation.abstention import abstention_document
from tumorboard.evaluation.evidence import write_evidence
from tumorboard.evaluation.uncertainty import MemberPredictions, uncertainty_document
from tumorboard.report.abstention import section
from tumorboard.report.contents import read_classes


def written(run, **more):
    words: dict[str, Any] = {"coverage": 0.8, "by": "all", "refer_below": 0.6, **more}
    rng = np.random.default_rng(0)
    document = abstention_document(run.table, thresholds={}, rng=rng, **words)
    write_evidence(run.folder, "abstention", document)
    return document


def test_no_evidence_no_section(make_run, tmp_path):
    run = make_run(tmp_path, n_patients=40, arms=("fused", "record"))
    assert section(read_classes(run.folder)) is None


def test_section_shows_sets_referral_groups_and_uncertainty(make_run, tmp_path):
    run = make_run(tmp_path, n_patients=120, arms=("fused", "record"))
    groups = {p: "dense" if int(p[-1]) % 2 else "fatty" for p in run.table.patient_id.tolist()}
    document = written(run, subgroups={"Tissue": groups})
    rng = np.random.default_rng(0)
    members = rng.dirichlet([1, 1], size=(4, 60))
    model = MemberPredictions(1, 1, np.arange(60), rng.integers(0, 2, size=60), members)
    write_evidence(run.folder, "uncertainty", uncertainty_document({"fused": [model]}))
    made = section(read_classes(run.folder))
    assert made is not None
    held = document["arms"]["fused"]["sets"]["all"]["value"]
    assert f"made for 80.0 % hold the true class in {100 * held:.1f} %" in made.lead
    assert "are referred to a human" in made.lead
    for word in ("dense", "epistemic", "4 members", "the largest probability is below 0.6"):
        assert word in made.html
    # stopping and calibration used the patients of the quantiles: no exact promise is made
    assert "it is approximate and the measured share counts" in made.html
    assert (run.folder / "figures" / "abstention.png").is_file()


def test_several_classes_without_sets_or_rules(make_run, tmp_path):
    run = make_run(tmp_path, n_patients=60, arms=("fused", "record"), classes=("a", "b", "c"))
    document = written(run, coverage=None, refer_below=0.0)
    made = section(read_classes(run.folder))
    assert made is not None
    area = document["arms"]["fused"]["risk_coverage"]["aurc"]["value"]
    assert made.lead.startswith(f"The area below the risk-coverage curve of fused is {area:.3f}")
    assert "Refer to a human" not in made.html


def test_too_few_validation_patients_are_shown(make_run, tmp_path):
    run = make_run(tmp_path, n_patients=40, arms=("fused", "record"))
    written(run, coverage=0.95)
    made = section(read_classes(run.folder))
    assert made is not None
    assert "validation patients, and 19 are needed" in made.html


def test_sets_that_hold_everything_keep_nobody_and_are_remarked_on_once(make_run, tmp_path):
    run = make_run(tmp_path, n_patients=40, arms=("fused", "record"))
    written(run, coverage=0.99)
    made = section(read_classes(run.folder))
    assert made is not None
    assert "holds all 2 classes: the sets rule nothing out." in made.lead
    assert "Everybody is referred to a human and nobody kept" in made.lead
    assert "\N{EN DASH}" not in made.lead
    assert made.html.count("99 are needed") == 1
    assert "(20 of 20 models)" in made.html
