"""The section of a survival study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tumorboard.evaluation.evidence import write_evidence
from tumorboard.report.survival import survival_section


def group(n: int, survival: list[float]) -> dict[str, Any]:
    return {
        "n_patients": n, "n_events": 3, "median_days": None, "time": [100.0, 400.0, 800.0],
        "survival": survival, "ci_low": [None, 0.3, 0.2], "ci_high": [None, 0.9, 0.8],
        "at_risk": [n, 5, 2],
    }  # fmt: skip


def document(*, groups: bool = True) -> dict[str, Any]:
    overall = {"n_patients": 40, "n_events": 9, "predicted": 0.2, "observed": 0.25,
               "ci_low": 0.15, "ci_high": 0.4}  # fmt: skip
    arm = {
        "groups": {
            "names": ["low risk", "high risk"],
            "log_rank": {"statistic": 5.0, "p_value": 0.025, "degrees": 1},
            "at_risk_days": [0.0, 365.25, 730.5],
            "groups": [group(21, [1.0, 0.8, 0.7]), group(19, [0.9, 0.5, 0.4])],
        } if groups else None,
        "calibration": [{
            "days": 365, "overall": overall, "groups": [],
            "ratio": {"value": 1.25, "ci_low": 0.75, "ci_high": 2.0},
            "slope": {"value": 0.8, "ci_low": 0.3, "ci_high": 1.3},
        }],
        "auroc_over_time": {"days": [100, 400], "value": [0.7, 0.6], "ci_low": [0.5, None],
                            "ci_high": [0.9, None]},
    }  # fmt: skip
    follow_up = {"n_patients": 40, "n_events": 9, "median_days": 700.0}
    return {"horizons": [365], "follow_up": follow_up, "arms": {"fused <1>": arm, "other": arm}}


def test_the_lead_and_the_tables_say_what_was_found(tmp_path: Path) -> None:
    write_evidence(tmp_path, "survival", document())
    section = survival_section(tmp_path, ["fused <1>", "other"])
    assert section is not None
    assert section.lead == (
        "9 of 40 test patients had the event; the median follow-up is 700 days (reverse "
        "Kaplan-Meier). The 2 risk groups of fused <1> differ in survival (log-rank p 0.025)."
    )
    for text in (
        "21 / 3",
        "25.0 %<small>15.0 to 40.0",
        "1.25<small>0.75 to 2.00",
        "fused &lt;1&gt;",
    ):
        assert text in section.html
    assert (tmp_path / "figures" / "survival.png").is_file()


def test_without_groups_it_says_why(tmp_path: Path) -> None:
    write_evidence(tmp_path, "survival", document(groups=False))
    section = survival_section(tmp_path, ["other"])
    assert section is not None
    assert section.lead.endswith("Without validation patients there are no risk groups.")


@pytest.mark.parametrize("arms", [[], ["unknown"]])
def test_no_section_where_there_is_no_arm(tmp_path: Path, arms: list[str]) -> None:
    assert survival_section(tmp_path, arms) is None
    write_evidence(tmp_path, "survival", document())
    assert survival_section(tmp_path, arms) is None
