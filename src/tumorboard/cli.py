"""The command line: one command per verb, each a thin layer over the function of that name."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from tumorboard import __version__
from tumorboard.cli_faults import DONE, INTERRUPTED, SOME_REJECTED, reported
from tumorboard.cli_masks import Data, follow, measure, score
from tumorboard.errors import InputError, StudyError

app = typer.Typer(
    name="tumorboard",
    help="Whether each modality of a cancer cohort helps, by how much and for whom. Research "
    "software, not a medical device.",
    epilog="Exit codes: 0 done; 1 a fault of the program; 2 the study, its data or this machine "
    "must be mended; 3 done, but some patients or files were rejected.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Study = Annotated[
    Path, typer.Argument(metavar="STUDY", help="Study file (TOML).", show_default=False)
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Another value for one key of the study, such as training.epochs=5; repeatable.",
        show_default=False,
    ),
]
Fast = Annotated[bool, typer.Option("--fast", help="Run a small version of the whole.")]


@app.callback(invoke_without_command=True)
def main_options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Print the traceback of a fault of the program.")
    ] = False,
) -> None:
    """Options that stand before the command."""
    context.obj = debug
    if version:
        typer.echo(f"tumorboard {__version__}")
        raise typer.Exit(DONE)


@app.command()
def check(
    context: typer.Context,
    study: Study,
    data: Data = None,
    settings: Settings = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for manifest.csv, cohort.json, audit.json.", show_default=False),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print only the findings, as a JSON list.")
    ] = False,
    time: Annotated[
        bool, typer.Option(help="Say how long the study will take on this machine.")
    ] = True,
) -> None:
    """Check a study, its data and its audit without training anything."""
    with reported(context, empty_json=as_json):
        from tumorboard.verbs.check import check as run_check

        report = run_check(
            study, data=data, out=out, overrides=settings or (), estimate_time=time and not as_json
        )
        for line in report.lines:
            typer.echo(line, err=as_json)
        if as_json:
            findings = [asdict(finding) for finding in report.findings]
            typer.echo(json.dumps(findings, indent=1, default=list))
        for fault in report.faults:
            typer.echo(f"error: {fault}", err=True)
        raise typer.Exit(report.exit_code)


@app.command()
def evaluate(
    context: typer.Context,
    study: Study,
    out: Annotated[
        Path | None, typer.Option(help="Run folder; runs/NAME where left out.", show_default=False)
    ] = None,
    data: Data = None,
    settings: Settings = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Replace the run of a changed study.")
    ] = False,
    fast: Fast = False,
) -> None:
    """Run a study: every arm on the same patients, compared; the report gives the answer."""
    with reported(context):
        from tumorboard.report.run_contents import count_files
        from tumorboard.verbs.evaluate import evaluate as run_evaluate

        run = run_evaluate(
            study, out=out, data=data, overrides=settings or (), fresh=fresh, fast=fast, log=_say
        )
        n_rejected = count_files(run.folder / "manifest.csv").get("rejected", 0)
        if n_rejected:
            typer.echo(f"rejected: {n_rejected} files, listed in {run.folder / 'manifest.csv'}")
        typer.echo(f"report: {run.folder / 'report.html'}")
        typer.echo(run.answer)
        raise typer.Exit(SOME_REJECTED if n_rejected else DONE)


@app.command()
def fit(
    context: typer.Context,
    study: Study,
    out: Annotated[Path, typer.Option(help="Model folder to write.", show_default=False)],
    arm: Annotated[
        str, typer.Option(help="Arm to fit; the primary arm where left out.", show_default=False)
    ] = "none",
    data: Data = None,
    settings: Settings = None,
    fast: Fast = False,
) -> None:
    """Fit one arm on all patients and write a model folder."""
    with reported(context):
        from tumorboard.verbs.fit import fit as run_fit

        model = run_fit(
            study, out=out, arm=arm, data=data, overrides=settings or (), fast=fast, log=_say
        )
        typer.echo(f"model: {out}")
        raise typer.Exit(SOME_REJECTED if model.rejections else DONE)


@app.command()
def predict(
    context: typer.Context,
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Model folder.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(help="CSV file to write; with --watch a folder.", show_default=False),
    ],
    cohort: Annotated[
        Path | None, typer.Option(help="Table of patients.", show_default=False)
    ] = None,
    watch: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder where cases arrive, each as a table (CSV) written after its files.",
            show_default=False,
        ),
    ] = None,
    data: Data = None,
    quiet_s: Annotated[
        float, typer.Option(help="Watching: seconds without change that end a table.")
    ] = 1.0,
    once: Annotated[
        bool, typer.Option("--once", help="Watching: end when what is there was answered.")
    ] = False,
    limit: Annotated[
        int, typer.Option(help="Watching: end after so many cases; 0 goes on.", min=0)
    ] = 0,
    as_format: Annotated[
        str, typer.Option("--as", help="Masks: nifti; seg or rtstruct add DICOM beside it.")
    ] = "nifti",
    maps: Annotated[
        bool, typer.Option("--maps", help="Masks: probabilities and uncertainty of voxels too.")
    ] = False,
) -> None:
    """Predict the patients of a table with a model folder, or cases as they arrive in a folder."""
    with reported(context):
        if watch is not None and cohort is None:
            from tumorboard.verbs.watch import watch as run_watch

            watched = run_watch(
                model, folder=watch, out=out, say=typer.echo, data=data, quiet_s=quiet_s, once=once,
                limit=limit, as_format=as_format, maps=maps,
            )  # fmt: skip
            raise typer.Exit(watched.exit_code)
        if cohort is None or watch is not None:
            raise InputError("predict: name either --cohort TABLE or --watch DIR.")
        if once or limit:
            raise InputError("--once, --limit: belong to --watch DIR.")
        from tumorboard.verbs.predict import predict as run_predict

        report = run_predict(
            model, cohort=cohort, out=out, data=data, as_format=as_format, maps=maps
        )
        for line in report.lines:
            typer.echo(line)
        raise typer.Exit(report.exit_code)


@app.command()
def explain(
    context: typer.Context,
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Model folder.", show_default=False)
    ],
    cohort: Annotated[Path, typer.Option(help="Table of patients.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder to write.", show_default=False)],
    data: Data = None,
    explainer: Annotated[
        list[str] | None,
        typer.Option(
            help="Question to ask, by name (see `tumorboard list`); repeatable. Those of the "
            "study and one by column where left out.",
            show_default=False,
        ),
    ] = None,
    patients: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID",
            help="Patient to explain; repeatable. All where left out; of a large table some of "
            "every class.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Explain a model's answers: one page per patient, with tables and pictures."""
    with reported(context):
        from tumorboard.verbs.explain import explain as run_explain

        report = run_explain(
            model, cohort=cohort, out=out, data=data, explainers=explainer or (),
            patients=patients or (), log=_say,
        )  # fmt: skip
        for line in report.lines:
            typer.echo(line)
        raise typer.Exit(report.exit_code)


@app.command()
def compare(
    context: typer.Context,
    tables: Annotated[
        list[Path],
        typer.Argument(metavar="TABLE...", help="Prediction tables (CSV).", show_default=False),
    ],
    outcome: Annotated[
        str, typer.Option(help="Outcome column; found where left out.", show_default=False)
    ] = "none",
    positive: Annotated[
        str, typer.Option(help="Positive class; the last where left out.", show_default=False)
    ] = "none",
    metric: Annotated[
        str,
        typer.Option(
            help="What is compared; auroc, c_index or r2 where left out.", show_default=False
        ),
    ] = "none",
    reference: Annotated[
        str, typer.Option(help="Arm to compare with; else the first.", show_default=False)
    ] = "none",
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
) -> None:
    """Compare predictions of this and other programs on the patients that both predicted."""
    with reported(context):
        from tumorboard.verbs.compare import compare as run_compare
        from tumorboard.verbs.compare import render

        compared = run_compare(
            tables,
            outcome=outcome,
            positive=positive,
            metric=metric,
            reference=reference,
            seed=seed,
        )
        typer.echo(render(compared))


app.command()(score)


@app.command()
def simulate(
    context: typer.Context,
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="Simulator (see `tumorboard list`).", show_default=False
        ),
    ],
    patients: Annotated[int, typer.Option(help="Number of patients.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder to write.", show_default=False)],
    seed: Annotated[int, typer.Option(help="Seed of everything that is random.")] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A setting of the simulator, such as image_signal=0.5; repeatable.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a simulated cohort whose truth is known, with a study file that runs on it."""
    with reported(context):
        from tumorboard.verbs.simulate import simulate as run_simulate

        study = run_simulate(
            kind, patients=patients, seed=seed, out=out, settings=_pairs(settings or ())
        )
        typer.echo(f"study: {study}")


@app.command()
def export(
    context: typer.Context,
    study: Study,
    out: Annotated[Path, typer.Option(help="Folder to write.", show_default=False)],
    modality: Annotated[
        str, typer.Option(help="Modality of kind patches, where there are several.")
    ] = "none",
    data: Data = None,
    settings: Settings = None,
) -> None:
    """Write the patches of a study as images in a folder per class, for other programs."""
    with reported(context):
        from tumorboard.verbs.export import export as run_export

        done = run_export(study, out=out, modality=modality, data=data, overrides=settings or ())
        for name, count in done.counts.items():
            typer.echo(f"{name}: {count} patches")
        for rejection in done.rejections:
            typer.echo(f"rejected: patient {rejection.patient_id}: {rejection.reason}")
        typer.echo(f"folder: {out}")
        raise typer.Exit(SOME_REJECTED if done.rejections else DONE)


@app.command()
def table(
    context: typer.Context,
    study: Study,
    out: Annotated[Path, typer.Option(help="File to write: .csv or .parquet.", show_default=False)],
    data: Data = None,
    settings: Settings = None,
) -> None:
    """Write the analysis-ready table of a study's source: every row and column, unimputed."""
    with reported(context):
        from tumorboard.verbs.table import write_table

        report = write_table(study, out=out, data=data, overrides=settings or ())
        for line in report.lines:
            typer.echo(line)
        raise typer.Exit(report.exit_code)


@app.command()
def init(
    context: typer.Context,
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", help="Table of patients.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Study file to write; study.toml beside the table where left out.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str, typer.Option(help="Outcome column; guessed where left out.", show_default=False)
    ] = "none",
    patient_id: Annotated[
        str, typer.Option(help="Patient's column; guessed where left out.", show_default=False)
    ] = "none",
) -> None:
    """Write a first study file from a table and the folders beside it; guesses are marked."""
    with reported(context):
        from tumorboard.verbs.init import write_first_study

        path = out or table.parent / "study.toml"
        write_first_study(table, path, target=target, patient_id=patient_id)
        typer.echo(f"study: {path}")
        typer.echo(f"Read its comments, then run: tumorboard check {path}")


@app.command()
def factors(
    context: typer.Context,
    notes: Annotated[
        Path,
        typer.Argument(
            metavar="NOTES",
            help="A note (.txt, .docx), a folder of notes, or a table with a column of notes.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.", show_default=False)],
    column: Annotated[
        str, typer.Option(help="Column of the notes; found where left out.", show_default=False)
    ] = "none",
    patient_id: Annotated[
        str, typer.Option(help="Patient's column; guessed where left out.", show_default=False)
    ] = "none",
    known_identifiers: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of names or numbers whose values are taken out of the notes; repeatable.",
            show_default=False,
        ),
    ] = None,
    llm_address: Annotated[
        str,
        typer.Option(
            help="Language model to ask as well, such as http://localhost:8000/v1.",
            show_default=False,
        ),
    ] = "none",
    llm_model: Annotated[
        str, typer.Option(help="Its name on that server.", show_default=False)
    ] = "none",
) -> None:
    """Find clinical factors in notes: a table, and a page with the notes de-identified."""
    with reported(context):
        from tumorboard.verbs.factors import write_factors

        report = write_factors(
            notes, out=out, column=column, patient_id=patient_id,
            known_identifiers=known_identifiers or (), llm_address=llm_address, llm_model=llm_model,
        )  # fmt: skip
        for line in report.lines:
            typer.echo(line)
        raise typer.Exit(report.exit_code)


app.command()(follow)
app.command()(measure)


@app.command("list")
def list_command(context: typer.Context) -> None:
    """List every source, modality, encoder, fusion, baseline, task, check and simulator."""
    with reported(context):
        from tumorboard.verbs.list import lines, list_components

        for line in lines(list_components()):
            typer.echo(line)


@app.command()
def doctor(context: typer.Context) -> None:
    """Say what this machine has and lacks, and how to mend it."""
    with reported(context):
        from tumorboard.verbs.doctor import examine, exit_code

        lines = examine()
        for line in lines:
            typer.echo(str(line))
        raise typer.Exit(exit_code(lines))


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and leave with its exit code."""
    # two torch threads beside one busy core crawl if they spin while they wait
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app(args=None if arguments is None else list(arguments), prog_name="tumorboard")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    sys.exit(DONE)


def _pairs(settings: Sequence[str]) -> dict[str, str]:
    """KEY=VALUE texts as a table."""
    pairs = [text.partition("=") for text in settings]
    faults = [f"--set {key}: expected KEY=VALUE." for key, equals, _ in pairs if not equals]
    if faults:
        raise StudyError(faults)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _say(line: str) -> None:
    """Progress; standard output is kept for the result."""
    typer.echo(line, err=True)
