from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tumorboard.evaluation.evidence import write_evidence
from tumorboard.evaluation.significance import significance_document
from tumorboard.report.comparison import head_to_head, section
from tumorboard.report.contents import read_classes
from tumorboard.study_keys import Primary, Threshold


def written(run, *, margin: float = 0.0):
    document = significance_document(
        run.table, Primary(arm="fused", reference="record"), threshold=Threshold(),
        n_bootstrap=100, rng=np.random.default_rng(0), margin=margin,
    )  # fmt: skip
    write_evidence(run.folder, "tests", document)
    return document


@pytest.mark.parametrize("classes", [("benign", "malignant"), ("naevus", "melanoma", "keratosis")])
def test_the_section_has_the_numbers_of_the_evidence(
    tmp_path: Path, make_run: Callable[..., object], classes
) -> None:
    run = make_run(tmp_path / "run", classes=classes, n_patients=90)
    document = written(run, margin=0.02)
    found = section(read_classes(tmp_path / "run"))
    assert found is not None
    first = document["comparisons"][0]
    assert found.lead.startswith("The first line follows fused against record on AUROC alone (p ")
    assert f"{first['difference']:+.3f}".replace("-", "\N{MINUS SIGN}") in found.html
    assert document["non_inferiority"]["sentence"] in found.html
    assert found.html.count('class="primary"') == 2  # in both tables of the primary pair
    assert "naive t" in found.html
    assert "McNemar, mid-p" in found.html
    assert (tmp_path / "run" / "figures" / "head_to_head.png").is_file()


def test_few_folds_are_called_uninformative(tmp_path: Path, make_run) -> None:
    run = make_run(tmp_path / "run", n_repeats=1, n_folds=2, n_patients=40)
    document = written(run)
    found = section(read_classes(tmp_path / "run"))
    assert found is not None
    assert "With 2 folds the signed-rank test cannot give less than 0.5" in found.html
    says = "Too few folds for an informative interval" in found.html
    assert says == any(not row["is_informative"] for row in document["comparisons"])
    assert says


def test_where_smaller_is_better_the_difference_is_drawn_turned() -> None:
    row = {
        "arm": "b", "reference": "a", "metric": "brier", "is_primary": True, "arm_value": 0.1,
        "reference_value": 0.2, "difference": -0.1, "ci_low": -0.15, "ci_high": -0.05,
        "test": "corrected resampled t-test, 5 folds",
    }  # fmt: skip
    figure = head_to_head([row], lower_is_better={"brier"}, arms=["b", "a"])
    zero, line, point = figure.axes[1].lines
    assert np.asarray(point.get_xdata()).tolist() == [0.1]
    assert sorted(np.asarray(line.get_xdata()).tolist()) == [0.05, 0.15]
    assert figure.axes[1].texts[0].get_text().startswith("\N{MINUS SIGN}0.100")
    assert np.asarray(zero.get_xdata()).tolist() == [0, 0]


def test_a_run_without_the_evidence_has_no_section(tmp_path: Path, make_run) -> None:
    make_run(tmp_path / "run", n_patients=40)
    assert section(read_classes(tmp_path / "run")) is None
