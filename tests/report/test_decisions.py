"""The section on decisions: its lead, tables, figure and the reader's prevalence."""

import re

import numpy as np
import pytest

from tumorboard.evaluation.decisions import decisions_document
from tumorboard.evaluation.evidence import write_evidence
from tumorboard.report.contents import read_classes
from tumorboard.report.decisions import _ranges, section
from tumorboard.study_keys import Primary, Threshold


def written(run, **more):
    document = decisions_document(
        run.table, threshold=Threshold(), thresholds={}, n_bootstrap=100,
        rng=np.random.default_rng(0), prevalences=[0.1],
        primary=Primary(arm="fused", reference="record", metric="auroc"), **more,
    )  # fmt: skip
    write_evidence(run.folder, "decisions", document)
    return document


def test_no_evidence_no_section(make_run, tmp_path):
    run = make_run(tmp_path, n_patients=40, arms=("fused", "record"))
    assert section(read_classes(run.folder)) is None


def test_section_shows_curves_points_and_the_readers_prevalence(make_run, tmp_path):
    run = make_run(tmp_path, n_patients=120, arms=("fused", "record"))
    document = written(run)
    made = section(read_classes(run.folder))
    assert made is not None
    assert "is worth more than treating everybody or nobody" in made.lead
    point = document["points"]["fused"]
    ppv = point["at"][0]["ppv"]["value"]
    assert f"<td>{100 * ppv:.1f} %<small>" in made.html
    shown = re.search(r'<tr[^>]*data-sensitivity-value="([^"]+)"', made.html)
    assert shown is not None
    assert float(shown.group(1)) == pytest.approx(point["sensitivity"]["value"], abs=1e-6)
    assert 'id="prevalence-slider"' in made.html
    assert "http" not in made.html  # nothing is fetched
    assert (run.folder / "figures" / "decisions.svg").is_file()
    difference = document["classes"]["malignant"]["difference"]["difference"][29]
    assert f"{difference:+.3f}".replace("-", "\N{MINUS SIGN}") in made.html


def test_several_classes_have_curves_and_no_slider(make_run, tmp_path):
    run = make_run(tmp_path, n_patients=90, arms=("fused", "record"), classes=("a", "b", "c"))
    written(run)
    made = section(read_classes(run.folder))
    assert made is not None
    assert made.html.count("<svg") == 3
    assert "prevalence-slider" not in made.html


def test_a_useless_model_is_called_so(make_run, tmp_path):
    run = make_run(tmp_path, n_patients=60, arms=("fused", "record"))
    run.table.probabilities[:] = 1 - run.table.probabilities
    document = written(run)
    curve = document["classes"]["malignant"]["arms"]["fused"]
    curve["net_benefit"] = [-1.0] * 99
    write_evidence(run.folder, "decisions", document)
    made = section(read_classes(run.folder))
    assert made is not None
    assert made.lead.startswith("At no threshold are decisions by fused worth more")


def test_patients_of_the_arms_are_said(make_run, tmp_path):
    run = make_run(tmp_path, n_patients=80, arms=("fused", "record", "ultrasound"))
    document = written(run)
    n = document["patients"]["n"]
    assert 0 < n < 80
    made = section(read_classes(run.folder))
    assert made is not None
    assert f"on the same {n} patients, those that all arms predicted" in made.html
    document["patients"] = {"n": 0, "is_common": False}
    write_evidence(run.folder, "decisions", document)
    made = section(read_classes(run.folder))
    assert made is not None
    assert "compared with treating all of its own patients" in made.html
    gain = document["classes"]["malignant"]["arms"]["fused"]["gain"][4]
    assert f"{gain:+.3f}".replace("-", "\N{MINUS SIGN}") in made.html


def test_ranges_of_thresholds_are_words():
    at = np.arange(1, 10) / 10
    assert _ranges(at, np.array([0, 0, 1, 0, 0, 0, 0, 0, 0])) == "0.30"
    assert _ranges(at, np.array([1, 0, 1, 1, 0, 0, 0, 0, 0])) == "0.10 and 0.30 to 0.40"
    many = _ranges(at, np.array([1, 0, 1, 1, 0, 1, 0, 1, 0]))
    assert many == "0.30 to 0.40 and 3 shorter ranges"
