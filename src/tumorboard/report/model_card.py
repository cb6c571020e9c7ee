"""The card of a model folder: what it is for, who trained it, how it treats what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: metrics.json: arm -> metric -> value, interval, counts.
Metrics = Mapping[str, Mapping[str, Mapping[str, Any]]]

NOT_A_DEVICE = (
    "Research software, not a medical device. Not for diagnosis, treatment or triage of patients."
)


def model_card(
    document: Mapping[str, Any], *, metrics: Metrics | None = None,
    comparison: Sequence[Mapping[str, Any]] = (), cohort: Mapping[str, Any] | None = None,
    environment: Mapping[str, Any] | None = None,
) -> str:  # fmt: skip
    """Model card as Markdown.

    Args:
        document: model.json of the model folder.
        metrics: metrics.json of a run of the same study, if one was evaluated.
        comparison: comparison.json of that run.
        cohort: cohort.json of that run or of the fit.
        environment: environment.json: versions and device.
    """
    study = document["study"]
    sections = [
        _head(document, study),
        _use(document, study),
        _patients(document, cohort),
        _inputs(document, study),
        _missing(document, study),
        _decision(document, study),
        _performance(document, metrics, comparison),
        _author(study),
        _versions(document, environment),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


def _head(document: Mapping[str, Any], study: Mapping[str, Any]) -> list[str]:
    return [
        f"# Model card: {_text(study['study']['name'])}, arm {_text(document['arm'])}",
        "",
        f"**{NOT_A_DEVICE}**",
    ]


def _use(document: Mapping[str, Any], study: Mapping[str, Any]) -> list[str]:
    task = study["task"]
    classes = ", ".join(_text(name) for name in document["classes"])
    lines = ["## Intended use", ""]
    if study["study"].get("question", "none") != "none":
        lines += [f"Question of the study: {_text(study['study']['question'])}", ""]
    lines += [
        f"Gives a probability of each of these classes of `{_code(task['target'])}` for every "
        f"{_text(task.get('unit', 'patient'))}: {classes}.",
        "",
        f"Population: {_said(study, 'population')}. Setting: {_said(study, 'setting')}.",
        "",
        "For research on cohorts like the one below. Performance in another hospital, with another "
        "device or in another population is unknown until it is measured there.",
    ]
    return lines


def _patients(document: Mapping[str, Any], cohort: Mapping[str, Any] | None) -> list[str]:
    lines = ["## Patients", "", "| part | patients | rows | outcome |", "|---|---|---|---|"]
    notes = document.get("notes", {})
    for part in ("train", "validation"):
        counts = notes.get(part)
        if isinstance(counts, Mapping):
            outcome = ", ".join(f"{_text(k)} {v}" for k, v in counts["outcome"].items())
            lines.append(f"| {part} | {counts['patients']} | {counts['rows']} | {outcome} |")
    if len(lines) == 4:
        lines = [*lines[:2], "Counts were not recorded in this model folder."]
    if cohort:
        lines += ["", f"Found in the cohort: {cohort['patients']} patients, {cohort['rows']} rows."]
        lines += [
            f"- left out: {step['patients']} patients, {step['rows']} rows: {_text(step['reason'])}"
            for step in cohort.get("flow", [])
        ]
    return lines


def _inputs(document: Mapping[str, Any], study: Mapping[str, Any]) -> list[str]:
    arm = study["arms"][document["arm"]]
    lines = ["## Inputs and architecture", ""]
    for name in arm["modalities"]:
        settings = study["modalities"][name]
        lines.append(f"- `{_code(name)}` ({_text(settings['kind'])}): {_reads(settings)}")
        encoder = arm.get("encoders", {}).get(name)
        if encoder:
            lines.append(f"  - encoder {_settings(encoder)}; {_weights(encoder)}")
    if arm.get("baseline", "none") != "none":
        lines.append(f"- classical baseline {_settings(arm['baseline'])}")
    elif arm.get("fusion", "none") != "none":
        lines.append(f"- fusion {_settings(arm['fusion'])}")
    fitted = "Every fitted step (scaling, imputation, categories) saw training patients only."
    return [*lines, "", fitted]


def _reads(settings: Mapping[str, Any]) -> str:
    columns = [*settings.get("numeric", ()), *settings.get("categorical", ())]
    if columns:
        return "columns " + ", ".join(f"`{_code(name)}`" for name in columns)
    return f"files `{_code(settings['files'])}`" if settings.get("files") else "see model.json"


def _weights(encoder: Mapping[str, Any]) -> str:
    weights = encoder.get("weights", "none")
    return "trained from scratch" if weights == "none" else f"started from {_text(weights)}"


def _settings(component: Mapping[str, Any]) -> str:
    rest = ", ".join(f"{k} = {v}" for k, v in component.items() if k != "name")
    return f"`{_code(component['name'])}`" + (f" ({_text(rest)})" if rest else "")


def _missing(document: Mapping[str, Any], study: Mapping[str, Any]) -> list[str]:
    arm = study["arms"][document["arm"]]
    members = arm["modalities"]
    lines = ["## Missing values and missing modalities", ""]
    if len(members) == 1:
        lines.append(f"A patient without `{_code(members[0])}` gets no prediction, and is listed.")
    else:
        lines.append(
            "Any non-empty subset of the modalities is accepted: what is missing is left out of "
            "the fusion, never replaced by zero. A patient with none of them gets no prediction, "
            "and is listed."
        )
        dropout = arm.get("training", study.get("training", {})).get("modality_dropout", 0.0)
        lines.append(
            f"While training, a modality was hidden at random with probability {dropout:g}."
            if dropout
            else "Modalities were not hidden at random while training, so a subset that was rare "
            "among the training patients may be predicted badly."
        )
    if any(study["modalities"][m]["kind"] == "table" for m in members):
        lines.append(
            "Empty cells of a table are filled from statistics of the training patients, as the "
            "modality's settings in model.json say."
        )
    return lines


def _decision(document: Mapping[str, Any], study: Mapping[str, Any]) -> list[str]:
    lines = ["## Decision threshold", ""]
    threshold = document.get("threshold")
    if threshold is None:
        return [*lines, "None: the class with the largest probability is called."]
    rule = study["evaluation"]["threshold"]["rule"]
    return [
        *lines,
        f"A probability of `{_code(document['classes'][-1])}` at or above {threshold:.4f} is "
        f"called positive; chosen on validation patients by the rule `{_code(rule)}`.",
        "Probabilities were not calibrated on further patients."
        if study["evaluation"].get("calibration", "none") == "none"
        else f"Probabilities are calibrated: {_text(study['evaluation']['calibration'])}.",
    ]


def _performance(
    document: Mapping[str, Any], metrics: Metrics | None, comparison: Sequence[Mapping[str, Any]],
) -> list[str]:  # fmt: skip
    lines = ["## Performance", ""]
    arms = metrics or {}
    if document["arm"] not in arms:
        remedy = "`tumorboard evaluate STUDY` measures the study's arms."
        return [*lines, f"Not measured with this model. {remedy}"]
    lines += [
        "Measured with the same arm on held-out patients of the study, not with these weights.",
        "",
        "| metric | value | 95 % interval | patients | events |",
        "|---|---|---|---|---|",
    ]
    for name, estimate in arms[document["arm"]].items():
        if not name.startswith("confusion_"):
            lines.append(
                f"| {_text(name)} | {_number(estimate['value'])} | {_number(estimate['ci_low'])} "
                f"to {_number(estimate['ci_high'])} | {estimate['n_patients']} "
                f"| {estimate['n_events']} |"
            )
    for row in comparison:
        if row["arm"] == document["arm"]:
            lines += [
                "",
                f"{_text(row['arm'])} minus {_text(row['reference'])}: {_text(row['metric'])} "
                f"{_number(row['difference'])} ({_number(row['ci_low'])} to "
                f"{_number(row['ci_high'])}).",
            ]
    return lines


def _author(study: Mapping[str, Any]) -> list[str]:
    keys = ("outcome", "ethics", "funding")
    return ["## Statements of the author", "", *(f"- {key}: {_said(study, key)}" for key in keys)]


def _versions(document: Mapping[str, Any], environment: Mapping[str, Any] | None) -> list[str]:
    lines = ["## Versions", "", f"- tumorboard {_text(document['tumorboard'])}"]
    versions = (environment or {}).get("packages", {})
    lines += [f"- {_text(k)} {_text(v)}" for k, v in versions.items() if k != "tumorboard"]
    return [*lines, f"- seed {study_seed(document)}"]


def study_seed(document: Mapping[str, Any]) -> int:
    """The seed that all randomness of the model derives from."""
    return int(document["study"]["study"].get("seed", 0))


def _said(study: Mapping[str, Any], key: str) -> str:
    sentence = study.get("report", {}).get(key, "none")
    return "not reported" if sentence == "none" else _text(sentence)


def _number(value: float | None) -> str:
    return "not available" if value is None else f"{value:.3f}"


def _text(value: object) -> str:
    """Text that Markdown and HTML show as it is, on one line and within one cell."""
    text = " ".join(str(value).split())
    for sign, shown in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "\\|")):
        text = text.replace(sign, shown)
    return text


def _code(value: object) -> str:
    return " ".join(str(value).split()).replace("`", "'").replace("|", "\\|")
