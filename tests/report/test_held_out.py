import json
import re

import numpy as np
import pytest

from tumorboard.evaluation.evidence import write_evidence
from tumorboard.report.contents import read_classes
from tumorboard.report.held_out import (
    draw_inside_and_outside,
    external_section,
    locked_section,
)


def estimate(
    value: float, low: float | None = None, high: float | None = None
) -> dict[str, object]:
    return {
        "value": value, "ci_low": low, "ci_high": high, "n_patients": 40, "n_events": 20,
        "method": "",
    }  # fmt: skip


def cohort(value: float) -> dict[str, object]:
    return {
        "n_patients": 40,
        "n_units": 40,
        "outcome": {"benign": 20, "malignant": 20},
        "arms": {
            "fused": {
                "ensemble": {"auroc": estimate(value, value - 0.1, value + 0.1)},
                "models": {"auroc": [value - 0.02, value + 0.01, None]},
            }
        },
        "comparison": None,
        "rejected": ["<b>x</b>: no image"],
    }


def look(number: int, arm: str) -> dict[str, object]:
    return {
        "number": number, "time": "2026-01-01T00:00:00+00:00", "who": "ann", "study": "s",
        "arm": arm, "models": "m", "patients": "p", "n_patients": 40,
        "metrics": {"auroc": {"value": 0.8, "ci_low": None, "ci_high": None}},
        "previous": "0" * 64, "hash": "abcdef" * 10,
    }  # fmt: skip


@pytest.fixture
def own_run(run, tmp_path):
    import shutil

    folder = tmp_path / "run"
    shutil.copytree(run.folder, folder)
    return folder


def test_a_run_without_either_has_neither_section(run) -> None:
    contents = read_classes(run.folder)
    assert locked_section(contents) is None
    assert external_section(contents) is None


def test_external_patients_stand_beside_those_of_the_study(own_run) -> None:
    write_evidence(own_run, "external", {"cohorts": {"north": cohort(0.71), "south": cohort(0.62)}})
    section = external_section(read_classes(own_run))
    assert section is not None
    assert "north 0.710 (0.610 to 0.810) (40 patients); south 0.620" in section.lead
    assert "0.690 to 0.720 (2 models)" in section.html
    assert "&lt;b&gt;x&lt;/b&gt;" in section.html
    assert (own_run / "figures" / "external.png").is_file()


def test_the_page_says_how_often_the_locked_patients_were_seen(own_run) -> None:
    document = {
        **cohort(0.8), "from_ledger": False, "ledger": "s.ledger.jsonl", "models": {},
        "n_looks": 3, "n_models": 3, "n_other_sets": 0,
        "looks": [look(n, "fused") for n in (1, 2, 3)],
    }  # fmt: skip
    write_evidence(own_run, "locked_test", document)
    section = locked_section(read_classes(own_run))
    assert section is not None
    assert "was looked at 3 times. Choices made after an earlier look" in section.lead
    assert len(re.findall("abcdefabcdef", section.html)) == 3
    write_evidence(own_run, "locked_test", {**document, "n_looks": 1})
    section = locked_section(read_classes(own_run))
    assert section is not None
    assert section.lead.endswith("was looked at once.")
    few = {
        "arm": "fused", "reference": "record", "metric": "auroc", "difference": 0.5,
        "ci_low": None, "ci_high": None, "p_value": None, "test": "none: under 10 patients",
        "n_patients": 6,
    }  # fmt: skip
    write_evidence(own_run, "locked_test", {**document, "comparison": few})
    section = locked_section(read_classes(own_run))
    assert section is not None
    assert "AUROC: +0.500, 6 patients, none: under 10 patients." in section.html


def test_the_figure_draws_every_arm_inside_and_outside(own_run) -> None:
    contents = read_classes(own_run)
    figure = draw_inside_and_outside(contents, {"north": json.loads(json.dumps(cohort(0.7)))})
    (axis,) = figure.axes
    assert len(axis.get_yticks()) == 2 * len(contents.arms)
    drawn = [
        float(np.ravel(line.get_xdata())[0]) for line in axis.lines if line.get_marker() == "o"
    ]
    inside = contents.metrics["fused"]["auroc"].value
    assert pytest.approx(inside) in drawn
    assert pytest.approx(0.7) in drawn
