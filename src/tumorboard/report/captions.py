"""What stands below the figures, and what the page's words mean: how every number was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.formats.messages import listed
from tumorboard.report.contents import Contents
from tumorboard.report.curves import MAX_CLASSES, N_BOOTSTRAP
from tumorboard.report.flow import empty_columns
from tumorboard.report.head_to_head import MAX_ARMS as MAX_BARS
from tumorboard.report.number_format import metric_name, number
from tumorboard.report.overlaid_curves import MAX_ARMS as MAX_OVERLAID
from tumorboard.report.overlaid_curves import overlaid_arms
from tumorboard.report.run_contents import RunContents
from tumorboard.report.style import MINUS

_RULES: Mapping[str, str] = {
    "youden": "largest sensitivity + specificity",
    "sensitivity": "sensitivity of at least {at_least:g}",
    "precision": "PPV of at least {at_least:g}",
    "cost": "smallest cost (false negative {false_negative_cost:g}, false positive "
    "{false_positive_cost:g})",
    "fixed": "fixed at {at:g}",
}


def captions(contents: Contents) -> dict[str, str]:
    """Name of a figure or table -> the text below it."""
    repeats, folds = contents.n_splits
    metric, unit = metric_name(contents.primary_metric), contents.unit
    models = f"{repeats * folds} fitted models" if repeats * folds > 1 else "one fitted model"
    averaged = f" Counts are means over {repeats} repeats." if repeats > 1 else ""
    several = len(contents.classes) > 2
    macro = (
        f" Each class against the rest (thin, at most {MAX_CLASSES}) and their mean (thick)."
        if several
        else ""
    )
    resampled = f"Bands: 95 % (1.96 standard errors, {N_BOOTSTRAP} resamples of patients). "
    resampled = resampled if contents.has_intervals else ""
    band = (
        f"Each curve is the mean over {models}: scores of different models are never pooled. "
        f"{resampled}"
        "Pale lines: the other arms."
    )
    trained = overlaid_arms(contents.histories, contents.arms, at_most=len(contents.arms))
    texts = {
        "answer": (
            f"Above: difference in {metric} on the same patients, the primary comparison first. "
            f"{_lines(contents, 'one that crosses zero is compatible with no difference')}"
            f"{compared(contents)}Below: {metric} of each arm on its own, "
            f"{'its folds together' if repeats * folds > 1 else 'on all its patients'}."
        ),
        "flow": f"Who was found, left out and analysed. Analysed: tested in at least one fold. "
        f"One prediction is about one {unit}.",
        "missing": _missing(contents),
        "arms": _arms(contents),
        "roc": f"{band} Averaged vertically (mean sensitivity at each specificity); numbers are "
        f"the AUROC of the arms table. Dotted: a coin.{macro}",
        "precision_recall": f"{band} Averaged vertically (mean PPV at each sensitivity); numbers "
        f"are the AUPRC of the arms table. Dotted: chance, which is the prevalence.{macro}",
        "confusion": f"{unit.capitalize()}s and percentages of the true class (rows).{averaged} "
        f"Called {_rule(contents)}.",
        "bars": f"Head to head: {_at_most(contents.arms, MAX_BARS)} over metrics that are best at "
        f"1. {_lines(contents, 'that of a bar is of its arm alone')}Whether two arms differ is in "
        "the comparisons below, which are made on the same patients.",
        "training_overlay": f"{_at_most(trained, MAX_OVERLAID).capitalize()}, on the same axes. "
        "Thin: single fits; thick: their mean, while at least half still trained; marks: the best "
        "epoch of each fit, on its validation patients. No test patient takes part in a curve, in "
        "stopping or in the choice of the epoch; results are the tables above.",
        "training": "Thin: single fits. Thick: their mean, while at least half still trained. "
        "Dashed grey: training patients; solid: validation patients of the same fit.",
        "patients": _patients(contents),
    }
    return {name: f"{text} {contents.pairing}".rstrip() for name, text in texts.items()}


def _missing(contents: Contents) -> str:
    text = "Empty cells of the cohort table, everything found. None was replaced by zero."
    cohort = contents.cohort
    empty = empty_columns(cohort.get("missing", {}), n_rows=int(cohort["rows"]))
    return f"{text} Without a single value, and not drawn: {listed(empty)}." if empty else text


def _lines(contents: Contents, meaning: str) -> str:
    """What the lines of a figure are; nothing where there are too few patients for any."""
    return f"Lines are 95 % intervals; {meaning}. " if contents.has_intervals else ""


def compared(contents: RunContents) -> str:
    """The two values that the difference of the first line is made of."""
    row = contents.differences[0] if contents.differences else None
    values = contents.fold_means.get((row.arm, row.metric)) if row else None
    if row is None or values is None:
        return ""
    return (
        f"The difference on the first line is {number(values[0])} ({row.arm}) {MINUS} "
        f"{number(values[1])} ({row.reference}) = {number(row.difference, signed=True)}, "
        f"{contents.averaged}. "
    )


def _at_most(arms: Sequence[str], most: int) -> str:
    """`the first 4 of 6 arms`, or `the 2 arms`."""
    return f"the first {most} of {len(arms)} arms" if len(arms) > most else f"the {len(arms)} arms"


def _rule(contents: Contents) -> str:
    if len(contents.classes) > 2:
        return "by the largest probability"
    keys: Mapping[str, Any] = contents.study.get("evaluation", {}).get("threshold", {})
    rule = str(keys.get("rule", "fixed"))
    if rule == "fixed":
        return f"positive from a probability of {float(keys.get('at', 0.5)):g}"
    meaning = _RULES[rule].format(**keys)
    return f"at a threshold chosen on the validation patients of the same fit: {meaning}"


def _arms(contents: Contents) -> str:
    positive = contents.classes[-1]
    outcome = contents.study.get("task", {}).get("target", "outcome")
    events = f"Events: {outcome} = {positive}."
    if len(contents.classes) > 2:
        events = (
            "Balanced accuracy (the mean sensitivity), AUPRC, AUROC and PPV are means over the "
            "classes, each of them counted alike; the accuracy, which a large class leads, comes "
            "last. Events: patients of the rarest class."
        )
    return (
        f"{_interval_words(contents)} AUROC and AUPRC compare only units scored by the same fitted "
        f"model, and are then averaged. Classes are called {_rule(contents)}. Brier: smaller is "
        f"better. {events}"
    )


def _interval_words(contents: Contents) -> str:
    if contents.n_patients >= MIN_PATIENTS:
        return "Small: 95 % interval."
    return (
        f"No intervals: {contents.n_patients} patients are too few for one (under {MIN_PATIENTS}). "
        f"Many {contents.unit}s of one patient are alike and do not make up for more patients."
        if contents.unit != "patient"
        else f"No intervals: {contents.n_patients} patients are too few (under {MIN_PATIENTS})."
    )


def _patients(contents: Contents) -> str:
    shown = (
        f"Probability of {contents.classes[-1]}"
        if len(contents.classes) == 2
        else "Class that was called, and its probability"
    )
    return (
        f"{shown}, test predictions only, mean over repeats. ✗: called wrongly in more than half "
        "of the repeats. A call uses each fit's own threshold, so a mean probability may lie on "
        "its other side."
    )


def glossary(contents: Contents) -> list[tuple[str, str]]:
    """(term, meaning) of the words and intervals on the page."""
    repeats, folds = contents.n_splits
    difference = (
        "Corrected resampled t over repeats and folds (Nadeau & Bengio 2003): folds share training "
        "patients, which an ordinary t-test ignores."
        if repeats * folds > 1
        else "Paired resampling of patients: both arms are measured on the same draw. AUROC: the "
        "intervals of both arms, joined with DeLong's correlation (Zou & Donner 2008)."
    )
    return [
        (
            "95 % interval",
            "Range that would hold the true value in 95 of 100 such studies. It covers chance in "
            "who was in the study, not a different hospital or period. None is shown for fewer "
            "than 10 patients.",
        ),
        ("Interval of a difference", difference),
        (
            "Interval of an arm",
            "AUROC: DeLong's variance on the logit scale, by patient. Sensitivity, specificity, "
            "PPV and NPV: Wilson's. Others: percentiles over resamples of patients, all rows of a "
            "patient together.",
        ),
        (
            "AUROC",
            "Chance that a unit with the event gets a higher probability than one without; 0.5 is "
            "a coin. With more than two classes: mean over the classes, each against the rest.",
        ),
        (
            "AUPRC",
            "Mean PPV over all sensitivities; a coin gives the prevalence, so compare with that.",
        ),
        ("Sensitivity, specificity", "Share of units with (without) the event called correctly."),
        (
            "PPV, NPV",
            "Share of positive (negative) calls that are right; they hold for this cohort's "
            "prevalence only.",
        ),
        (
            "F1, MCC",
            "Agreement of calls with the truth; MCC is 0 for a coin and 1 when all are right.",
        ),
        ("Brier", "Mean squared distance of probability and truth; 0 is perfect."),
        (
            "Arm, unit",
            "An arm is one way of predicting, with its modalities and model; all arms are trained "
            "and tested on the same splits by patient. A unit is what one prediction is about: "
            f"here a {contents.unit}.",
        ),
    ]
