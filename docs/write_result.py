"""Write the page of a finished run: its answer, arms and comparisons, with date, hardware, command.

python docs/write_result.py RUN PAGE --date 2026-01-31 --hardware "2 cores" --command "tumorboard
..."
"""

from __future__ import annotations

import argparse
import json
import tomllib
from pathlib import Path

from tumorboard.cache import write_text
from tumorboard.evaluation.run import Run
from tumorboard.records import Estimate
from tumorboard.report.contents import read_contents
from tumorboard.report.sections import SECTIONS

METRICS = ("auroc", "auprc", "sensitivity", "specificity", "ppv", "npv", "mcc", "brier")


def interval(estimate: Estimate) -> str:
    """A value with its 95 % interval."""
    return f"{estimate.value:.3f} ({estimate.ci_low:.3f} to {estimate.ci_high:.3f})"


def signed(value: float) -> str:
    """A difference with its sign."""
    return f"{value:+.3f}"


def page(run: Run, *, date: str, hardware: str, command: str, took: str, commit: str) -> str:
    """The page as Markdown."""
    environment = json.loads((run.folder / "environment.json").read_text(encoding="utf-8"))
    cohort = json.loads((run.folder / "cohort.json").read_text(encoding="utf-8"))
    study = tomllib.loads((run.folder / "study.toml").read_text(encoding="utf-8"))
    packages = environment["packages"]
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
        "95 % intervals: logit-DeLong for AUROC, Wilson for sensitivity, specificity, PPV and NPV, "
        "patient bootstrap for the others.",
        "",
        "| arm | patients | " + " | ".join(METRICS) + " |",
        "|---|---|" + "---|" * len(METRICS),
    ]
    for arm, metrics in run.metrics.items():
        cells = " | ".join(interval(metrics[name]) for name in METRICS)
        lines.append(f"| {arm} | {metrics['auroc'].n_patients} | {cells} |")
    lines += [
        "",
        "| arm | reference | metric | difference | 95 % interval | p | p (Holm) | test |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for c in run.comparison:
        lines.append(
            f"| {c.arm} | {c.reference} | {c.metric} | {signed(c.difference)} | "
            f"{signed(c.ci_low)} to {signed(c.ci_high)} | {c.p_value:.3g} | {c.p_value_holm:.3g} | "
            f"{c.test} |"
        )
    return "\n".join([*lines, *evidence(run), ""])


def evidence(run: Run) -> list[str]:
    """What the audit found, and the sentence that leads each section of the report."""
    contents = read_contents(run.folder)
    found = [f"- {f.severity}, `{f.code}`: {f.message}" for f in contents.findings]
    leads = [
        f"- **{section.title}**: {section.lead}"
        for make in SECTIONS
        if (section := make(contents)) is not None
    ]
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
