"""How little a small study shows, in one sentence that stands below its answer."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from tumorboard.evaluation.comparison import Comparison
from tumorboard.evaluation.difference import largest_difference
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.records import Estimate
from tumorboard.report.contents import Contents
from tumorboard.report.limits import FEW_EVENTS
from tumorboard.report.number_format import counted, metric_name, number

#: From half of a 95 % interval to the difference that is found in 80 of 100 such studies: the
#: normal quantiles (1.960 + 0.842) / 1.960 (Bloom, Evaluation Review 1995; 19: 547-556).
DETECTABLE = (1.960 + 0.842) / 1.960


def how_little(contents: Contents) -> str:
    """Events, width of the interval, and the smallest difference that would be seen.

    Empty where the study has at least 100 patients with the event and without, of which the rarest
    class has fewest.
    """
    counts = [count.n_patients for count in contents.class_counts.values()]
    smallest = min(counts, default=0)
    if smallest >= FEW_EVENTS:
        return ""
    start = f"How little this shows: {_events(contents, counts, smallest)}."
    if contents.n_patients < MIN_PATIENTS:
        few = counted(contents.n_patients, "patient")
        return (
            f"{start} {few} are too few for any interval: nothing here can be told from chance, "
            "and it describes these patients alone."
        )
    metric = contents.primary_metric
    estimate = contents.metrics[contents.arms[0]].get(metric)
    sentences = [
        start, _width(contents.arms[0], metric, estimate), smallest_seen(contents.differences)
    ]  # fmt: skip
    return " ".join(filter(None, sentences))


def _events(contents: Contents, counts: Sequence[int], smallest: int) -> str:
    """Who has the class that limits the study; of equal ones the positive of two, or the rarest."""
    of_two = len(counts) == 2 and counts[-1] == smallest
    fewest = [name for name, n in zip(contents.classes, counts, strict=True) if n == smallest]
    name = contents.classes[-1] if of_two else min(fewest, key=lambda k: contents.n_units[k])
    who = f"{smallest} of {counted(contents.n_patients, 'patient')}"
    if contents.unit != "patient":
        return f"{counted(contents.n_units[name], f'{name} {contents.unit}')} in {who}"
    return f"{who} {'has' if smallest == 1 else 'have'} the outcome {name}"


def _width(arm: str, metric: str, estimate: Estimate | None) -> str:
    if estimate is None or not (isfinite(estimate.ci_low) and isfinite(estimate.ci_high)):
        return ""
    low, high = (number(end, digits=2) for end in (estimate.ci_low, estimate.ci_high))
    return (
        f"The {metric_name(metric)} of {arm} may lie anywhere from {low} to {high}, a width of "
        f"{estimate.ci_high - estimate.ci_low:.2f}."
    )


def smallest_seen(differences: Sequence[Comparison]) -> str:
    """The smallest true difference of the primary comparison that 4 of 5 such studies find."""
    if not differences:
        return ""
    primary = differences[0]
    if not (isfinite(primary.ci_low) and isfinite(primary.ci_high)):
        return ""
    detectable = DETECTABLE * (primary.ci_high - primary.ci_low) / 2
    name = metric_name(primary.metric)
    between = f"between {primary.arm} and {primary.reference}"
    if detectable >= largest_difference(primary.metric) / 2:
        return (
            f"No difference {between} that is seen in practice would be found by a study like this."
        )
    return (
        f"Only a true difference in {name} {between} of about {detectable:.2f} or more would be "
        "found in 4 of 5 studies like this; a smaller one would mostly be missed."
    )
