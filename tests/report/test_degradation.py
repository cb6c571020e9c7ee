"""The section of worse inputs says what the evidence says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tumorboard.evaluation.degradation import degradation_document
from tumorboard.evaluation.evidence import write_evidence
from tumorboard.report.contents import read_classes
from tumorboard.report.degradation import _crossing, _lead, _no_lead, section
from tumorboard.study_keys import Primary, Threshold

sys.path.insert(0, str(Path(__file__).parent))

from made_probes import make_probes


def test_curves_table_and_lead(tmp_path, make_run) -> None:
    run = make_run(
        tmp_path, n_patients=80, n_repeats=1, n_folds=2,
        arms=("record", "ultrasound", "fused"),
    )  # fmt: skip
    assert section(read_classes(run.folder)) is None
    document = degradation_document(
        make_probes(run.table), run.table, threshold=Threshold(),
        primary=Primary(arm="fused", reference="record"), units={"rotation": "degrees"},
    )  # fmt: skip
    write_evidence(run.folder, "degradation", document)
    made = section(read_classes(run.folder))
    assert made is not None
    worst = max(
        document["probes"].items(),
        key=lambda item: max(item[1]["arms"]["fused"]["metrics"]["auroc"]["drop"]),
    )
    fall = max(worst[1]["arms"]["fused"]["metrics"]["auroc"]["drop"])
    assert made.lead.startswith(
        f"Of 5 ways to make inputs worse, {worst[0].replace('_', ' ')} costs fused the most: "
        f"AUROC falls by {fall:.3f} (95 % interval "
    )
    for text in ("missing values", "degrees, up to 90", "noise spares", "figure-degradation_auroc"):
        assert text in made.html
    assert (run.folder / "figures" / "degradation_auroc.png").is_file()
    assert "None" not in made.html
    assert "nan" not in made.html.split("</svg>")[-1]


def _probe(drop, low, high) -> dict[str, Any]:
    n = len(drop)
    auroc = {
        "value": [0.7 - d for d in drop], "drop": drop, "drop_low": low, "drop_high": high,
        "ci_low": [0.5] * n, "ci_high": [0.9] * n, "falls_at": None,
    }  # fmt: skip
    return {
        "unit": "share", "arms": {"fused": {"metrics": {"auroc": auroc}, "strengths": [0, 1, 2]}}
    }  # fmt: skip


def test_a_fall_whose_interval_includes_0_is_not_called_one(run) -> None:
    contents = read_classes(run.folder)
    vague = _probe([0.0, 0.014, 0.01], [None, -0.061, -0.07], [None, 0.089, 0.09])
    sure = _probe([0.0, 0.01, 0.012], [None, -0.01, 0.002], [None, 0.03, 0.022])
    lead = _lead({"probes": {"missing_values": vague, "noise": vague}}, contents)
    assert lead.startswith("No way tried to make inputs worse is shown to lower the AUROC of fused")
    assert "is 0.014 (95 % interval \N{MINUS SIGN}0.061 to 0.089)" in lead
    lead = _lead({"probes": {"noise": vague}}, contents)
    assert lead.startswith("The one way tried to make inputs worse is not shown to lower")
    lead = _lead({"probes": {"missing_values": vague, "noise": sure}}, contents)
    assert "noise costs fused the most: AUROC falls by 0.012 (95 % interval 0.002 to" in lead
    assert _lead({"probes": {"noise": sure}}, contents).startswith(
        "AUROC of fused falls with noise"
    )


def test_a_lead_that_was_never_shown_is_not_said_to_survive() -> None:
    against = {
        "arm": "fused", "reference": "record", "metric": "auroc", "is_reference_degraded": True,
        "difference": [0.04, 0.05], "ci_low": [-0.05, -0.04], "ci_high": [0.13, 0.14],
        "crossover": None,
    }  # fmt: skip
    said = _crossing("noise", {"against": against, "unit": "share"})
    assert said == "noise: AUROC of fused minus record goes from +0.040 to +0.050."
    first = _no_lead({"against": against})
    assert first.startswith("There is no evidence that fused is ahead of record with inputs as")
    clear = {**against, "ci_low": [0.01, -0.01]}
    assert _no_lead({"against": clear}) == _no_lead({"against": None}) == ""
    said = _crossing("noise", {"against": clear, "unit": "share"})
    assert "ahead at every strength tried, though at 1 of 2 the 95 % interval includes 0" in said
    lower = {
        **clear, "metric": "brier", "difference": [-0.04, -0.05], "ci_low": [-0.06, -0.07],
        "ci_high": [-0.01, -0.02],
    }  # fmt: skip
    said = _crossing("noise", {"against": lower, "unit": "share"})
    assert said.endswith("fused is ahead at every strength tried.")
