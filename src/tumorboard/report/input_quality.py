"""The quality score of images: how often it warns, and whether it is right to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.report.contents import Contents
from tumorboard.report.number_format import interval, number
from tumorboard.report.section import Section, fill

#: A degradation that flags no larger share of the images at any strength is hardly seen.
_HARDLY = 0.1


def section(contents: Contents) -> Section | None:
    """Warnings of the quality score; None where no arm reads images."""
    document = read_evidence(contents.folder, "quality")
    if document is None:
        return None
    arm = next((a for a in contents.arms if a in document["arms"]), "")
    if not arm:
        return None
    rates: Sequence[Mapping[str, Any]] = document["arms"][arm]["rates"]
    clean = next(rate for rate in rates if rate["probe"] == "none")
    probes: dict[str, list[Mapping[str, Any]]] = {}
    for rate in rates:
        if rate["probe"] != "none":
            probes.setdefault(rate["probe"], []).append(rate)
    html = fill(
        "input_quality.html",
        arm=arm,
        rows=[
            {
                "name": name.replace("_", " "),
                "steps": [
                    (f"{rate['strength']:g}", _percent(rate["flagged"]["value"])) for rate in steps
                ],
            }
            for name, steps in probes.items()
        ],
        n_steps=max((len(steps) for steps in probes.values()), default=0),
        unseen=_unseen(probes),
        harm=_harm(document["arms"][arm]["harm"]),
    )
    return Section("quality", "Images too poor to rely on", _lead(clean, probes), html)


def _unseen(probes: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Degradations that were hardly flagged at any strength of this run; "" for none."""
    return ", ".join(
        name.replace("_", " ")
        for name, steps in probes.items()
        if max(rate["flagged"]["value"] for rate in steps) <= _HARDLY
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _lead(
    clean: Mapping[str, Any], probes: Mapping[str, Sequence[Mapping[str, Any]]]
) -> str:  # fmt: skip
    flagged = clean["flagged"]
    within = ""
    if flagged["ci_low"] is not None:
        low, high = _percent(flagged["ci_low"]), _percent(flagged["ci_high"])
        within = f" (95 % interval {low} to {high})"
    text = (
        f"The quality score warns of {_percent(flagged['value'])}{within} of the test images as "
        f"they were"
    )
    sure = [name.replace("_", " ") for name, s in probes.items() if s[-1]["flagged"]["value"] > 0.9]
    if sure:
        return f"{text}, and of more than 90 % at the greatest strength of {', '.join(sure)}."
    return f"{text}."


def _harm(harm: Mapping[str, Any]) -> str:
    """Whether flagged images are predicted worse, in one sentence."""
    brier = harm["brier"]
    if brier is None:
        return (
            f"{harm['n_flagged']} patients have a flagged image: too few to say whether flagged "
            "images are predicted worse."
        )
    low, high = brier["ci_low"], brier["ci_high"]
    within = "" if low is None else f" (95 % interval {interval(low, high, signed=True)})"
    return (
        "Over images as they were and made worse, the Brier score is "
        f"{number(brier['flagged'])} for flagged and {number(brier['other'])} for other images: "
        f"{number(brier['difference'], signed=True)}{within}; above 0 the warning is right."
    )
