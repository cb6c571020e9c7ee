"""Whether the content of a note helps a segmentation: other notes put in at prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import numpy as np

from tumorboard.evaluation.control_arms import CONTROLS, controls_of
from tumorboard.evaluation.difference import lower_is_better
from tumorboard.evaluation.outcome_comparison import compare_outcomes, mean_values, metric_name_in
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.part_sizes import Sizes
from tumorboard.evaluation.results import Comparison
from tumorboard.study_keys import Primary

#: Share of a gain that may stay with another note where it is said to vanish.
_QUARTER = 0.25

Verdict = Literal["vanishes", "partly", "stays", "unclear", "no gain"]


def controls_document(
    table: OutcomeTable, primary: Primary, *, sizes: Sizes | None, n_bootstrap: int, seed: int
) -> list[dict[str, Any]]:
    """One entry per arm and control, in the order of the table and of `CONTROLS`.

    Layout: `arm`, `control`, `truthful` and `with_control` (means), `difference` (own note minus
    control), `gain` (own note minus reference), `gain_with_control` (control minus reference), each
    a comparison, and `verdict`. The models are the same for all notes: nothing was retrained.

    Args:
        table: Predictions of all arms.
        primary: The reference and the metric of the study.
        sizes: Patients of each split, for the corrected t-test.
        n_bootstrap: Resamples of the patients, where there is one split.
        seed: Of the resamples.
    """
    metric = metric_name_in(table, primary.metric)

    def compared(arm: str, reference: str) -> Comparison:
        pair = table.take(np.isin(table.arm, [arm, reference]))
        asked = Primary.model_construct(arm=arm, reference=reference, metric=metric)
        rng = np.random.default_rng(seed)
        return compare_outcomes(
            table.kind, pair, asked, n_bootstrap=n_bootstrap, rng=rng, sizes=sizes
        )[0]

    found: list[dict[str, Any]] = []
    for arm, controls in controls_of(table.arms).items():
        if primary.reference == arm:
            continue
        gain = compared(arm, primary.reference)
        for control in (name for name in CONTROLS if name in controls):
            other = controls[control]
            difference, with_control = compared(arm, other), compared(other, primary.reference)
            truthful, shown = mean_values(table, arm, other, metric)
            found.append(
                {
                    "arm": arm, "control": control, "metric": metric, "truthful": truthful,
                    "with_control": shown, "difference": asdict(difference), "gain": asdict(gain),
                    "gain_with_control": asdict(with_control),
                    "verdict": judge(gain, with_control, difference),
                }
            )  # fmt: skip
    return found


def judge(gain: Comparison, with_control: Comparison, difference: Comparison) -> Verdict:
    """What becomes of a gain when the note is another.

    Args:
        gain: Own note minus reference.
        with_control: Control minus reference.
        difference: Own note minus control.

    Returns:
        `no gain` where none is shown with the own note; else `vanishes` where the own note is
        better than the control, which shows no gain and keeps at most a quarter of it; `partly`
        where it is better and the control keeps more; `stays` where only the control's gain is
        shown; `unclear` otherwise.
    """
    if not _is_shown(gain):
        return "no gain"
    if _is_shown(difference):
        kept = with_control.difference / gain.difference
        return "partly" if _is_shown(with_control) or kept > _QUARTER else "vanishes"
    return "stays" if _is_shown(with_control) else "unclear"


def _is_shown(comparison: Comparison) -> bool:
    """Whether the whole interval is on the better side of zero."""
    if lower_is_better(comparison.metric):
        return comparison.ci_high < 0
    return comparison.ci_low > 0


def control_sentence(controls: Sequence[Mapping[str, Any]], arm: str) -> str:
    """What a shuffled note does to the gain of an arm, for the first line; "" without one."""
    found = [c for c in controls if c["arm"] == arm and c["control"] == "shuffled"]
    if not found:
        return ""
    gain, verdict = found[0]["gain_with_control"], found[0]["verdict"]
    if gain["difference"] is None:
        return "With a shuffled note the two cannot be compared."
    said = _signed(gain)
    return {
        "vanishes": f"With a shuffled note the gain vanishes ({said}).",
        "partly": f"With a shuffled note part of the gain stays ({said}): the content of the note "
        "explains the rest.",
        "stays": f"With a shuffled note the gain stays ({said}): the content of the note is not "
        "what helps.",
        "unclear": f"With a shuffled note the difference is {said}: whether the gain would vanish "
        "cannot be told.",
        "no gain": f"With a shuffled note the difference is {said}.",
    }[str(verdict)]


def _signed(comparison: Mapping[str, float | None]) -> str:
    """`+0.01, 95 % interval -0.02 to +0.03`."""
    value, low, high = (comparison[name] for name in ("difference", "ci_low", "ci_high"))
    first = f"{value:+.2f}"
    if low is None or high is None or low != low:
        return f"{first}, without an interval"
    digits = 2 if all(round(v, 2) or not v for v in (low, high)) else 3
    return f"{value:+.{digits}f}, 95 % interval {low:+.{digits}f} to {high:+.{digits}f}"
