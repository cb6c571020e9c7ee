"""The table of subsets of a study of numbers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tumorboard.evaluation.evidence import write_evidence
from tumorboard.report.number_subsets import section
from tumorboard.report.numbers_contents import NumbersContents


def entry(
    modalities: str, value: float, *, drop: float | None = None, **more: Any
) -> dict[str, Any]:
    def each(x: float) -> dict[str, float]:
        return {"value": x, "ci_low": x - 0.1, "ci_high": x + 0.1}

    lost = {} if drop is None else {"drop": {"c_index": each(drop)}}
    return {
        "modalities": modalities, "n_patients": 50, "n_events": 20, "is_refused": False,
        "is_learned": True, "metrics": {"c_index": each(value)}, **lost, **more,
    }  # fmt: skip


def make_contents(folder: Path, **arms: list[dict[str, Any]]) -> NumbersContents:
    document = {
        "metrics": ["c_index"],
        "arms": {
            arm: {"modalities": ["ct", "rna"], "shown": shown, "present": shown[:1]}
            for arm, shown in arms.items()
        },
    }
    write_evidence(folder, "subsets", document)
    made = SimpleNamespace(folder=folder, arms=tuple(arms), counted="patients")
    return cast("NumbersContents", made)


def test_every_subset_with_what_it_costs(tmp_path: Path) -> None:
    shown = [
        entry("ct+rna", 0.7),
        entry("ct", 0.65, drop=0.05),
        entry("rna", 0.6, drop=0.1, is_learned=False),
        entry("other", 0.5, is_refused=True, n_patients=4),
    ]
    made = section(make_contents(tmp_path, fused=shown, alone=shown[1:2]))
    assert made is not None
    assert made.lead == "C-index lost by fused: +0.050 with ct alone, +0.100 with rna alone."
    assert made.html.count("<h3>") == 1  # arms of one subset have no table
    assert made.html.count("<small>not learned</small>") == 1
    assert "under 10 patients: not reported" in made.html
    assert "<small>50</small>" in made.html
    assert "None" not in made.html


@pytest.mark.parametrize("is_there", [False, True])
def test_nothing_to_show(tmp_path: Path, is_there: bool) -> None:
    contents = make_contents(tmp_path, ct=[entry("ct", 0.6)])
    if not is_there:
        (tmp_path / "evidence" / "subsets.json").unlink()
    assert section(contents) is None
