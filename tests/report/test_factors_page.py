"""The page of notes with their factors: escaped, cut at every boundary, nothing lost."""

from __future__ import annotations

from pathlib import Path

from tumorboard.report import factors_page
from tumorboard.report.factors_page import NoteFactors, pieces_of, write_factors_page
from tumorboard.transforms.clinical_factors import extract_factors

TEXT = (
    "A 2 cm mass in the left frontal lobe <script>x()</script> suspicious for glioblastoma.\n"
    "Denies headache. Mother had breast cancer."
)


def page(path: Path, notes: list[NoteFactors]) -> str:
    write_factors_page(path, notes, remarks=["It is <b>so</b>."])
    return path.read_text("utf-8")


def note(text: str = TEXT) -> NoteFactors:
    return NoteFactors("P<1>", "line 2", text, extract_factors(text))


def test_everything_is_escaped_and_nothing_is_loaded(tmp_path: Path) -> None:
    html = page(tmp_path / "f.html", [note()])
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "P&lt;1&gt;" in html
    assert "&lt;b&gt;so" in html
    assert "http://" not in html
    assert "https://" not in html
    assert "default-src 'none'" in html


def test_marks_say_kind_and_context(tmp_path: Path) -> None:
    html = page(tmp_path / "f.html", [note()])
    assert '<mark class="k-size" title="size: size mm = 20 mm">2 cm</mark>' in html
    assert '<mark class="k-symptom negated"' in html
    assert '<mark class="k-histology uncertain"' in html
    assert "glioblastoma (9440/3), possible" in html
    assert "somebody else&#39;s" in html


def test_pieces_are_the_text() -> None:
    own = note()
    pieces = pieces_of(own.text, own.factors)
    assert "".join(piece["text"] for piece in pieces) == TEXT
    lobe = next(piece for piece in pieces if piece["text"] == "frontal")
    assert lobe["marks"] == "k-lobe"  # the organ's mark "frontal lobe" is longer
    assert "anatomic site = brain" in lobe["title"]
    assert pieces_of("plain", ()) == [{"text": "plain", "marks": "", "title": ""}]


def test_a_page_has_a_limit_and_says_so(tmp_path: Path) -> None:
    many = [note("No factor.")] * (factors_page.MOST_NOTES + 2)
    html = page(tmp_path / "f.html", many)
    assert "2 more notes in factors.csv only." in html
    assert html.count("No factor was found in this note.") == factors_page.MOST_NOTES
