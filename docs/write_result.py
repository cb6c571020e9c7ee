"""Write the page of a finished run: its answer, arms and comparisons, with date, hardware, command.

python docs/write_result.py RUN PAGE --date 2026-01-31 --hardware "2 cores" --command "tumorboard
..."
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Mapping
from math import isnan
from pathlib import Path

from tumorboard.cache import write_text
from tumorboard.evaluation.run import Run
from tumorboard.records import Estimate
from tumorboard.report import numbers_page, sections
from tumorboard.report.contents import Contents, read_contents
from tumorboard.report.numbers_contents import NumbersContents

BINARY = ("auroc", "auprc", "sensitivity", "specificity", "ppv", "npv", "mcc", "brier")
SEVERAL = ("macro_f1", "balanced_accuracy", "auroc", "auprc", "brier", "accuracy")
OF_A_CLASS = ("sensitivity", "auprc", "auroc", "ppv")


def interval(estimate: Estimate) -> str:
    """A value with its 95 % interval; none under 10 patients."""
    if isnan(estimate.value):
        return "undefined"
    if isnan(estimate.ci_low):
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.ci_low:.3f} to {estimate.ci_high:.3f})"


def signed(value: float) -> str:
    """A difference with its sign."""
    return "none" if isnan(value) else f"{value:+.3f}"


def span(low: float, high: float) -> str:
    """The interval of a difference, or that there is none."""
    return "none" if isnan(low) else f"{signed(low)} to {signed(high)}"


def number(value: float) -> str:
    """A p value, or that there is none."""
    return "none" if isnan(value) else f"{value:.3g}"


def arms(run: Run, sizes: Mapping[str, int]) -> list[str]:
    """Every arm with its metrics; of several classes each class first, the rarest leading."""
    lines: list[str] = []
    if len(sizes) > 2:
        lines += ["| class | arm | " + " | ".join(OF_A_CLASS) + " |",
                  "|---|---|" + "---|" * len(OF_A_CLASS)]  # fmt: skip
        for name in sorted(sizes, key=lambda c: sizes[c]):
            for arm, metrics in run.metrics.items():
                cells = " | ".join(interval(metrics[f"{m}_{name}"]) for m in OF_A_CLASS)
                lines.append(f"| {name} | {arm} | {cells} |")
        lines.append("")
    shown = SEVERAL if len(sizes) > 2 else BINARY
    lines += ["| arm | patients | " + " | ".join(shown) + " |", "|---|---|" + "---|" * len(shown)]
    for arm, metrics in run.metrics.items():
        cells = " | ".join(interval(metrics[name]) for name in shown)
        lines.append(f"| {arm} | {metrics['auroc'].n_patients} | {cells} |")
    return lines


def arms_of_numbers(run: Run) -> list[str]:
    """Every arm of a survival, regression or segmentation with its leading metrics."""
    some = next(iter(run.metrics.values()))
    shown = [name for name in numbers_page.LEADING if name in some]
    lines = ["| arm | patients | " + " | ".join(shown) + " |", "|---|---|" + "---|" * len(shown)]
    for arm, metrics in run.metrics.items():
        cells = " | ".join(interval(metrics[name]) for name in shown)
        lines.append(f"| {arm} | {metrics[shown[0]].n_patients} | {cells} |")
    return lines


def page(run: Run, *, date: str, hardware: str, command: str, took: str, commit: str) -> str:
    """The page as Markdown."""
    environment = json.loads((run.folder / "environment.json").read_text(encoding="utf-8"))
    cohort = json.loads((run.folder / "cohort.json").read_text(encoding="utf-8"))
    study = tomllib.loads((run.folder / "study.toml").read_text(encoding="utf-8"))
    packages = environment["packages"]
    contents = read_contents(run.folder)
    intervals = "patient bootstrap"
    if isinstance(contents, NumbersContents):
        table = arms_of_numbers(run)
    else:
        table = arms(run, contents.n_units)
        intervals = "logit-DeLong for AUROC, Wilson for sensitivity, specificity, PPV and NPV, "
        intervals += "patient bootstrap for the others"
    outcome = ", ".join(f"{name}: {n}" for name, n in cohort["outcome"].items())
    lines = [
        f"# {study['study']['name']}",
        "",
        f"**{run.answer}**",
        "",
        f"- question: {study['study']['question']}",
        f"- population: {study['report']['population']}",
        f"- found: {cohort['patients']} patients in {cohort['rows']} rows; {outcome}",
        *(
            f"- left out: {step['reason']}: {step['patients']} patients, {step['rows']} rows"
            for step in cohort["flow"]
        ),
        f"- date: {date}; hardware: {hardware}; took {took}",
        f"- command: `{command}` at commit {commit}",
        f"- Python {environment['python']}, torch {packages['torch']}, MONAI {packages['monai']}, "
        f"precision {environment['precision']}, seed {environment['seed']}",
        "",
        f"95 % intervals: {intervals}.",
        "",
        *table,
        "",
        "| arm | reference | metric | difference | 95 % interval | p | p (Holm) | test |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for c in run.comparison:
        lines.append(
            f"| {c.arm} | {c.reference} | {c.metric} | {signed(c.difference)} | "
            f"{span(c.ci_low, c.ci_high)} | {number(c.p_value)} | "
            f"{number(c.p_value_holm)} | "
            f"{c.test} |"
        )
    return "\n".join([*lines, *evidence(contents), ""])


def evidence(contents: Contents | NumbersContents) -> list[str]:
    """What the audit found, and the sentence that leads each section of the report."""
    if isinstance(contents, NumbersContents):
        made = [make(contents) for make in numbers_page.SECTIONS]
    else:
        made = [make(contents) for make in sections.SECTIONS]
    found = [f"- {f.severity}, `{f.code}`: {f.message}" for f in contents.findings]
    leads = [f"- **{section.title}**: {section.lead}" for section in made if section is not None]
    return [
        "",
        "## The audit before training",
        "",
        *(found or ["Nothing was found."]),
        "",
        "## What the report says beyond the first line",
        "",
        *leads,
    ]


def main() -> None:
    """Write one page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("page", type=Path)
    for name in ("date", "hardware", "command", "took", "commit"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()
    text = page(
        Run(arguments.run), date=arguments.date, hardware=arguments.hardware,
        command=arguments.command, took=arguments.took, commit=arguments.commit,
    )  # fmt: skip
    write_text(arguments.page, text)


if __name__ == "__main__":
    main()
