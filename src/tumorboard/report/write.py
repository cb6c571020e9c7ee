"""report.html of a run, whatever its task."""

from __future__ import annotations

from pathlib import Path

from tumorboard.report.contents import read_contents
from tumorboard.report.numbers_contents import NumbersContents
from tumorboard.report.numbers_page import write_numbers
from tumorboard.report.page import write_classes


def write_report(run_folder: Path) -> Path:
    """Write figures/*.svg, figures/*.png, report.html, checklists and cards.

    The page opens without a network: style, script and figures are in it.

    Raises:
        InputError: A file of the run folder is absent or damaged.
    """
    contents = read_contents(run_folder)
    if isinstance(contents, NumbersContents):
        return write_numbers(contents)
    return write_classes(contents)
