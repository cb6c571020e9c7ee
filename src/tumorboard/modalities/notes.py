"""Clinical notes: files, a column, or sentences written from the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tumorboard.cache import Cache
from tumorboard.errors import InputError
from tumorboard.formats.messages import counted
from tumorboard.formats.text_bytes import to_bytes
from tumorboard.modalities import Measured, Modality
from tumorboard.modalities.measured.notes import MeasuredNotes
from tumorboard.records import ArraySpec, Cohort, FittedState, Floats, Ints
from tumorboard.transforms.note_preparation import (
    Prepared,
    RawNote,
    known_of,
    prepare,
    removal_notes,
    removed_counts,
)
from tumorboard.transforms.note_sources import NONE, NoteSource
from tumorboard.transforms.scrubbing import Scrubber
from tumorboard.transforms.word_weights import count_patients, inverse_frequency, weigh

if TYPE_CHECKING:
    import torch


class Notes(Modality):
    """Clinical notes as text for a language model, or as weights of words (tf-idf) for any model.

    Every note is cleaned (line breaks, hyphenation, page headers; no word, number or sign is lost)
    and de-identified before it enters a cache or a report. Several notes of a patient are joined
    in order of time. Exactly one of `files`, `column` and `template` says where notes come from.

    Args:
        files: Pattern of the files (plain text or .docx); one that matches several takes them in
            natural order. Braces name columns of the cohort table.
        column: Column of the cohort table that holds the note.
        template: Sentences with columns in braces, such as "Tumour of the {side} lobe."; a clause
            with a missing cell is left out.
        values: Column of the template -> code -> the words that say it.
        encoding: Encoding of the files, or "auto".
        date: Column with the date of the row's note; each row then gets all notes of its patient in
            order of time.
        date_in_name: The same, from the names of files: a format such as "%Y-%m-%d".
        date_format: Format of `date`.
        index_date: Column with the date that prediction is made at: later notes are left out and
            counted, and so are undated ones.
        index_format: Format of `index_date`; `same` as `date`.
        joined_by: Between the notes of a patient.
        max_characters: Texts are cut at so many characters, and that is counted; 0 cuts none.
        keep: Which end of a text that is too long is kept.
        deidentify: Replace names, dates, numbers and places by tags.
        known_identifiers: Columns that hold the patient's name or numbers, replaced as well.
        scrub: Statements taken out before a model reads: `t_stage`, `n_stage`, `m_stage`, `stage`,
            `grade`, `side`, or a regular expression between slashes.
        features: `text` for encoders of text, `tfidf` for any model of vectors.
        min_patients: A word of `tfidf`, or of an encoder's vocabulary, has so many training
            patients; rarer ones would also tell who they are.
        max_features: Terms of `tfidf`, those of the most patients.
        ngrams: Longest run of words that is a term of `tfidf`.
    """

    layout = "text"

    def __init__(
        self,
        *,
        files: str = NONE,
        column: str = NONE,
        template: str = NONE,
        values: dict[str, dict[str, str]] = {},  # noqa: B006 - copied below, never changed
        encoding: str = "auto",
        date: str = NONE,
        date_in_name: str = NONE,
        date_format: str = "%Y-%m-%d",
        index_date: str = NONE,
        index_format: str = "same",
        joined_by: str = "\n\n",
        max_characters: Annotated[int, Field(ge=0)] = 100_000,
        keep: Literal["start", "end"] = "start",
        deidentify: bool = True,
        known_identifiers: tuple[str, ...] = (),
        scrub: tuple[str, ...] = (),
        features: Literal["text", "tfidf"] = "text",
        min_patients: Annotated[int, Field(ge=1)] = 5,
        max_features: Annotated[int, Field(ge=1)] = 2000,
        ngrams: Annotated[int, Field(ge=1, le=5)] = 1,
    ) -> None:
        self._source = NoteSource(
            files=files, column=column, template=template,
            values={name: dict(words) for name, words in values.items()}, encoding=encoding,
            date=date, date_in_name=date_in_name, date_format=date_format, index_date=index_date,
            index_format=date_format if index_format == "same" else index_format,
        )  # fmt: skip
        self._joined_by = joined_by
        self._longest_text, self._keep = max_characters, keep
        self._is_deidentified, self._identifiers = deidentify, known_identifiers
        self._scrubber = Scrubber(scrub)
        self._least, self._most, self._ngrams = min_patients, max_features, ngrams
        self.layout = "vector" if features == "tfidf" else "text"
        self._fitted: FittedState | None = None

    @property
    def pattern(self) -> str:
        """Pattern of this modality's files with `{column}` names; "none" where it reads none."""
        return self._source.files

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the cohort table that notes are, or are written from."""
        own = self._source.column
        return (own,) if own != NONE else self._source.template_columns

    def read(self, cohort: Cohort, *, name: str, cache: Cache) -> MeasuredNotes:
        """Read, clean and de-identify the notes of every row.

        Raises:
            InputError: A column is absent, or cells are no text, no date or no known code.
        """
        found, sentences = self._source.find(cohort, name)
        known = known_of(cohort, self._identifiers, where=name)
        flat = [
            RawNote(note.text, cohort.patient_id[row], known[row])
            for row, own in enumerate(found.notes)
            for note in own
        ]
        prepared = iter(prepare(flat, deidentified=self._is_deidentified, cache=cache))
        rows = [[next(prepared) for _ in own] for own in found.notes]
        joined = [self._joined(own) for own in rows]
        removed = removed_counts(rows)
        texts = tuple(self._cut(text) for text, _ in joined)
        if n_scrubbed := sum(n for _, n in joined):
            sentences.append(f"{counted(n_scrubbed, 'statement')} scrubbed from the notes.")
        lengths = tuple(len(text) for text, _ in joined)
        sentences += self._cut_notes([n for n in lengths if n])
        sentences += removal_notes(removed, cohort, is_on=self._is_deidentified)
        return MeasuredNotes(
            present=np.asarray([bool(text) for text in texts], dtype=np.bool_),
            rejections=found.rejections,
            records=found.records,
            notes=tuple(sentences),
            texts=texts,
            name=name,
            patient_id=cohort.patient_id,
            column=self._source.column if self._source.column != NONE else "",
            n_characters=lengths,
            removed=removed,
        )

    def fit(self, measured: Measured, rows: Ints, *, weight: Floats) -> ArraySpec:
        """Choose the words of the training notes, where the model needs them.

        Raises:
            InputError: No training row has a note, or no word has enough patients.
        """
        notes = _notes(measured)
        rows = rows[notes.present[rows]]
        if not len(rows):
            raise InputError(f"{notes.name}: no training row has a note. Check where they are.")
        if self.layout == "text" and "vocabulary" not in self.asked:
            self._fitted = FittedState({"layout": "text"})
            return self._spec()
        texts = [notes.texts[int(row)] for row in rows]
        patients = [notes.patient_id[int(row)] for row in rows]
        is_tfidf = self.layout == "vector"
        counts = count_patients(texts, patients, longest=self._ngrams if is_tfidf else 1)
        terms = [term for term, n in counts.items() if n >= self._least]
        if not terms:
            raise InputError(
                f"{notes.name}: no word stands in the notes of {self._least} training patients. "
                f"Lower modalities.{notes.name}.min_patients."
            )
        terms = terms[: self._most] if is_tfidf else terms
        n_with = [counts[term] for term in terms]
        inverse = inverse_frequency(n_with, len(set(patients)))
        self._fitted = FittedState(
            {"layout": self.layout, "terms": terms}, {"inverse": inverse} if is_tfidf else {}
        )
        return self._spec()

    def arrays(self, measured: Measured, rows: Ints) -> NDArray[Any]:
        """Texts as (rows, longest) bytes, or (rows, terms) weights of words."""
        notes = _notes(measured)
        texts = [notes.texts[int(row)] for row in rows]
        if self.layout == "text":
            return to_bytes(texts)
        state = self._state()
        return weigh(texts, state.values["terms"], state.arrays["inverse"], longest=self._ngrams)

    def finish(self, batch: torch.Tensor, *, generator: torch.Generator | None) -> torch.Tensor:
        """Bytes stay bytes; weights of words become float32."""
        return batch if self.layout == "text" else batch.float()

    def notes(self, measured: Measured, rows: Ints) -> tuple[str, ...]:
        """How many of these rows' texts were cut, and how many hold no word that training had."""
        notes = _notes(measured)
        own = [int(row) for row in rows if notes.present[row]]
        sentences = self._cut_notes([notes.n_characters[row] for row in own if notes.n_characters])
        if self.layout == "vector" and own:
            arrays = self.arrays(measured, np.asarray(own, dtype=np.int64))
            n_none = int((~arrays.any(axis=1)).sum())
            if n_none:
                said = counted(n_none, "note holds", "notes hold")
                sentences.append(f"{said} no word of the training notes.")
        return tuple(sentences)

    def _cut_notes(self, lengths: Sequence[int]) -> list[str]:
        """A sentence where texts of these lengths are cut."""
        n_cut = sum(n > self._longest_text for n in lengths) if self._longest_text else 0
        if not n_cut:
            return []
        return [
            f"{counted(n_cut, 'text')} of {len(lengths)} cut at {self._longest_text:,} characters "
            f"(the {self._keep} was kept)."
        ]

    def state(self) -> FittedState:
        """Words of the training notes and their inverse frequencies."""
        return self._state()

    def restore(self, state: FittedState) -> ArraySpec:
        """Take up a fitted state; see `state`.

        Raises:
            InputError: The state is of another layout or damaged.
        """
        terms, inverse = state.values.get("terms", []), state.arrays.get("inverse")
        n_weights = len(inverse) if inverse is not None else 0
        is_whole = self.layout == "text" or (bool(terms) and n_weights == len(terms))
        if state.values.get("layout") != self.layout or not is_whole:
            raise InputError(
                f"Fitted state of notes: layout {state.values.get('layout')!r} with {len(terms)} "
                f"terms and {n_weights} weights, expected {self.layout!r}. The model folder does "
                "not match its study."
            )
        self._fitted = state
        return self._spec()

    def _joined(self, notes: Sequence[Prepared]) -> tuple[str, int]:
        """Scrubbed notes of one row as one text, and how many statements were scrubbed."""
        scrubbed = [self._scrubber.scrub(note.text) for note in notes]
        text = self._joined_by.join(text.strip() for text, _ in scrubbed if text.strip())
        return text, sum(n for _, n in scrubbed)

    def _cut(self, text: str) -> str:
        if not self._longest_text or len(text) <= self._longest_text:
            return text
        if self._keep == "end":
            return text[-self._longest_text :]
        return text[: self._longest_text]

    def _state(self) -> FittedState:
        if self._fitted is None:
            raise ValueError("notes are used before they are fitted")
        return self._fitted

    def _spec(self) -> ArraySpec:
        terms = tuple(self._state().values.get("terms", ()))
        if self.layout == "text":
            return ArraySpec("text", (0,), vocabulary=terms)
        return ArraySpec("vector", (len(terms),), terms)


def _notes(measured: Measured) -> MeasuredNotes:
    if not isinstance(measured, MeasuredNotes):
        raise TypeError(f"a notes modality was given {type(measured).__name__}")
    return measured
