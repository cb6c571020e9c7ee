"""What stands below the figures and tables of a study of survival or of other numbers."""

from __future__ import annotations

from tumorboard.report.captions import compared
from tumorboard.report.number_format import metric_name
from tumorboard.report.numbers_contents import NumbersContents


def numbers_captions(contents: NumbersContents) -> dict[str, str]:
    """Name of a figure or table -> the text below it."""
    metric, unit = metric_name(contents.primary_metric), contents.unit
    lines = (
        "Lines are 95 % intervals; one that crosses zero is compatible with no difference. "
        if contents.has_intervals
        else ""
    )
    repeats, folds = contents.n_splits
    together = "its folds together" if repeats * folds > 1 else "on all its patients"
    texts = {
        "answer": f"Above: difference in {metric} on the same patients, the primary comparison "
        f"first. {lines}{compared(contents)}Below: {metric} of each arm on its own, {together}.",
        "flow": "Who was found, left out and analysed. Analysed: tested in at least one fold. One "
        f"prediction is about one {unit}.",
        "missing": "Empty cells of the cohort table, everything found. None was replaced by zero.",
        "arms": _arms(contents),
        "training": "Thin: single fits. Thick: their mean, while at least half still trained. "
        "Dashed grey: training patients; solid: validation patients of the same fit. No test "
        "patient takes part in a curve, in stopping or in the choice of the epoch.",
        "patients": _patients(contents),
    }
    return {name: f"{text} {contents.pairing}".rstrip() for name, text in texts.items()}


#: Words of a segmentation.
_MASK_WORDS = [
    (
        "Dice, IoU",
        "Overlap of two masks: twice the common voxels over the sum of both; common voxels over "
        "those in either. 1 is perfect, 0 no overlap. The same error costs a small lesion more.",
    ),
    (
        "NSD",
        "Normalised surface distance: share of both surfaces that lies within the tolerance of the "
        "other (Nikolov 2021).",
    ),
    (
        "HD95",
        "95 % of the points of both surfaces lie within this distance of the other surface. Where "
        "one mask is empty it is the image's diagonal.",
    ),
    (
        "Empty masks",
        "Both empty: overlap does not apply, the case is excluded and counted. Only the prediction "
        "or only the reference empty: Dice, IoU and NSD are 0.",
    ),
]


def _arms(contents: NumbersContents) -> str:
    small = "Small: 95 % interval, by resampling patients. " if contents.has_intervals else ""
    if contents.predictions.kind == "survival":
        return (
            f"{small}C-indices compare only patients scored by the same fitted model, and are then "
            "averaged. Integrated Brier: smaller is better; scaled: 0 is the Kaplan-Meier curve of "
            "all patients, 1 perfect. Events: patients whose event was seen."
        )
    if contents.predictions.kind == "segmentation":
        return (
            f"{small}Means over patients: labels, then a patient's cases are averaged first. IoU: "
            "share of the union that is common. NSD: share of the surfaces within the stated "
            "tolerance. HD95, volume error: smaller is better. Patients whose masks are both empty "
            "are excluded from overlap."
        )
    return (
        f"{small}R² is 1 minus the squared error over that of predicting the mean of the same "
        "patients: below 0 is worse than that. Correlations compare only patients scored by the "
        "same fitted model. MAE and RMSE are in the units of the target."
    )


def _patients(contents: NumbersContents) -> str:
    names = contents.predictions.prediction_names
    if contents.predictions.kind == "segmentation":
        return "Dice, the mean over the labels, test predictions only, mean over repeats."
    if contents.predictions.kind != "survival":
        return f"{names[0]}, test predictions only, mean over repeats."
    if len(names) == 1:
        return "Risk score, test predictions only, mean over repeats."
    days = names[1].removeprefix("survival_")
    return (
        f"Predicted probability of no event within {days} days, test predictions only, mean over "
        "repeats."
    )


def numbers_glossary(contents: NumbersContents) -> list[tuple[str, str]]:
    """(term, meaning) of the words and intervals on the page."""
    words = [
        (
            "95 % interval",
            "Range that would hold the true value in 95 of 100 such studies. It covers chance in "
            "who was in the study, not a different hospital or period. None is shown for fewer "
            "than 10 patients.",
        ),
        (
            "Interval of a difference",
            "Over folds: corrected resampled t (Nadeau & Bengio 2003): folds share training "
            "patients, which an ordinary t-test ignores. Of one split: paired resampling of "
            "patients.",
        ),
        (
            "Arm, unit",
            "An arm is one way of predicting, with its modalities and model; all arms are trained "
            "and tested on the same splits by patient. A unit is what one prediction is about: "
            f"here a {contents.unit}.",
        ),
    ]
    if contents.predictions.kind == "segmentation":
        return [*words, *_MASK_WORDS]
    if contents.predictions.kind != "survival":
        return words
    return [
        *words,
        (
            "C-index",
            "Share of the pairs of patients whose order is known in which the one with the earlier "
            "event had the higher risk; 0.5 is a coin (Harrell 1996). Uno's weighs pairs so that "
            "it does not depend on how long patients were followed (Uno 2011).",
        ),
        (
            "Integrated Brier",
            "Mean squared distance of the predicted survival and what happened, over time, with "
            "weights for who was lost to follow-up (Graf 1999).",
        ),
        (
            "Censored",
            "Followed without the event until that day; what came after is not known.",
        ),
    ]
