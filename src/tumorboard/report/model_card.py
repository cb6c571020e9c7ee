"""The card of a model folder: what it is for, who trained it, how it treats what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tumorboard.evaluation.pairing import pairing_label
from tumorboard.report.card_answers import certainty, decision, gives
from tumorboard.report.card_inputs import how_to_predict, inputs, missing
from tumorboard.report.markdown import plain

#: metrics.json: arm -> metric -> value, interval, counts.
Metrics = Mapping[str, Mapping[str, Mapping[str, Any]]]

NOT_A_DEVICE = (
    "Research software, not a medical device. Not for diagnosis, treatment or triage of patients."
)


def model_card(
    document: Mapping[str, Any], *, metrics: Metrics | None = None,
    comparison: Sequence[Mapping[str, Any]] = (), cohort: Mapping[str, Any] | None = None,
    environment: Mapping[str, Any] | None = None, limits: Sequence[str] = (), n_models: int = 1,
    uncertainty: Sequence[str] = (), held_out: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:  # fmt: skip
    """Model card as Markdown.

    Args:
        document: model.json of the model folder.
        metrics: metrics.json of a run of the same study, if one was evaluated.
        comparison: comparison.json of that run.
        cohort: cohort.json of that run or of the fit.
        environment: environment.json: versions and device.
        limits: What the study cannot show, sentence by sentence.
        n_models: Models of this arm that the card is about: one, or one per fold of a run.
        uncertainty: Sentences about calibration and prediction sets that a run measured.
        held_out: Heading -> evidence of the locked test set or of an external cohort.
    """
    study = document["study"]
    sections = [
        _head(document, study, n_models),
        _use(document, study, held_out or {}),
        _patients(document, cohort),
        inputs(document, study),
        missing(document, study),
        decision(document),
        [*certainty(document), *map(plain, uncertainty)],
        _performance(document, metrics, comparison, n_models),
        *([_held_out(document["arm"], held_out)] if held_out else []),
        _limits(limits),
        how_to_predict(document),
        _author(study),
        _versions(document, environment),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


def _head(document: Mapping[str, Any], study: Mapping[str, Any], n_models: int) -> list[str]:
    lines = [
        f"# Model card: {plain(study['study']['name'])}, arm {plain(document['arm'])}",
        "",
        f"**{NOT_A_DEVICE}**",
    ]
    if label := pairing_label(study):
        lines += ["", f"**{label}**"]
    if n_models > 1:
        lines += [
            "",
            f"{n_models} models of one arm, one per repeat and fold, below `models/`. Where models "
            "differ (patients, threshold, calibration), this card shows the first; `tumorboard "
            "fit` makes the one model to hand over.",
        ]
    return lines


def _use(
    document: Mapping[str, Any], study: Mapping[str, Any], held_out: Mapping[str, Any]
) -> list[str]:
    outside = [plain(name) for name in held_out if name.startswith("External")]
    measured = f" Measured elsewhere, under *Held-out patients*: {', '.join(outside)}."
    lines = ["## Intended use", ""]
    if study["study"].get("question", "none") != "none":
        lines += [f"Question of the study: {plain(study['study']['question'])}", ""]
    lines += [
        gives(document),
        "",
        *(
            f"- {heading}: {_said(study, key)}"
            for key, heading in (
                ("intended_use", "users and place in care"),
                ("population", "population"),
                ("setting", "setting"),
                ("users", "what users must do and know"),
            )
        ),
        "",
        "For research on cohorts like the one below. Performance in "
        f"{'any other' if outside else 'another'} hospital, with another device or in another "
        f"population is unknown until it is measured there.{measured if outside else ''}",
    ]
    return lines


def _patients(document: Mapping[str, Any], cohort: Mapping[str, Any] | None) -> list[str]:
    lines = ["## Patients", "", "| part | patients | rows | outcome |", "|---|---|---|---|"]
    notes = document.get("notes", {})
    for part in ("train", "validation"):
        counts = notes.get(part)
        if isinstance(counts, Mapping):
            outcome = ", ".join(f"{plain(k)} {v}" for k, v in counts["outcome"].items())
            lines.append(f"| {part} | {counts['patients']} | {counts['rows']} | {outcome} |")
    if len(lines) == 4:
        lines = [*lines[:2], "Counts were not recorded in this model folder."]
    if cohort:
        lines += ["", f"Found in the cohort: {cohort['patients']} patients, {cohort['rows']} rows."]
        lines += [
            f"- left out: {step['patients']} patients, {step['rows']} rows: {plain(step['reason'])}"
            for step in cohort.get("flow", [])
        ]
    return lines


def _limits(limits: Sequence[str]) -> list[str]:
    lines = ["## Limits", "", *(f"- {plain(sentence)}" for sentence in limits)]
    return [
        *lines,
        "- Performance per subgroup, where columns were named for it, is in report.html; groups "
        "under 10 patients are refused.",
        "- Not for patients unlike those below *Patients*, other devices or later periods, until "
        "performance is measured there.",
    ]


def _performance(
    document: Mapping[str, Any], metrics: Metrics | None, comparison: Sequence[Mapping[str, Any]],
    n_models: int,
) -> list[str]:  # fmt: skip
    lines = ["## Performance", ""]
    arms = metrics or {}
    if document["arm"] not in arms:
        remedy = "`tumorboard evaluate STUDY` measures the study's arms."
        return [*lines, f"Not measured with this model. {remedy}"]
    lines += [
        "Each model measured on test patients that it did not see; means over the models."
        if n_models > 1
        else "Measured with the same arm on held-out patients, not with these weights.",
        "",
        *_table(arms[document["arm"]]),
    ]
    for row in comparison:
        if row["arm"] == document["arm"]:
            lines += [
                "",
                f"{plain(row['arm'])} minus {plain(row['reference'])}: {plain(row['metric'])} "
                f"{_number(row['difference'])} ({_number(row['ci_low'])} to "
                f"{_number(row['ci_high'])}).",
            ]
    return lines


def _table(estimates: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Metrics with their intervals; numbers have no events, and no column of them."""
    shown = {name: e for name, e in estimates.items() if not name.startswith("confusion_")}
    has_events = any(each["n_events"] for each in shown.values())
    lines = ["| metric | value | 95 % interval | patients |", "|---|---|---|---|"]
    lines += [
        f"| {plain(name)} | {_number(each['value'])} | {_number(each['ci_low'])} to "
        f"{_number(each['ci_high'])} | {each['n_patients']} |"
        for name, each in shown.items()
    ]
    if not has_events:
        return lines
    last = ["events |", "---|", *(f"{each['n_events']} |" for each in shown.values())]
    return [
        f"{line} {cell}" if i != 1 else f"{line}{cell}"
        for i, (line, cell) in enumerate(zip(lines, last, strict=True))
    ]


def _held_out(arm: str, cohorts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the mean prediction of the models is on patients that no fold has seen."""
    lines = [
        "## Held-out patients",
        "",
        "No fold has seen them; predicted by the mean of the arm's models.",
    ]
    for name, found in cohorts.items():
        lines += ["", f"### {plain(name)}: {found['n_patients']} patients", ""]
        lines += _table(found["arms"][arm]["ensemble"])
    return lines


def _author(study: Mapping[str, Any]) -> list[str]:
    keys = (
        "outcome", "equity", "ethics", "funding", "conflicts", "data_availability",
        "code_availability",
    )  # fmt: skip
    lines = [f"- {key.replace('_', ' ')}: {_said(study, key)}" for key in keys]
    return ["## Statements of the author", "", *lines]


def _versions(document: Mapping[str, Any], environment: Mapping[str, Any] | None) -> list[str]:
    lines = ["## Versions", "", f"- tumorboard {plain(document['tumorboard'])}"]
    versions = (environment or {}).get("packages", {})
    lines += [f"- {plain(k)} {plain(v)}" for k, v in versions.items() if k != "tumorboard"]
    return [*lines, f"- seed {study_seed(document)}"]


def study_seed(document: Mapping[str, Any]) -> int:
    """The seed that all randomness of the model derives from."""
    return int(document["study"]["study"].get("seed", 0))


def _said(study: Mapping[str, Any], key: str) -> str:
    sentence = study.get("report", {}).get(key, "none")
    return "not reported" if sentence == "none" else plain(sentence)


def _number(value: float | None) -> str:
    return "not available" if value is None else f"{value:.3f}"
