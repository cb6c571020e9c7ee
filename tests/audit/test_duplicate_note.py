from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from seen_cohort import ids, make_audited, make_cohort

from tumorboard.audit.duplicate_note import DuplicateNote
from tumorboard.modalities.measured.notes import MeasuredNotes
from tumorboard.records import FileRecord, Finding

N = 60
_TEXT = (
    "mass breast left right upper lower quadrant skin node palpable firm tender mobile pain "
    "months weeks mother sister family scar surgery benign cyst margin echo shadow dense clear "
    "follow biopsy clinic report patient noticed referred since swelling discharge nipple fever"
)
_WORDS = _TEXT.split()


def note(seed: int, n: int = 40) -> str:
    return " ".join(np.random.default_rng([6, seed]).choice(_WORDS, n))


def find(texts: list[str | None], folder: Path, names: list[str] | None = None) -> list[Finding]:
    cohort = make_cohort(folder, ids=names or ids(len(texts)), columns={"note": texts})
    return DuplicateNote().find(make_audited(cohort, cache=folder))


CHANGES = {
    "same": lambda text: text,
    "case and punctuation": lambda text: text.upper().replace(" ", ",  ", 5) + ".",
    "two words": lambda text: text.replace(text.split()[10], "lump", 1) + " stable",
    "shorter": lambda text: " ".join(text.split()[:32]),
    "numbers": lambda text: "Aged 61. " + text,
}


@pytest.mark.parametrize("change", CHANGES)
def test_one_text_under_two_patients_is_a_warning(change: str, tmp_path: Path) -> None:
    texts = [note(i) for i in range(N)]
    (finding,) = find([*texts, CHANGES[change](texts[4])], tmp_path)
    assert (finding.code, finding.severity) == ("duplicate-note", "warning")
    assert finding.patients == ("P004", "P060")
    (pair,) = finding.evidence["pairs"]  # type: ignore[misc]
    assert pair["identical"] == (change in ("same", "case and punctuation"))


def test_different_texts_are_clean(tmp_path: Path) -> None:
    assert find([*(note(i) for i in range(N)), None], tmp_path) == []


def test_boilerplate_does_not_count(tmp_path: Path) -> None:
    template = note(999, 60)
    assert find([f"{template} {note(i, 6)}" for i in range(N)], tmp_path) == []


def test_a_template_with_numbers_and_choices_is_clean(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts: list[str | None] = [
        f"Woman aged {rng.integers(30, 80)} with a {rng.choice(['firm', 'soft'])} lump of "
        f"{rng.integers(5, 60)} mm in the {rng.choice(['left', 'right'])} breast, noticed "
        f"{rng.integers(1, 20)} weeks ago; family history {rng.choice(['positive', 'negative'])}."
        for _ in range(200)
    ]
    assert find(texts, tmp_path) == []


def test_notes_of_one_patient_may_repeat(tmp_path: Path) -> None:
    texts: list[str | None] = [*(note(i) for i in range(N)), note(4), note(4)]
    assert find(texts, tmp_path, [*ids(N), "P004", "P004"]) == []


def test_categories_are_no_notes(tmp_path: Path) -> None:
    long = ["heterogeneous tissue which is predominantly fat with a few islands", note(1, 12)]
    assert find([long[i % 2] for i in range(N)], tmp_path) == []


def template(rng: np.random.Generator) -> str:
    """Phrases that many share, and numbers."""
    return (
        f"Seen for {rng.choice(['a lump', 'local pain', 'discharge'])} since {rng.integers(1, 40)} "
        f"weeks. {rng.choice(['No fever.', 'Takes metformin.', 'Knee surgery.'])} Pressure "
        f"{rng.integers(100, 170)} over {rng.integers(60, 99)}, weight {rng.integers(48, 110)} kg, "
        f"pulse {rng.integers(50, 100)}."
    )


def test_equal_notes_of_common_phrases_and_equal_numbers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts: list[str | None] = [template(rng) for _ in range(120)]
    assert find(texts, tmp_path) == []
    texts[50] = texts[3]
    (finding,) = find(texts, tmp_path)
    assert finding.patients == ("P003", "P050")


def test_a_whole_text_that_many_have_is_a_template(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts: list[str | None] = [template(rng) for _ in range(120)]
    texts[50:54] = [texts[3]] * 4
    assert find(texts, tmp_path) == []


def test_notes_of_files_copied_to_another_patient(tmp_path: Path) -> None:
    texts = [note(i) for i in range(N)]
    texts.append(CHANGES["two words"](texts[4]))
    cohort = make_cohort(tmp_path, ids=ids(N + 1), columns={"x": ["1"] * (N + 1)})
    audited = make_audited(cohort, cache=tmp_path)
    read = MeasuredNotes(
        present=np.ones(N + 1, dtype=np.bool_), texts=tuple(texts), name="report",
        patient_id=cohort.patient_id, records=(FileRecord(tmp_path, "used"),),
    )  # fmt: skip

    (finding,) = DuplicateNote().find(replace(audited, measured={"report": read}))

    assert finding.message.startswith("Notes of report: 1 pair of patients with one text")
    assert finding.patients == ("P004", "P060")
    assert finding.evidence["modality"] == "report"
    from_record = replace(read, records=())
    assert DuplicateNote().find(replace(audited, measured={"report": from_record})) == []


def test_one_column_read_by_two_modalities_is_looked_at_once(tmp_path: Path) -> None:
    texts = [*(note(i) for i in range(N)), note(4)]
    cohort = make_cohort(tmp_path, ids=ids(N + 1), columns={"note": texts})
    audited = make_audited(cohort, cache=tmp_path)
    read = MeasuredNotes(
        present=np.ones(N + 1, dtype=np.bool_), texts=tuple(texts), name="report",
        patient_id=cohort.patient_id, column="note",
    )  # fmt: skip
    both = {"report": read, "scrubbed": replace(read, name="scrubbed")}

    assert len(DuplicateNote().find(replace(audited, measured=both))) == 1
