from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tumorboard.evaluation.evidence import write_evidence
from tumorboard.evaluation.subgroups import subgroups_document
from tumorboard.report.contents import read_classes
from tumorboard.report.subgroups import section, subgroup_figure
from tumorboard.study_keys import Primary, Threshold


def written(run, *, arm: str = "fused"):
    ids = sorted(set(run.table.patient_id.tolist()))
    rng = np.random.default_rng(0)
    site = {p: ("rare" if i < 4 else "<b>north</b>" if i % 2 else "") for i, p in enumerate(ids)}
    age = {p: f"{rng.normal(60, 10):.1f}" for p in ids}
    document = subgroups_document(
        run.table, {"site": site, "age": age}, primary=Primary(arm=arm, reference="record"),
        threshold=Threshold(),
    )  # fmt: skip
    write_evidence(run.folder, "subgroups", document)
    return document


@pytest.mark.parametrize("classes", [("benign", "malignant"), ("naevus", "melanoma", "keratosis")])
def test_groups_are_shown_and_small_ones_refused(
    tmp_path: Path, make_run: Callable[..., object], classes
) -> None:
    run = make_run(tmp_path / "run", classes=classes, n_patients=120)
    document = written(run)
    found = section(read_classes(tmp_path / "run"))
    assert found is not None
    assert "1 of 6 groups have fewer than 10 patients" in found.lead
    assert "not reported: fewer than 10 patients" in found.html
    assert "&lt;b&gt;north&lt;/b&gt;" in found.html
    assert "tertiles of these patients" in found.html
    group = document["columns"][1]["groups"][0]
    assert f"{group['arms']['fused']['auroc']['value']:.3f}" in found.html
    assert (tmp_path / "run" / "figures" / "subgroups.svg").is_file()


def test_every_group_has_a_place_and_refused_ones_a_sentence(tmp_path: Path, make_run) -> None:
    run = make_run(tmp_path / "run", n_patients=120)
    document = written(run)
    figure = subgroup_figure(document, metric="auroc", arms=["fused", "record"])
    left, right = figure.axes
    labels = [label.get_text() for label in left.get_yticklabels()]
    assert labels[0] == "site"
    assert [text.get_text() for text in left.texts] == ["1 to 9 patients: not reported"]
    assert len(labels) == 2 + 6
    assert right.get_title(loc="left") == "Gain"


def test_one_arm_alone_has_no_gain(tmp_path: Path, make_run) -> None:
    run = make_run(tmp_path / "run", n_patients=120)
    written(run, arm="record")
    found = section(read_classes(tmp_path / "run"))
    assert found is not None
    assert "gain" not in found.lead
    assert "gain over" not in found.html


def test_a_run_without_the_evidence_has_no_section(tmp_path: Path, make_run) -> None:
    make_run(tmp_path / "run", n_patients=40)
    assert section(read_classes(tmp_path / "run")) is None
