"""What a model's card says of its answer, by task: what it gives, its threshold, its certainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tumorboard.report.markdown import code, plain

#: Task of numbers -> why no threshold stands in its card.
_NO_CALL: Mapping[str, str] = {
    "survival": "A risk score or a survival probability becomes a decision only by a threshold "
    "that was chosen and tested for it.",
    "regression": "The number is given as it is.",
}
#: What decides over a voxel.
_OF_VOXELS = (
    "A voxel gets its label from the model's probabilities, and components are kept by rules that "
    "were chosen on validation patients. Every contour has to be looked at."
)
#: Task of numbers -> what is known of the certainty of one answer.
_CERTAINTY: Mapping[str, str] = {
    "survival": "Survival probabilities stand on how the training patients fared and were not "
    "recalibrated; the report of a run shows observed beside predicted survival at each horizon. "
    "No interval is given for one patient.",
    "regression": "Numbers were not recalibrated; the report of a run shows observed beside "
    "predicted. No interval is given for one patient: the mean absolute error of held-out patients "
    "says how far a prediction typically is from the truth.",
    "segmentation": "Every mask comes with the uncertainty of its voxels and a predicted Dice; the "
    "report of a run shows predicted beside reached Dice.",
}


def kind_of(document: Mapping[str, Any]) -> str:
    """The task of a model.json."""
    return str(document["study"]["task"].get("kind", "classification"))


def gives(document: Mapping[str, Any]) -> str:
    """One sentence: what a user gets for one patient."""
    task = document["study"]["task"]
    every = f"for every {plain(task.get('unit', 'patient'))}"
    kind = kind_of(document)
    if kind == "survival":
        return _survival(document, task, every)
    if kind == "regression":
        targets = [task["target"]] if isinstance(task["target"], str) else task["target"]
        named = ", ".join(f"`{code(target)}`" for target in targets)
        return f"Gives a number {every}, in the unit of the training table: {named}."
    if kind == "segmentation":
        labels = ", ".join(plain(name) for name in task.get("labels", ()))
        return f"Gives a mask {every}, with these labels: {labels}."
    classes = ", ".join(plain(name) for name in document["classes"])
    target = code(task["target"])
    return f"Gives a probability of each of these classes of `{target}` {every}: {classes}."


def _survival(document: Mapping[str, Any], task: Mapping[str, Any], every: str) -> str:
    days = [
        each for each in str(document.get("values", {}).get("horizons_days", "")).split(",") if each
    ]
    curve = f", and the probability of no event within {', '.join(days)} days" if days else ""
    return (
        f"Gives a risk score {every} (higher: earlier event; it has no scale and is no probability)"
        f"{curve}. The event is `{code(task['event'])}` = {plain(task['event_value'])}; time is "
        f"counted as in the column `{code(task['time'])}` ({plain(task['time_unit'])})."
    )


def decision(document: Mapping[str, Any]) -> list[str]:
    """The threshold from which something is called, and how it was chosen."""
    lines = ["## Decision threshold", ""]
    if (kind := kind_of(document)) == "segmentation":
        return [*lines, _OF_VOXELS]
    if kind in _NO_CALL:
        return [*lines, f"None: nothing is called. {_NO_CALL[kind]}"]
    study = document["study"]
    threshold = document.get("threshold")
    if threshold is None:
        return [*lines, "None: the class with the largest probability is called."]
    rule = study["evaluation"]["threshold"]["rule"]
    return [
        *lines,
        f"A probability of `{code(document['classes'][-1])}` at or above {threshold:.4f} is "
        f"called positive; chosen on validation patients by the rule `{code(rule)}`.",
    ]


def certainty(document: Mapping[str, Any]) -> list[str]:
    """What is known about how far an answer can be trusted."""
    if (kind := kind_of(document)) in _CERTAINTY:
        return ["## Calibration and uncertainty", "", _CERTAINTY[kind]]
    calibration = document.get("calibration", {"kind": "none"})
    kind = calibration if isinstance(calibration, str) else calibration.get("kind", "none")
    conformal = document.get("conformal", "none")
    lines = [
        "## Calibration and uncertainty",
        "",
        "Probabilities were not calibrated: read them as scores."
        if kind == "none"
        else f"Probabilities are calibrated on validation patients: {plain(kind)}.",
    ]
    if isinstance(conformal, Mapping):
        counts = conformal.get("n_calibration", ())
        is_by_class = conformal.get("by") == "class"
        n = sum(counts) if is_by_class else max(counts, default=0)
        within = " within every class" if is_by_class else ""
        lines.append(
            f"Prediction sets are made to hold the true class for at least "
            f"{100 * conformal['coverage']:g} % of patients like these{within}; calibrated on {n} "
            f"validation patients.{_always_held(document['classes'], conformal)}"
        )
    else:
        lines.append("No prediction sets were fitted.")
    return lines


def _always_held(classes: Sequence[str], conformal: Mapping[str, Any]) -> str:
    """Which classes every set holds, for want of validation patients; "" for none."""
    quantiles = conformal.get("quantiles", ())
    if len(quantiles) != len(classes):
        return ""
    always = [plain(name) for name, q in zip(classes, quantiles, strict=True) if q is None]
    if len(always) == len(classes):
        return (
            f" They are too few: every set holds all {len(classes)} classes, and rules nothing out."
        )
    return f" They are too few in {', '.join(always)}: every set holds it." if always else ""
