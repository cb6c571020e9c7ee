"""report.html: one self-contained page whose first line is the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tumorboard
from tumorboard.cache import write_text
from tumorboard.evaluation.evidence import read_evidence
from tumorboard.records import Finding
from tumorboard.report.captions import captions, glossary
from tumorboard.report.checklists import write_filled
from tumorboard.report.contents import Contents
from tumorboard.report.figures import write_figures
from tumorboard.report.how_little import how_little
from tumorboard.report.limits import accepted_errors, limits, statements
from tumorboard.report.overlays import write_overlays
from tumorboard.report.patients import MAX_ERRORS, MAX_PATIENTS, mistakes, unit_rows
from tumorboard.report.performance import (
    arms_table,
    class_tables,
    describe_arms,
    difference_rows,
    other_metrics,
)
from tumorboard.report.run_card import write_cards
from tumorboard.report.run_contents import RunContents
from tumorboard.report.section import Section, fill
from tumorboard.report.sections import SECTIONS
from tumorboard.report.style import labelled_figures
from tumorboard.report.table1 import has_rows, shown_rows

_HERE = Path(__file__).parent


def write_classes(contents: Contents) -> Path:
    """Write figures, report.html, checklists and cards of a classification."""
    run_folder = contents.folder
    path = run_folder / "report.html"
    with labelled_figures(contents.pairing):
        figures = write_figures(contents, run_folder / "figures")
        write_text(path, render(contents, figures))
    write_overlays(contents)
    write_filled(contents)
    write_cards(contents)
    return path


def render(contents: Contents, figures: Mapping[str, str]) -> str:
    """The page as HTML; every text of the run is escaped.

    Args:
        contents: The run folder, read.
        figures: Name -> SVG element.
    """
    sections = [section for make in SECTIONS if (section := make(contents)) is not None]
    words = {
        **head_words(contents),
        **cohort_words(contents),
        **_numbers(contents),
        **_patients(contents),
        **background_words(contents, n_events=contents.n_events),
        "how_little": how_little(contents),
        "captions": captions(contents),
        "glossary": glossary(contents),
    }
    return assembled(words, contents, sections, figures)


def assembled(
    words: Mapping[str, Any], contents: RunContents, sections: Sequence[Section],
    figures: Mapping[str, str],
) -> str:  # fmt: skip
    """The page from its words, sections and drawings."""
    from markupsafe import Markup

    return fill(
        "page.html",
        **words,
        sections=[{**vars(section), "html": Markup(section.html)} for section in sections],
        navigation=navigation(contents, sections, figures),
        # Ours, not the run's: style sheet and drawings stay as they are.
        css=Markup((_HERE / "page.css").read_text(encoding="utf-8")),
        figures={name: Markup(svg) for name, svg in figures.items()},
    )


def navigation(
    contents: RunContents, sections: Sequence[Section], figures: Mapping[str, str]
) -> list[tuple[str, list[tuple[str, str]]]]:
    """The list of contents: heading -> (anchor, title) of every section, in the page's order."""
    study = [("answer", "Answer"), ("audit", "Audit"), ("cohort", "Cohort")]
    if not contents.table_one or has_rows(contents.table_one):
        study.append(("table1", "Table 1"))
    results = [("arms", "Arms"), ("comparisons", "Comparisons")]
    if "roc" in figures:
        results.append(("curves", "Curves"))
    if "confusion" in figures:
        results.append(("confusion", "Confusion"))
    evidence = [(section.anchor, section.title) for section in sections]
    if "training" in figures:
        evidence.append(("training", "Training"))
    return [
        (heading, links)
        for heading, links in (
            ("Study", study),
            ("Results", results),
            ("Evidence", evidence),
            ("Patients", [*([("errors", "Errors")] if "roc" in figures else []),
                          ("patients", f"Every {contents.unit}")]),
            ("About", [("glossary", "How to read"), ("statements", "Statements"),
                       ("limits", "Limits"), ("settings", "Settings"), ("versions", "Versions")]),
        )
        if links
    ]  # fmt: skip


def head_words(contents: RunContents) -> dict[str, Any]:
    """The answer, the facts beside it and the audit."""
    question = contents.study["study"].get("question", "none")
    repeats, folds = contents.n_splits
    split = (
        f"{folds}-fold, {repeats} {'repeat' if repeats == 1 else 'repeats'}"
        if folds > 1
        else "one split"
    )
    if contents.study["evaluation"].get("folds_by") == "institution":
        split = f"one institution left out after the other, {split}"
    counts = ", ".join(f"{name} {n}" for name, n in contents.n_units.items())
    return {
        "name": contents.name,
        "answer": contents.answer,
        "pairing": contents.pairing,
        "question": "" if question == "none" else question,
        "facts": [
            ("patients analysed", f"{contents.n_patients:,}"),
            (f"outcome ({contents.unit}s)", counts),
            ("arms", len(contents.arms)),
            ("cross-validation" if folds > 1 else "test", split),
        ],
        "findings": grouped(contents.findings),
        "accepted": accepted_errors(contents.study, contents.findings),
    }


def grouped(findings: Sequence[Finding]) -> list[Finding]:
    """Findings with the small classes of a study in one line; audit.json keeps each of them.

    Notes on what a class joins stay: each says something of its own.
    """
    small = [f for f in findings if f.code == "small-class" and f.severity == "warning"]
    if len(small) < 2:
        return list(findings)
    counts = {str(f.evidence["class"]): f.evidence["n_patients"] for f in small}
    named = ", ".join(f"{name} {n}" for name, n in counts.items())
    together = Finding(
        small[0].code,
        small[0].severity,
        f"{len(small)} classes have few patients, which say little about them: {named}. Merge "
        "classes ([task] classes) or collect more patients.",
        tuple(dict.fromkeys(patient for f in small for patient in f.patients)),
        {"n_patients": counts},
    )
    return [together if f is small[0] else f for f in findings if f not in small[1:]]


def cohort_words(contents: RunContents) -> dict[str, Any]:
    """Files, patients and Table 1."""
    cohort = contents.cohort
    analysed = contents.flow().modalities
    table = contents.table_one
    return {
        "files": contents.files,
        "counted": contents.counted,
        "patient_column": contents.study.get("cohort", {}).get("patient_id", "patient_id"),
        "notes": cohort.get("notes", []),
        "found_outcome": cohort.get("outcome", {}),
        "found_modalities": [
            {
                "name": name,
                "files": counts["files"],
                "patients": counts["patients"],
                "analysed": analysed.get(name, "no arm reads it"),
            }
            for name, counts in cohort.get("modalities", {}).items()
        ],
        "tells_table1": not table or has_rows(table),
        "table1": _table_one(contents) if has_rows(table) else {},
    }


def _table_one(contents: RunContents) -> dict[str, Any]:
    table = contents.table_one
    classes = [name for name in contents.n_units if name in table["classes"]]
    classes = classes or list(table["classes"])
    if len(classes) == 1:  # the same patients as in the column of all
        classes = []
    return {
        "n_patients": table["n_patients"],
        "classes": classes,
        "sizes": table["classes"],
        "rows": shown_rows(table, classes=classes),
        "differing": {name: n for name, n in table["n_differing"].items() if n},
    }


def _numbers(contents: Contents) -> dict[str, Any]:
    arms, metrics, n_classes = contents.arms, contents.metrics, len(contents.classes)
    describes = describe_arms(contents.study)
    return {
        "arms": arms,
        "main_table": arms_table(metrics, arms=arms, n_classes=n_classes, describes=describes),
        "further_table": other_metrics(metrics, arms=arms, n_classes=n_classes),
        "class_tables": class_tables(
            metrics, arms=arms, counts=contents.class_counts, unit=contents.unit
        ),
        "threshold_notes": contents.threshold_notes,
        "differences": difference_rows(contents.differences, contents.fold_means),
        "averaged": contents.averaged,
        "compared": contents.compared,
        "has_intervals": contents.has_intervals,
    }


def _patients(contents: Contents) -> dict[str, Any]:
    rows = unit_rows(contents.predictions, contents.calls, arms=contents.arms)
    wrong = mistakes(rows, arm=0, classes=contents.classes)
    kinds: dict[str, int] = {}
    for mistake in wrong:
        kinds[mistake.kind] = kinds.get(mistake.kind, 0) + 1
    counted = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items(), key=lambda k: -k[1]))
    positive = contents.classes[-1]
    often = "in more than half of the repeats " if contents.n_splits[0] > 1 else ""
    return {
        "unit": contents.unit,
        "has_units": contents.unit != "patient",
        "rows": rows[:MAX_PATIENTS],
        "n_hidden": max(0, len(rows) - MAX_PATIENTS),
        "mistakes": wrong[:MAX_ERRORS],
        "n_more_mistakes": max(0, len(wrong) - MAX_ERRORS),
        "mistake_summary": (
            f"{contents.arms[0]} is wrong {often}about {len(wrong)} of {len(rows)} "
            f"{contents.unit}s: {counted}. The most certain mistakes come first."
        ),
        "probability_heading": (
            f"probability of {positive}" if len(contents.classes) == 2 else "probability called"
        ),
    }


def background_words(contents: RunContents, *, n_events: int) -> dict[str, Any]:
    """What stands at the end of every page: statements, limits, settings, versions."""
    return {
        "statements": statements(contents.study),
        "limits": limits(
            contents.study,
            contents.cohort,
            contents.findings,
            n_patients=contents.n_patients,
            n_events=n_events,
            n_rejected=contents.files.get("rejected", 0),
            n_comparisons=len(contents.differences),
            sample_size=read_evidence(contents.folder, "sample_size"),
            table_one=contents.table_one,
            metrics=tuple(contents.metrics[contents.arms[0]]) if contents.arms else (),
            unread=contents.unread,
        ),
        "study_text": contents.study_text,
        "environment": _flat(contents.environment),
        "version": tumorboard.__version__,
    }


def _flat(table: Mapping[str, Any], above: str = "") -> list[tuple[str, str]]:
    """Nested tables as (key, text) rows; `packages` is a heading that nobody needs to read."""
    rows: list[tuple[str, str]] = []
    for key, value in table.items():
        if isinstance(value, Mapping):
            rows += _flat(value, "" if key == "packages" else f"{above}{key} ")
        else:
            rows.append((f"{above}{key}".replace("_", " "), str(value)))
    return rows
