"""What becomes of a gain when the note is another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mask_table import GAINS, mask_table

from tumorboard.evaluation.control_arms import controls_of, without_controls
from tumorboard.evaluation.difference import holm
from tumorboard.evaluation.outcome_comparison import compare_outcomes
from tumorboard.evaluation.results import Comparison
from tumorboard.evaluation.segmentation_controls import control_sentence, controls_document, judge
from tumorboard.study_keys import Primary

PRIMARY = Primary.model_construct(arm="dynamic_attention", reference="image", metric="dice")


def made(low: float, high: float, metric: str = "dice") -> Comparison:
    return Comparison("a", "b", metric, (low + high) / 2, low, high, 0.5, "test", 40)


def test_controls_are_found_by_their_names() -> None:
    arms = tuple(GAINS)
    assert controls_of(arms) == {
        "dynamic_attention": {
            c: f"dynamic_attention-{c}" for c in ("silent", "shuffled", "contradicting")
        }
    }
    assert without_controls(arms) == arms[:4]
    assert controls_of(("image-silent",)) == {}  # an arm of that name, of nobody


@pytest.mark.parametrize(
    ("gain", "control", "difference", "verdict"),
    [
        ((-0.01, 0.03), (-0.01, 0.03), (-0.01, 0.01), "no gain"),
        ((0.02, 0.06), (-0.02, 0.01), (0.02, 0.06), "vanishes"),
        ((0.02, 0.06), (0.01, 0.03), (0.01, 0.03), "partly"),
        ((0.02, 0.06), (0.02, 0.05), (-0.01, 0.01), "stays"),
        ((0.02, 0.06), (-0.01, 0.05), (-0.01, 0.03), "unclear"),
        ((np.nan, np.nan), (0.0, 0.1), (0.0, 0.1), "no gain"),
    ],
)
def test_verdicts(
    gain: tuple[float, float], control: tuple[float, float], difference: tuple[float, float],
    verdict: str,
) -> None:  # fmt: skip
    assert judge(made(*gain), made(*control), made(*difference)) == verdict
    swapped = [made(-high, -low, "hd95_mm") for low, high in (gain, control, difference)]
    assert judge(*swapped) == verdict  # where smaller is better


def entry(verdict: str, value: float, low: float, high: float) -> list[dict[str, Any]]:
    gain = {"difference": value, "ci_low": low, "ci_high": high}
    return [{"arm": "a", "control": "shuffled", "verdict": verdict, "gain_with_control": gain}]


def test_sentences() -> None:
    said = control_sentence(entry("vanishes", -0.01, -0.03, 0.02), "a")
    assert said == ("With a shuffled note the gain vanishes (-0.01, 95 % interval -0.03 to +0.02).")
    assert "is not what helps" in control_sentence(entry("stays", 0.04, 0.01, 0.06), "a")
    assert "cannot be told" in control_sentence(entry("unclear", 0.01, -0.1, 0.1), "a")
    assert "the difference is +0.01" in control_sentence(entry("no gain", 0.01, -0.1, 0.1), "a")
    assert "part of the gain" in control_sentence(entry("partly", 0.01, 0.004, 0.02), "a")
    assert "+0.004 to +0.020" in control_sentence(entry("partly", 0.01, 0.004, 0.02), "a")
    assert control_sentence(entry("stays", 0.04, 0.01, 0.06), "b") == ""


def test_the_made_notes_help_by_their_content() -> None:
    table = mask_table()
    found = controls_document(table, PRIMARY, sizes=None, n_bootstrap=100, seed=1)
    assert [entry["control"] for entry in found] == ["silent", "shuffled", "contradicting"]
    assert {entry["verdict"] for entry in found} == {"vanishes"}
    first = found[0]
    gap = first["truthful"] - first["with_control"]
    assert first["difference"]["difference"] == pytest.approx(gap)
    gain = first["gain"]["difference"] - first["gain_with_control"]["difference"]
    assert gain == pytest.approx(gap)
    alone = Primary.model_construct(arm="image", reference="dynamic_attention", metric="dice")
    assert controls_document(table, alone, sizes=None, n_bootstrap=10, seed=1) == []


def test_a_gain_of_which_more_than_a_quarter_stays_does_not_vanish() -> None:
    gain, difference = made(0.06, 0.10), made(0.01, 0.05)
    assert judge(gain, made(-0.03, 0.05), difference) == "vanishes"  # 0.01 of 0.08 is left
    assert judge(gain, made(-0.01, 0.11), difference) == "partly"  # 0.05 is left, though not shown


def test_other_notes_are_a_family_of_their_own_in_the_table_of_comparisons() -> None:
    table = mask_table()
    rng = np.random.default_rng(0)
    found = compare_outcomes(table.kind, table, PRIMARY, n_bootstrap=200, rng=rng)
    own = [c for c in found if c.arm in without_controls(table.arms)]
    others = [c for c in found if c.arm not in without_controls(table.arms)]
    assert own
    assert others
    for family in (own, others):
        expected = holm([c.p_value for c in family])
        assert [c.p_value_holm for c in family] == pytest.approx(list(expected))
