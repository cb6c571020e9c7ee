"""Notes with their clinical factors marked: one self-contained page for a reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import tumorboard
from tumorboard.cache import write_text
from tumorboard.formats.messages import counted
from tumorboard.report.section import fill
from tumorboard.transforms.clinical_factors import Factor
from tumorboard.transforms.factor_mentions import KINDS

_HERE = Path(__file__).parent
#: A page shows at most so many notes; the table holds all.
MOST_NOTES = 300


@dataclass(frozen=True)
class NoteFactors:
    """One note and what was found in it.

    Args:
        patient_id: Whose it is.
        note: Which one of the patient's: a file's name, or a line of the table.
        text: The de-identified note, "" where the patient has none; spans count its characters.
        factors: Its factors in the order of the text.
    """

    patient_id: str
    note: str
    text: str
    factors: tuple[Factor, ...]


def write_factors_page(path: Path, notes: Sequence[NoteFactors], *, remarks: Sequence[str]) -> None:
    """Write the page: every note with its factors marked, and beside it what they say.

    Args:
        path: The HTML file.
        notes: In the order to show; beyond `MOST_NOTES` they are left out, and the page says so.
        remarks: Sentences about how the notes were read.
    """
    from markupsafe import Markup

    shown = notes[:MOST_NOTES]
    more = len(notes) - len(shown)
    left_out = f"{counted(more, 'more note')} in factors.csv only." if more else ""
    words = {
        "css": Markup((_HERE / "page.css").read_text(encoding="utf-8")),
        "kinds": KINDS,
        "entries": [_entry(note) for note in shown],
        "n_notes": counted(sum(bool(note.text) for note in notes), "note"),
        "n_factors": counted(sum(len(note.factors) for note in notes), "factor"),
        "remarks": [*remarks, *([left_out] if left_out else [])],
        "version": tumorboard.__version__,
    }
    write_text(path, fill("factors.html", **words))


def _entry(note: NoteFactors) -> dict[str, Any]:
    return {
        "patient_id": note.patient_id,
        "note": note.note,
        "pieces": pieces_of(note.text, note.factors),
        "rows": _rows(note.factors),
    }


def _rows(factors: Sequence[Factor]) -> list[dict[str, Any]]:
    """One row for what is said once or several times."""
    said = Counter(
        (f.kind, f.name.replace("_", " "), shown_value(f), ", ".join(qualities(f))) for f in factors
    )
    return [
        {"kind": kind, "name": name, "value": value, "says": says, "n": n}
        for (kind, name, value, says), n in said.items()
    ]


def shown_value(factor: Factor) -> str:
    """The value with its code, for a reader."""
    return f"{factor.value} ({factor.code})" if factor.code else factor.value


def qualities(factor: Factor) -> list[str]:
    """What sets a factor apart from one that the patient has now."""
    marked = {"denied": factor.negated, "possible": factor.uncertain}
    found = [word for word, is_so in marked.items() if is_so]
    words = {"historical": "of the past", "hypothetical": "feared or planned"}
    if factor.temporality in words:
        found.append(words[factor.temporality])
    return [*found, "somebody else's"] if factor.experiencer == "other" else found


def pieces_of(text: str, factors: Sequence[Factor]) -> list[dict[str, str]]:
    """The text cut wherever a factor begins or ends; each piece with how it is marked.

    Where factors overlap, the piece has the colour of the shortest and names all of them.
    """
    cuts = sorted({0, len(text), *(f.start for f in factors), *(f.end for f in factors)})
    pieces: list[dict[str, str]] = []
    for start, end in pairwise(cuts):
        own = [f for f in factors if f.start <= start and end <= f.end]
        own.sort(key=lambda factor: factor.end - factor.start)
        pieces.append(
            {
                "text": text[start:end],
                "marks": _marks(own[0]) if own else "",
                "title": "; ".join(_title(factor) for factor in own),
            }
        )
    return pieces


def _marks(factor: Factor) -> str:
    marks = [f"k-{factor.kind}"]
    marks += ["negated"] if factor.negated else []
    marks += ["uncertain"] if factor.uncertain else []
    marks += ["aside"] if factor.temporality != "recent" or factor.experiencer == "other" else []
    return " ".join(marks)


def _title(factor: Factor) -> str:
    words = [f"{factor.kind}: {factor.name.replace('_', ' ')} = {shown_value(factor)}"]
    return ", ".join([*words, *qualities(factor)])
