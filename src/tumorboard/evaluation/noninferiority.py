"""Non-inferiority of the primary comparison: is the arm at most a margin worse?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tumorboard.evaluation.difference import lower_is_better
from tumorboard.evaluation.results import Comparison

Conclusion = Literal["superior", "non-inferior", "not shown", "inferior"]


@dataclass(frozen=True)
class NonInferiority:
    """What an interval says about a margin.

    Args:
        conclusion: `superior` and `non-inferior` by the limit on the side of harm, `inferior`
            where the whole interval is worse than the margin, `not shown` otherwise.
        margin: Largest loss that counts as no worse, above 0, in units of the metric.
        limit: The confidence limit on the side of harm, as a gain: below 0 is worse.
        is_worse: The whole interval is on the side of harm, whatever the margin.
    """

    conclusion: Conclusion
    margin: float
    limit: float
    is_worse: bool

    @property
    def sentence(self) -> str:
        """The conclusion in words, for the end of the first line."""
        within = f"within {self.margin:g}"
        if self.conclusion == "superior":
            return f"It is superior, and so non-inferior {within}."
        if self.conclusion == "inferior":
            return f"It is inferior: worse by more than {self.margin:g}."
        if self.conclusion == "not shown":
            return f"Non-inferiority {within} is not shown."
        aside = ", though worse" if self.is_worse else ""
        return f"It is non-inferior {within}{aside}."


def judge_margin(comparison: Comparison, margin: float) -> NonInferiority | None:
    """The primary difference against a margin; None where none (0) is declared.

    The lower limit of the two-sided 95 % interval is that of a one-sided test at 2.5 %. Where
    smaller is better the upper limit takes its place. Without an interval nothing is shown.

    Source:
        Piaggio et al., JAMA 2012; 308: 2594-2604 (CONSORT, non-inferiority).
    """
    if margin <= 0:
        return None
    low, high = comparison.ci_low, comparison.ci_high
    if lower_is_better(comparison.metric):
        low, high = -high, -low
    conclusion: Conclusion = "not shown"
    if np.isnan(low) or np.isnan(high):
        return NonInferiority(conclusion, margin, float("nan"), is_worse=False)
    if low > 0:
        conclusion = "superior"
    elif low > -margin:
        conclusion = "non-inferior"
    elif high < -margin:
        conclusion = "inferior"
    return NonInferiority(conclusion, margin, low, is_worse=high < 0)
