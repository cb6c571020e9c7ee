"""The notes modality: where notes come from, in which order, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_tables import make_cohort

from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError
from tumorboard.formats.text_bytes import to_texts
from tumorboard.modalities import row_weights
from tumorboard.modalities.measured.notes import MeasuredNotes
from tumorboard.modalities.notes import Notes
from tumorboard.records import Cohort, FittedState


def read(modality: Notes, cohort: Cohort, folder: Path) -> MeasuredNotes:
    with Cache(folder / "cache") as cache:
        return modality.read(cohort, name="report", cache=cache)


def with_files(
    folder: Path, files: dict[str, bytes], rows: list[list[str]], **columns: Any
) -> Cohort:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    paths = tuple(tuple(folder / name for name in own) for own in rows)
    cohort = make_cohort([f"P{k}" for k in range(len(rows))], x=["1"] * len(rows), **columns)
    return replace(cohort, files={"report": paths})


def fit(modality: Notes, measured: MeasuredNotes) -> Any:
    rows = np.arange(len(measured.texts))
    return modality.fit(measured, rows, weight=row_weights(measured.patient_id, rows))


def test_files_are_joined_in_their_order_and_bad_ones_rejected(tmp_path: Path) -> None:
    cohort = with_files(
        tmp_path,
        {
            "a1.txt": b"First.",
            "a2.txt": "Größe.".encode("latin-1"),
            "b.txt": rb"{\rtf1 x}",
            "c.txt": b" ",
        },
        [["a1.txt", "a2.txt"], ["b.txt"], ["c.txt"], []],
    )

    measured = read(Notes(files="{x}.txt"), cohort, tmp_path)

    assert measured.texts == ("First.\n\nGröße.", "", "", "")
    assert measured.present.tolist() == [True, False, False, False]
    assert [(r.patient_id, "is RTF" in r.reason) for r in measured.rejections] == [("P1", True)]
    assert [record.state for record in measured.records] == ["used", "used", "rejected", "used"]
    assert "1 empty note left out." in measured.notes


def test_notes_of_a_patient_are_in_order_of_time_and_later_ones_left_out(tmp_path: Path) -> None:
    cohort = make_cohort(
        ["A", "A", "A", "B"],
        text=["third", "first", "second", "only"],
        written=["2020-03-01", "2020-01-01", "2020-02-01", None],
        index=["2020-02-15", "2020-02-01", None, "2020-01-01"],
    )
    modality = Notes(column="text", date="written", index_date="index")

    measured = read(modality, cohort, tmp_path)

    assert measured.texts == ("first\n\nsecond", "first\n\nsecond", "", "")
    assert "3 notes after index, or of a row without it, left out." in measured.notes
    assert "1 note without a date left out." in measured.notes
    assert read(Notes(column="text", date="written"), cohort, tmp_path).texts[0] == (
        "first\n\nsecond\n\nthird"
    )


def test_dates_in_names_of_files(tmp_path: Path) -> None:
    files = {"x_20200301.txt": b"later", "y_20191231.txt": b"earlier", "z.txt": b"undated"}
    cohort = with_files(tmp_path, files, [list(files)], index=["2020-03-01"])

    measured = read(
        Notes(files="{x}*.txt", date_in_name="%Y%m%d", index_date="index"), cohort, tmp_path
    )

    assert measured.texts == ("earlier\n\nlater",)
    assert "expected a date of the format '%Y%m%d'" in measured.rejections[0].reason


def test_a_format_of_dates_that_fits_no_name_is_one_sentence(tmp_path: Path) -> None:
    files = {"x_20200301.txt": b"later", "y_20191231.txt": b"earlier"}
    cohort = with_files(tmp_path, files, [list(files)])

    with pytest.raises(StudyError, match="date_in_name: none of 2 files has a date of the format"):
        read(Notes(files="{x}*.txt", date_in_name="%d-%m-%Y"), cohort, tmp_path)


def test_identifiers_never_reach_texts_cache_or_sentences(tmp_path: Path) -> None:
    cohort = make_cohort(
        ["MRN00917"] * 2,
        text=[
            "Seen by Dr. Zyx on 03/14/2019, Qwerty. No mass.",
            "qwerty ASDF, mrn00917: T2 3.2 cm",
        ],
        name=["Asdf Qwerty", "Asdf Qwerty"],
    )

    measured = read(Notes(column="text", known_identifiers=("name",)), cohort, tmp_path)

    assert measured.texts == (
        "Seen by Dr. [NAME] on [DATE 2019], [NAME]. No mass.", "qwerty [NAME], [ID]: T2 3.2 cm",
    )  # fmt: skip
    assert measured.removed_by_patient() == {"MRN00917": {"date": 1, "id": 1, "name": 3}}
    assert measured.notes[-1].startswith(
        "Identifiers removed from the notes of 1 patient: date 1, id 1, name 3."
    )
    kept = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert b"No mass" in kept
    assert not any(own in kept for own in (b"Zyx", b"Qwerty", b"03/14", b"ASDF", b"mrn00917"))
    again = read(Notes(column="text", known_identifiers=("name",)), cohort, tmp_path)
    assert (again.texts, again.notes) == (measured.texts, measured.notes)


def test_a_name_in_one_note_goes_from_the_other_notes_of_the_patient(tmp_path: Path) -> None:
    cohort = make_cohort(
        ["A", "A", "B"],
        text=["Patient: Hiroshi Tanaka. Mass of 3 cm.", "Tanaka is well.", "Tanaka sign; Tanaka."],
    )

    measured = read(Notes(column="text"), cohort, tmp_path)

    assert measured.texts == (
        "Patient: [NAME]. Mass of 3 cm.", "[NAME] is well.", "Tanaka sign; Tanaka.",
    )  # fmt: skip


def test_without_deidentification_nothing_is_kept(tmp_path: Path) -> None:
    cohort = make_cohort(text=["Dr. Zyx"])

    measured = read(Notes(column="text", deidentify=False), cohort, tmp_path)

    assert measured.texts == ("Dr. Zyx",)
    assert "not de-identified" in measured.notes[-1]
    assert not any(path.suffix == ".npy" for path in tmp_path.rglob("*"))


def test_text_is_bytes_through_the_device(tmp_path: Path) -> None:
    cohort = make_cohort(["A", "B", "C"], text=["Größe 3 cm", None, "x"])
    modality = Notes(column="text")
    measured = read(modality, cohort, tmp_path)

    spec = fit(modality, measured)
    arrays = modality.arrays(measured, np.asarray([2, 0, 1]))

    assert (spec.layout, spec.sizes, spec.vocabulary) == ("text", (0,), ())
    finished = modality.finish(torch.from_numpy(arrays), generator=None)
    assert finished.dtype == torch.uint8
    assert to_texts(finished) == ["x", "Größe 3 cm", ""]


def test_a_vocabulary_holds_words_of_enough_training_patients(tmp_path: Path) -> None:
    cohort = make_cohort(
        list("AABC"), text=["mass rare rare", "mass rare", "mass left", "left zebra"]
    )
    modality = Notes(column="text", min_patients=2)
    modality.asked = frozenset({"vocabulary"})
    measured = read(modality, cohort, tmp_path)

    spec = fit(modality, measured)

    assert spec.vocabulary == ("left", "mass")
    assert Notes(column="text").restore(modality.state()) == spec


def test_tfidf_is_fitted_on_training_notes_alone_and_restored(tmp_path: Path) -> None:
    cohort = make_cohort(list("ABCD"), text=["mass left", "mass right", "mass left lung", "zebra"])
    modality = Notes(column="text", features="tfidf", min_patients=2, ngrams=1)
    measured = read(modality, cohort, tmp_path)
    rows = np.arange(3)

    spec = modality.fit(measured, rows, weight=np.ones(3))
    arrays = modality.arrays(measured, np.arange(4))

    assert (spec.layout, spec.names) == ("vector", ("mass", "left"))
    np.testing.assert_allclose(np.linalg.norm(arrays[:3], axis=1), 1, rtol=1e-6)
    assert not arrays[3].any()
    assert modality.notes(measured, np.arange(4)) == (
        "1 note holds no word of the training notes.",
    )
    again = Notes(column="text", features="tfidf", ngrams=1)
    assert again.restore(modality.state()).names == spec.names
    np.testing.assert_array_equal(again.arrays(measured, np.arange(4)), arrays)


def test_texts_that_are_too_long_are_cut_and_counted(tmp_path: Path) -> None:
    cohort = make_cohort(["A", "B"], text=["a b c d e f", "short"])
    start = read(Notes(column="text", max_characters=5), cohort, tmp_path)
    modality = Notes(column="text", max_characters=5, keep="end")

    assert start.texts == ("a b c", "short")
    measured = read(modality, cohort, tmp_path)
    assert measured.texts == ("d e f", "short")
    said = "1 text of 2 cut at 5 characters (the end was kept)."
    assert said in measured.notes  # of everybody, and of those who are predicted
    assert modality.notes(measured, np.arange(2)) == (said,)
    assert modality.notes(measured, np.array([1])) == ()


def test_template_and_scrub(tmp_path: Path) -> None:
    cohort = make_cohort(["A", "B"], side=["1", None], stage=["pT2", "pT1"])
    modality = Notes(
        template="Tumour on the {side} side. Stage {stage} as read.",
        values={"side": {"1": "left"}}, scrub=("t_stage",),
    )  # fmt: skip

    measured = read(modality, cohort, tmp_path)

    assert modality.columns == ("side", "stage")
    assert measured.texts == ("Tumour on the left side. as read.", "as read.")
    assert "2 statements scrubbed from the notes." in measured.notes


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "expected exactly one of files, column and template"),
        ({"column": "a", "files": "b/{a}"}, "found files and column"),
        ({"column": "a", "date_in_name": "%Y"}, "for files only"),
        ({"files": "{a}", "date_in_name": "%m"}, "no format of dates"),
        ({"column": "a", "index_date": "b"}, "notes' own dates are needed"),
        ({"column": "a", "values": {"x": {}}}, "not in the template's braces"),
        ({"template": "nothing"}, "pairs of braces"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        Notes(**settings)


def test_faults_are_named_without_the_text(tmp_path: Path) -> None:
    cohort = make_cohort(["A", "B"], text=["secret \x01", "fine"])

    with pytest.raises(
        InputError, match=r"column text: 1 cell is no text: row \d+ patient A"
    ) as error:
        read(Notes(column="text"), cohort, tmp_path)
    assert "secret" not in str(error.value)
    with pytest.raises(InputError, match="needs column 'txt', absent"):
        read(Notes(column="txt"), cohort, tmp_path)
    empty = read(Notes(column="text"), make_cohort(["A"], text=[None]), tmp_path)
    with pytest.raises(InputError, match="no training row has a note"):
        fit(Notes(column="text"), empty)
    one = read(Notes(column="text"), make_cohort(["A"], text=["mass"]), tmp_path)
    with pytest.raises(InputError, match=r"Lower modalities\.report\.min_patients"):
        fit(Notes(column="text", features="tfidf"), one)
    with pytest.raises(InputError, match="does not match its study"):
        Notes(column="text", features="tfidf").restore(FittedState({"layout": "text"}))
