"""Reporting checklists: TRIPOD+AI and CLAIM filled in from the run, on the page and for Word."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorboard.cache import write_atomic, write_text
from tumorboard.formats.csv_writing import csv_text
from tumorboard.formats.delimited import escape_formula
from tumorboard.report.checklist_item import Answered, Checklist, Status, count, fill_in
from tumorboard.report.claim import CLAIM
from tumorboard.report.contents import Contents, read_contents
from tumorboard.report.numbers_contents import NumbersContents
from tumorboard.report.run_facts import facts_of
from tumorboard.report.section import Section, fill
from tumorboard.report.tripod_ai import TRIPOD_AI

if TYPE_CHECKING:
    from docx.document import Document as Word

CHECKLISTS = (TRIPOD_AI, CLAIM)
_HEADINGS = ("item", "section", "applies to", "what is asked", "status", "text")
#: Centimetres of the columns of the Word tables, on A4 turned to its side.
_WIDTHS_CM = (1.2, 2.8, 1.6, 5.6, 2.2, 12.2)
#: Background of a status in Word: the same greens and reds as on the page would shout.
_SHADES: Mapping[Status, str] = {
    "reported": "E6F2EC", "missing": "FBE9E0", "not applicable": "F0F2F4",
}  # fmt: skip


def section(contents: Contents | NumbersContents) -> Section:
    """The section of the report."""
    filled = _filled(contents)
    counts = [f"{checklist.name}: {_counted(answered)}" for checklist, answered in filled]
    return Section(
        anchor="checklists",
        title="Reporting checklists",
        lead=f"{'; '.join(counts)}. The same tables for Word: checklists.docx.",
        html=fill(
            "checklists.html",
            checklists=[
                {
                    "name": checklist.name,
                    "source": checklist.source,
                    "counts": _counted(answered),
                    "missing": [a for a in answered if a.answer.status == "missing"],
                    "items": answered,
                    "is_divided": any(a.item.applies for a in answered),
                }
                for checklist, answered in filled
            ],
            has_images=facts_of(contents).has_images,
        ),
    )


def write_checklists(folder: Path) -> tuple[Path, Path]:
    """Write checklists.docx and checklists.csv beside the report of a run folder.

    Raises:
        InputError: A file of the run folder is absent or damaged.
    """
    return write_filled(read_contents(folder))


def write_filled(contents: Contents | NumbersContents) -> tuple[Path, Path]:
    """The same from a run folder that was read already."""
    filled = _filled(contents)
    table, document = contents.folder / "checklists.csv", contents.folder / "checklists.docx"
    write_text(table, _csv(filled))
    write_atomic(document, lambda path: _word(contents, filled).save(str(path)))
    return document, table


def _filled(contents: Contents | NumbersContents) -> list[tuple[Checklist, list[Answered]]]:
    facts = facts_of(contents)
    return [(checklist, fill_in(checklist, facts)) for checklist in CHECKLISTS]


def _counted(answered: list[Answered]) -> str:
    counts = ", ".join(f"{n} {status}" for status, n in count(answered).items())
    return f"of {len(answered)} items, {counts}"


def _cells(answered: Answered) -> tuple[str, ...]:
    item, answer = answered.item, answered.answer
    return item.number, item.section, item.applies, item.asks, answer.status, answer.text


def _csv(filled: list[tuple[Checklist, list[Answered]]]) -> str:
    rows = (
        (checklist.name, *(escape_formula(cell) for cell in _cells(row)))
        for checklist, answered in filled
        for row in answered
    )
    return csv_text(("checklist", *_HEADINGS), rows)


def _word(
    contents: Contents | NumbersContents, filled: list[tuple[Checklist, list[Answered]]]
) -> Word:
    from docx import Document
    from docx.enum.section import WD_ORIENT
    from docx.shared import Cm

    document = Document()
    page = document.sections[0]
    page.orientation = WD_ORIENT.LANDSCAPE
    page.page_width, page.page_height = Cm(29.7), Cm(21.0)
    page.left_margin = page.right_margin = Cm(2.0)
    document.core_properties.title = f"Reporting checklists of {contents.name}"
    document.core_properties.author = "tumorboard"
    document.add_heading(f"Reporting checklists: {_plain(contents.name)}", 0)
    if contents.pairing:
        document.add_paragraph(contents.pairing).runs[0].bold = True
    for checklist, answered in filled:
        document.add_heading(checklist.name, 1)
        document.add_paragraph(
            f"{checklist.source}. {_counted(answered).capitalize()}. Wording of the items is ours; "
            "the guideline itself decides."
        )
        _word_table(document, answered)
    return document


def _word_table(document: Any, answered: list[Answered]) -> None:
    from docx.shared import Cm

    table = document.add_table(rows=1 + len(answered), cols=len(_HEADINGS), style="Table Grid")
    table.autofit = False
    _repeat_on_every_page(table.rows[0])
    rows = [_HEADINGS, *(_cells(row) for row in answered)]
    for row, texts in zip(table.rows, rows, strict=True):
        for cell, text, width in zip(row.cells, texts, _WIDTHS_CM, strict=True):
            cell.width = Cm(width)
            _write_cell(cell, text, bold=texts is _HEADINGS)
    for row, each in zip(list(table.rows)[1:], answered, strict=True):
        _shade(row.cells[4], _SHADES[each.answer.status])


def _write_cell(cell: Any, text: str, *, bold: bool) -> None:
    from docx.shared import Pt

    run = cell.paragraphs[0].add_run(_plain(text))
    run.font.size, run.bold = Pt(8.5), bold


def _plain(text: str) -> str:
    """Text without the control characters that XML refuses."""
    return "".join(c for c in text if c.isprintable() or c in "\n\t")


def _shade(cell: Any, colour: str) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    shade = OxmlElement("w:shd")
    shade.set(qn("w:val"), "clear")
    shade.set(qn("w:fill"), colour)
    cell._tc.get_or_add_tcPr().append(shade)


def _repeat_on_every_page(row: Any) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    mark = OxmlElement("w:tblHeader")
    mark.set(qn("w:val"), "true")
    row._tr.get_or_add_trPr().append(mark)
