"""The study's question answered in one sentence, from its primary comparison."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from tumorboard.evaluation.comparison import Comparison
from tumorboard.evaluation.difference import largest_difference, lower_is_better
from tumorboard.evaluation.noninferiority import judge_margin

#: How a metric is called in a sentence; the others by their name with spaces.
_METRIC_WORDS = {
    "auroc": "AUROC", "auprc": "AUPRC", "f1": "F1", "macro_f1": "macro F1", "mcc": "MCC",
    "ppv": "PPV", "npv": "NPV", "brier": "the Brier score", "log_loss": "the log loss",
    "c_index": "the concordance index", "uno_c_index": "Uno's concordance index",
    "integrated_brier": "the integrated Brier score", "r2": "R²",
    "mae": "the mean absolute error", "rmse": "the root mean squared error",
    "spearman": "Spearman's correlation", "pearson": "Pearson's correlation",
    "dice": "Dice", "iou": "IoU", "nsd": "the normalised surface distance",
    "hd95_mm": "the 95th percentile Hausdorff distance (mm)",
    "hd95_px": "the 95th percentile Hausdorff distance (px)",
    "volume_error_ml": "the volume error (ml)", "volume_error_px": "the volume error (px)",
    "lesion_f1": "the F1 of lesions", "lesion_sensitivity": "the sensitivity to lesions",
    "lesion_precision": "the precision of lesions",
}  # fmt: skip
#: What a modality of a kind is called after its name; tables carry their name alone.
_KIND_WORDS = {
    "image": "image",
    "patches": "patches",
    "volume": "volume",
    "notes": "notes",
    "expression": "expression",
}
#: A patient id column named after one of these counts it, and not persons.
_UNITS = ("lesion", "nodule", "tumour", "tumor", "slide", "specimen", "image", "admission", "visit")


def answer(
    comparison: Comparison,
    *,
    arm_modalities: Sequence[str],
    reference_modalities: Sequence[str],
    kinds: Mapping[str, str] | None = None,
    unit: str = "patients",
    margin: float = 0.0,
    models: tuple[str, str] = ("", ""),
) -> str:
    """One sentence: what changes, by how much, in how many, and whether that may be chance.

    Where a margin is declared a second one says whether the arm is non-inferior within it.

    Args:
        comparison: The primary comparison.
        arm_modalities: What the arm sees.
        reference_modalities: What the reference sees.
        kinds: Modality name -> its kind, for the words ("the ultrasound image").
        unit: What is counted, such as `lesions`; see `unit_word`.
        margin: Of non-inferiority; 0 declares none.
        models: What kind of model the arm and the reference are, such as "a network" and "cox":
            where they differ, what was added is not all that changed.
    """
    subject = _subject(comparison, arm_modalities, reference_modalities, kinds or {})
    if subject.startswith("Adding ") and models[0] != models[1]:
        subject += f", with {models[0]} in place of {models[1]},"
    first = _what_changes(comparison, subject, unit)
    judged = judge_margin(comparison, margin)
    return f"{first} {judged.sentence}" if judged else first


def _what_changes(comparison: Comparison, subject: str, unit: str) -> str:
    metric = _METRIC_WORDS.get(comparison.metric, comparison.metric.replace("_", " "))
    where = f"in {comparison.n_patients} {unit}"
    difference, low, high = comparison.difference, comparison.ci_low, comparison.ci_high
    if math.isnan(difference):
        return (
            f"{subject.removesuffix(',')}: {metric} cannot be compared {where} ({comparison.test})."
        )
    if math.isnan(low) or math.isnan(high):
        return (
            f"There is no evidence that {_lower_first(subject)} changes {metric}: "
            f"{_signed(difference, 2)} {where}, without an interval ({comparison.test})."
        )
    digits = _digits(difference, low, high)
    interval = (
        f"{_signed(difference, digits)} (95 % interval {_signed(low, digits)} to "
        f"{_signed(high, digits)}) {where}."
    )
    if max(-low, high) >= largest_difference(comparison.metric):
        interval += " Too few folds: such an interval says next to nothing."
    if low <= 0 <= high:
        return f"There is no evidence that {_lower_first(subject)} changes {metric}: {interval}"
    is_lower_better = lower_is_better(comparison.metric)
    if (difference > 0) == is_lower_better:
        verb = "raises" if is_lower_better else "lowers"
        return f"{subject} makes it worse: it {verb} {metric}: {interval}"
    better = " (lower is better)" if is_lower_better else ""
    return f"{subject} changes {metric}{better} by {interval}"


def unit_word(patient_id_column: str) -> str:
    """What a study counts, by the column that it never splits: `lesion_id` counts lesions."""
    words = re.split(r"[^a-z]+", patient_id_column.lower())
    for unit in _UNITS:
        if unit in words:
            return f"{unit}s"
    return "patients"


def _subject(
    comparison: Comparison, arm: Sequence[str], reference: Sequence[str], kinds: Mapping[str, str]
) -> str:
    added = [name for name in arm if name not in reference]
    if added and reference and set(reference) < set(arm):
        return f"Adding {_listed(added, kinds)} to {_listed(reference, kinds)}"
    if set(arm) == set(reference) or not arm or not reference:
        return f"{comparison.arm} against {comparison.reference}"
    listed = f"{_listed(arm, kinds)} against {_listed(reference, kinds)}"
    return listed[0].upper() + listed[1:]


def _listed(names: Sequence[str], kinds: Mapping[str, str]) -> str:
    phrases: list[str] = []
    for name in names:
        words = name.replace("_", " ")
        kind = _KIND_WORDS.get(kinds.get(name, ""), "")
        if kind.startswith(words):  # a modality `patch` of patches
            words = kind
        phrases.append(f"the {words}" if kind.rstrip("s") in words else f"the {words} {kind}")
    if len(phrases) == 1:
        return phrases[0]
    return f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def _lower_first(subject: str) -> str:
    """The subject inside a sentence; names of arms keep their letters."""
    for start in ("Adding ", "The "):
        if subject.startswith(start):
            return subject[0].lower() + subject[1:]
    return subject


def _digits(difference: float, low: float, high: float) -> int:
    """Two decimals, or as many more as it takes to show which side of zero a limit is on."""
    for digits in (2, 3, 4):
        if all(value == 0 or round(value, digits) != 0 for value in (difference, low, high)):
            return digits
    return 2 if low <= 0 <= high else 4


def _signed(value: float, digits: int) -> str:
    """`+0.05`; what rounds to zero has no minus sign."""
    return f"{round(value, digits) + 0.0:+.{digits}f}"
