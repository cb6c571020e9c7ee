"""Commands about masks: scored, measured, followed over visits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tumorboard.cli_faults import reported
from tumorboard.errors import InputError

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder that file names start from; else TUMORBOARD_DATA, else the study's folder.",
        show_default=False,
    ),
]


def score(
    context: typer.Context,
    reference: Annotated[Path, typer.Option(help="Folder of true masks.", show_default=False)],
    prediction: Annotated[
        Path, typer.Option(help="Folder of predicted masks, named alike.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="CSV file to write.", show_default=False)],
    tolerance_mm: Annotated[float, typer.Option(help="Of the normalised surface distance.")] = 1.0,
    labels: Annotated[
        str,
        typer.Option(
            metavar="N,N...", help="Labels to score; all where left out.", show_default=False
        ),
    ] = "",
    spacing_mm: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Height and width of a pixel of PNG masks.", show_default=False),
    ] = None,
) -> None:
    """Score masks of any program against their references: overlap, surfaces, volumes."""
    with reported(context):
        from tumorboard.verbs.score import score as run_score

        report = run_score(
            reference, prediction, tolerance_mm=tolerance_mm, out=out, labels=_numbers(labels),
            spacing_mm=spacing_mm or (),
        )  # fmt: skip
        for line in report.lines:
            typer.echo(line)
        for fault in report.faults:
            typer.echo(f"error: {fault}", err=True)
        raise typer.Exit(report.exit_code)


def follow(
    context: typer.Context,
    visits: Annotated[
        Path, typer.Option(help="Table with a row for each visit.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.", show_default=False)],
    mask: Annotated[
        str, typer.Option(help="Pattern such as masks/{case}.nii.gz; else column mask.")
    ] = "none",
    image: Annotated[
        str, typer.Option(help="Pattern of the images; else column image, if any.")
    ] = "none",
    note: Annotated[
        str, typer.Option(help="Pattern of note files; else column note, if any.")
    ] = "none",
    patient_id: Annotated[str, typer.Option(help="Column of the patient.")] = "patient_id",
    data: Data = None,
    align: Annotated[
        str, typer.Option(help="rigid: register visits to the first one; none: as they are.")
    ] = "none",
    within_mm: Annotated[
        float, typer.Option(help="Largest distance of one lesion's centres without overlap.")
    ] = 15.0,
    least_mm: Annotated[float, typer.Option(help="Least diameter of a new lesion.")] = 5.0,
    border_error_mm: Annotated[
        float,
        typer.Option(
            help="How far borders may be off; half a voxel where left out.", show_default=False
        ),
    ] = float("nan"),
    retest: Annotated[
        Path | None,
        typer.Option(
            help="Table of volumes measured twice (first_ml, second_ml), which the measurement "
            "error comes from.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Follow lesions over visits: volumes, diameters, response, and a page per patient."""
    with reported(context):
        from tumorboard.verbs.follow import follow as run_follow

        report = run_follow(
            visits, out=out, mask=mask, image=image, note=note, patient_id=patient_id, data=data,
            align=align, within_mm=within_mm, least_mm=least_mm, border_error_mm=border_error_mm,
            retest=retest,
        )  # fmt: skip
        for line in report.lines:
            typer.echo(line)
        raise typer.Exit(report.exit_code)


def measure(
    context: typer.Context,
    mask: Annotated[Path, typer.Option(help="Mask of the tumour.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder to write.", show_default=False)],
    image: Annotated[
        Path | None,
        typer.Option(help="Image that it was drawn on, for the page.", show_default=False),
    ] = None,
    margin_mm: Annotated[
        float, typer.Option(help="Width of the margin around the tumour; 0 for none.")
    ] = 0.0,
    structures: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE", help="Mask of a structure to measure distances to; repeatable.",
            show_default=False,
        ),
    ] = None,
    barriers: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE", help="Mask that the margin does not pass; repeatable.",
            show_default=False,
        ),
    ] = None,
) -> None:  # fmt: skip
    """Measure a tumour: volume, diameters, a margin around it, distances to structures."""
    with reported(context):
        from tumorboard.verbs.measure import measure as run_measure

        report = run_measure(
            mask, out=out, image=image, margin_mm=margin_mm, structures=structures or (),
            barriers=barriers or (),
        )  # fmt: skip
        for line in report.lines:
            typer.echo(line)
        raise typer.Exit(report.exit_code)


def _numbers(text: str) -> list[int]:
    """Whole numbers with commas between them."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not all(word.isascii() and word.isdigit() for word in words):
        raise InputError(f"--labels {text}: expected whole numbers such as 1,2,4.")
    return [int(word) for word in words]
