"""The card of a run's models: MODEL_CARD.md, and applied-model-card.json for other programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tumorboard.cache import write_text
from tumorboard.report.class_facts import ClassFacts
from tumorboard.report.contents import Contents
from tumorboard.report.facts import Facts
from tumorboard.report.limits import STATEMENTS
from tumorboard.report.model_card import NOT_A_DEVICE, model_card
from tumorboard.report.model_remarks import is_calibrated, read_models
from tumorboard.report.numbers_contents import NumbersContents
from tumorboard.report.run_contents import read_json
from tumorboard.report.run_facts import facts_of
from tumorboard.report.shown import percent


def write_cards(contents: Contents | NumbersContents) -> tuple[Path, ...]:
    """Write both cards of the primary arm's models into the run folder; none where it has none.

    Raises:
        InputError: A file of the run or of a model is damaged.
    """
    documents = read_models(contents.folder, contents.arms[0])
    if not documents:
        return ()
    facts = facts_of(contents)
    cohorts = _held_out(facts)
    card = model_card(
        documents[0],
        metrics=read_json(contents.folder / "metrics.json"),
        comparison=read_json(contents.folder / "comparison.json"),
        cohort=contents.cohort,
        environment=contents.environment,
        limits=facts.limits,
        n_models=len(documents),
        uncertainty=_of_all_models(documents, facts) if isinstance(facts, ClassFacts) else (),
        held_out=cohorts,
    )
    paths = contents.folder / "MODEL_CARD.md", contents.folder / "applied-model-card.json"
    write_text(paths[0], card)
    text = json.dumps(applied_card(documents[0], facts), indent=1, ensure_ascii=False)
    write_text(paths[1], text + "\n")
    return paths


def _of_all_models(documents: Sequence[Mapping[str, Any]], facts: ClassFacts) -> list[str]:
    """Sentences about calibration and sets of all models, measured on their test patients."""
    lines: list[str] = []
    method = str(facts.evaluation.get("calibration", "none"))
    if method != "none":
        n = sum(is_calibrated(document) for document in documents)
        lines.append(f"Calibration ({method}) could be fitted for {n} of {len(documents)} models.")
    arms = (facts.evidence("abstention") or {}).get("arms", {})
    sets = arms.get(facts.primary, {}).get("sets")
    if sets is None:
        return lines
    n_classes = len(facts.classes.classes)
    if sets["mean_size"] >= n_classes:
        lines.append(
            f"On the test patients every prediction set held all {n_classes} classes, so that the "
            "sets rule nothing out."
        )
    else:
        lines.append(
            f"On the test patients the sets held the true class in {percent(sets['all']['value'])} "
            f"and {sets['mean_size']:.2f} of {n_classes} classes on average; "
            f"{percent(sets['shares']['one'])} held exactly one."
        )
    return lines


def _held_out(facts: Facts) -> dict[str, Mapping[str, Any]]:
    """Heading -> evidence of patients that no fold has seen, where the arm predicted any."""
    found: dict[str, Mapping[str, Any]] = {}
    if (locked := facts.evidence("locked_test")) is not None:
        found["Locked test set"] = locked
    external = facts.evidence("external") or {"cohorts": {}}
    found |= {f"External cohort {name}": each for name, each in external["cohorts"].items()}
    return {name: each for name, each in found.items() if facts.primary in each["arms"]}


def applied_card(document: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    """What a card of an applied model holds, under plain keys.

    The headings follow those of the Applied Model Card of the Coalition for Health AI (2024).
    """
    study = document["study"]
    arm = study["arms"][document["arm"]]
    calibration = document.get("calibration", {"kind": "none"})
    return {
        "name": study["study"]["name"],
        "arm": document["arm"],
        "version": document["tumorboard"],
        "summary": facts.contents.answer,
        "warning": f"{NOT_A_DEVICE} {facts.contents.pairing}".rstrip(),
        "pairing": str(facts.evaluation.get("pairing", "patient")),
        "uses": {
            "intended_use": facts.said("intended_use"),
            "target_population": facts.said("population"),
            "setting": facts.said("setting"),
            "users": facts.said("users"),
            "out_of_scope": "Patients, devices or periods unlike those of the study and of its "
            "external cohorts, until performance is measured there.",
        },
        "warnings": {"known_limits": facts.limits, "inequalities": facts.said("equity")},
        "ingredients": {
            "outcome": facts.outcome(),
            "inputs": {name: study["modalities"][name] for name in arm["modalities"]},
            "model": {key: value for key, value in arm.items() if key != "training"},
            "development_data": facts.patients(),
            "training_patients": document.get("notes", {}).get("train"),
            "missing_data": facts.missing(),
            "preparation": facts.preparation(),
        },
        "decision": {
            "output": facts.output(),
            "threshold": document.get("threshold"),
            "calibration": calibration,
            "prediction_sets": document.get("conformal", "none"),
        },
        "metrics": {
            name: {"value": e.value, "ci_low": _finite(e.ci_low), "ci_high": _finite(e.ci_high),
                   "n_patients": e.n_patients, "n_events": e.n_events}
            for name, e in facts.contents.metrics[facts.primary].items()
            if not name.startswith("confusion_") and _finite(e.value) is not None
        },
        "held_out": {
            name: {"n_patients": each["n_patients"],
                   "ensemble": {metric: e for metric, e in
                                each["arms"][facts.primary]["ensemble"].items()
                                if not metric.startswith("confusion_")}}
            for name, each in _held_out(facts).items()
        },
        "evidence": sorted(p.name for p in (facts.contents.folder / "evidence").glob("*.json")),
        "resources": {key: facts.said(key) for key in STATEMENTS if facts.said(key)},
    }  # fmt: skip


def _finite(value: float) -> float | None:
    return value if value == value and abs(value) != float("inf") else None
