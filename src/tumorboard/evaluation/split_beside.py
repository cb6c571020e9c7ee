"""The split by unit beside the split by patient: how much patients on both sides flatter.

Patches of one slide, and lesions of one patient, look alike. A split that puts some of them into
training and others into testing measures in part how well the model knows the patient again. Both
splits are evaluated, and one sentence says what the difference comes to.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from typing import Any

from tumorboard.records import Estimate

#: What is compared, in order: with two classes, and with more.
BINARY = ("auroc", "auprc", "sensitivity", "ppv")
SEVERAL = ("macro_f1", "auroc", "auprc", "balanced_accuracy")
#: How a sentence calls the metric that leads it; of several classes it is a mean over them.
_WORDS = {"auroc": "AUROC", "auprc": "AUPRC", "macro_f1": "macro F1"}
#: Differences that round to nothing.
_NOTHING = 0.005

#: The two splits, as the document calls them.
SPLITS = ("by_patient", "by_unit")

Metrics = Mapping[str, Mapping[str, Estimate]]


def split_beside_document(
    by_patient: Metrics, by_unit: Metrics, *, n_units: int, n_patients: int, n_classes: int,
    unit: str = "row", patient: str = "patient", arm: str = "", metric: str = "auroc",
    n_training: tuple[int, int] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Evidence `split_beside`.

    Layout: `unit` and `patient` (what each is called), `n_units`, `n_patients`,
    `n_training_patients`: `by_patient`, `by_unit` (of the first fold; absent where not known),
    `n_classes`, `arm` and `metric` of the sentence, `metrics` shown, `sentence`, `arms`: arm ->
    metric -> `by_patient`, `by_unit`: `value`, `ci_low`, `ci_high`; `difference` (by unit minus by
    patient).

    Args:
        by_patient: Arm -> metric -> estimate of the split by patient.
        by_unit: The same arms, where units of one patient may lie on both sides.
        n_units: Units tested.
        n_patients: Patients tested.
        n_classes: Number of classes.
        unit: What one unit is called, such as `patch`.
        patient: What is never split is called, such as `case`.
        arm: Arm of the sentence; the first where left out.
        metric: Metric of the sentence.
        n_training: Patients who train in the first fold, split by patient and by unit.
    """
    shown = BINARY if n_classes == 2 else SEVERAL
    arms = [name for name in by_patient if name in by_unit]
    leading = arm or next(iter(arms), "")
    pairs = {
        name: {
            m: _pair(by_patient[name][m], by_unit[name][m])
            for m in dict.fromkeys((metric, *shown))
            if m in by_patient[name] and m in by_unit[name]
        }
        for name in arms
    }
    document: dict[str, Any] = {
        "unit": unit,
        "patient": patient,
        "n_units": n_units,
        "n_patients": n_patients,
        "n_classes": n_classes,
        "arm": leading,
        "metric": metric,
        "metrics": list(dict.fromkeys((metric, *shown))),
        "arms": pairs,
    }
    if n_training is not None:
        document["n_training_patients"] = dict(zip(SPLITS, n_training, strict=True))
    return {**document, "sentence": explain_difference(document)}


def _pair(by_patient: Estimate, by_unit: Estimate) -> dict[str, Any]:
    return {
        "by_patient": _plain(by_patient),
        "by_unit": _plain(by_unit),
        "difference": by_unit.value - by_patient.value,
    }


def _plain(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "ci_low": estimate.ci_low, "ci_high": estimate.ci_high}


def explain_difference(document: Mapping[str, Any]) -> str:
    """What the two splits of the leading arm say about each other, in one to three sentences.

    It gives no cause: the splits also differ in who trains, and says so where the numbers differ.
    """
    unit, patient = str(document["unit"]), str(document["patient"])
    pair = document["arms"].get(document["arm"], {}).get(document["metric"])
    who = f"{document['n_units']:,} {plural(unit)} of {document['n_patients']:,} {plural(patient)}"
    if pair is None or isnan(pair["difference"]):
        return (
            f"The split by {unit} cannot be compared with the split by {patient} ({who}): "
            "the metric is not defined in both."
        )
    flattered, honest = pair["by_unit"]["value"], pair["by_patient"]["value"]
    name = _metric_words(str(document["metric"]), int(document["n_classes"]))
    said = (
        f"Split by {unit}, {document['arm']} reaches {name} of {flattered:.2f}; split by "
        f"{patient}, {honest:.2f}"
    )
    difference = round(flattered, 2) - round(honest, 2)  # of the numbers that the reader sees
    if pair["difference"] >= _NOTHING and difference > 0:
        return (
            f"{said}: {difference:.2f} of it goes with {plural(unit)} of the same {patient} on "
            f"both sides ({who}).{_who_trains(document)}"
        )
    if abs(pair["difference"]) < _NOTHING or difference == 0:
        found = f"{plural(unit)} of the same {patient} on both sides made no difference here"
    else:
        found = (
            f"{plural(unit)} of the same {patient} on both sides did not raise it here "
            f"({difference:+.2f})"
        )
    return (
        f"{said}: {found} ({who}).{_who_trains(document)} That does not make the split by {unit} "
        "safe elsewhere."
    )


def _who_trains(document: Mapping[str, Any]) -> str:
    """A sentence where the two splits do not train on the same number of patients, or ""."""
    numbers: Mapping[str, int] = document.get("n_training_patients", {})
    if len(set(numbers.values())) < 2:
        return ""
    unit, patient = str(document["unit"]), str(document["patient"])
    return (
        f" Who trains differs too: {plural(unit)} of {numbers['by_unit']:,} {plural(patient)} "
        f"split by {unit}, of {numbers['by_patient']:,} split by {patient}."
    )


def plural(noun: str) -> str:
    """`patches`, `cases`, `biopsies`."""
    if noun.endswith(("ch", "sh", "s", "x")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2:-1] not in tuple("aeiou"):
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def _metric_words(metric: str, n_classes: int) -> str:
    words = _WORDS.get(metric, metric.replace("_", " "))
    if n_classes > 2 and metric in ("auroc", "auprc"):
        words = f"macro {words}"
    return f"{'an' if words[0] in 'aeiouA' else 'a'} {words}"
