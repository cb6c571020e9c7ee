"""Clinical factors of notes as one vector: side, size, stage, grade, biomarkers, symptoms, ..."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Annotated, Any, Literal

from numpy.typing import NDArray
from pydantic import Field

from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError
from tumorboard.formats.language_server import LanguageServer
from tumorboard.formats.messages import counted
from tumorboard.modalities import Measured, Modality
from tumorboard.modalities.measured.notes import MeasuredNotes
from tumorboard.modalities.notes import Notes
from tumorboard.modalities.table import MeasuredTable, Table
from tumorboard.records import ArraySpec, Cohort, FittedState, Floats, Ints
from tumorboard.transforms.clinical_factors import Factor, extract_factors
from tumorboard.transforms.column_scaling import Imputation, Scaling
from tumorboard.transforms.factor_columns import (
    NoteCells,
    Uncertain,
    category_column,
    cells_of,
    number_column,
)
from tumorboard.transforms.factor_mentions import KINDS, Kind
from tumorboard.transforms.model_factors import ask_factors, joined

_NONE = "none"


@dataclass(frozen=True)
class MeasuredFactors(MeasuredNotes):
    """Notes of a cohort and how factors are found in them; other texts have other factors.

    Args:
        extract: Text -> its factors.
        uncertain: What a factor that is only possible counts as.
    """

    extract: Callable[[str], tuple[Factor, ...]] = extract_factors
    uncertain: Uncertain = "possible"

    @cached_property
    def cells(self) -> tuple[NoteCells, ...]:
        """What each row's text says, by column."""
        of_text = {
            text: cells_of(self.extract(text), uncertain=self.uncertain) for text in set(self.texts)
        }
        return tuple(of_text[text] for text in self.texts)

    def table(self, numeric: tuple[str, ...], categorical: tuple[str, ...]) -> MeasuredTable:
        """These columns of the factors; what a text does not mention is missing."""
        return MeasuredTable(
            present=self.present,
            name=self.name,
            numbers={column: number_column(self.cells, column) for column in numeric},
            categories={column: category_column(self.cells, column) for column in categorical},
            patient_id=self.patient_id,
        )


class ClinicalFactors(Modality):
    """Clinical factors that notes state, as columns: scaled numbers and one-hot categories.

    Notes are read, cleaned and de-identified as by `notes`. Rules find site, side, lobe, size in
    mm, stage, grade, histology, biomarkers, treatments, symptoms and history, with negation,
    uncertainty, time and whose they are. A symptom, treatment or disease is `yes`, or `no` where
    the note denies it; what a note does not mention is missing, never negative. What is feared,
    planned or a relative's does not count. Columns are those that enough training patients have;
    from there on they are those of a `table`.

    Args:
        files: Pattern of the files (plain text or .docx); braces name columns of the cohort table.
        column: Column of the cohort table that holds the note, in place of `files`.
        factors: Kinds of factors that become columns.
        uncertain: A factor that is only possible becomes a category of its own ("possible
            glioblastoma"; no number), counts as `stated`, or is `left_out`.
        min_patients: A column is kept that so many training patients have a value of.
        scaling: `zscore`, `robust` or `none`, of the numbers of training patients.
        imputation: Fill value of a missing number: `mean`, `median`, or by `skew`.
        indicators: Add a column that says where a factor is not mentioned.
        encoding: Encoding of the files, or "auto".
        date: Column with the date of the row's note; each row then gets all notes of its patient in
            order of time, and of two results the later one counts.
        date_in_name: The same, from the names of files: a format such as "%Y-%m-%d".
        date_format: Format of `date`.
        index_date: Column with the date that prediction is made at: later notes are left out and
            counted.
        index_format: Format of `index_date`; `same` as `date`.
        known_identifiers: Columns that hold the patient's name or numbers, taken out as well.
        scrub: Statements taken out before factors are looked for, as in `notes`.
        llm: A language model that is asked as well, behind an OpenAI-compatible address: `address`,
            `model`, and where wanted `timeout_s` and `allow_remote` (else it must stand on this
            machine or in its private network). What it cannot quote from the note is dropped.
    """

    layout = "vector"

    def __init__(
        self,
        *,
        files: str = _NONE,
        column: str = _NONE,
        factors: tuple[Kind, ...] = KINDS,
        uncertain: Literal["possible", "stated", "left_out"] = "possible",
        min_patients: Annotated[int, Field(ge=1)] = 5,
        scaling: Scaling = "zscore",
        imputation: Imputation = "skew",
        indicators: bool = True,
        encoding: str = "auto",
        date: str = _NONE,
        date_in_name: str = _NONE,
        date_format: str = "%Y-%m-%d",
        index_date: str = _NONE,
        index_format: str = "same",
        known_identifiers: tuple[str, ...] = (),
        scrub: tuple[str, ...] = (),
        llm: dict[str, str | float | bool] = {},  # noqa: B006 - never changed
    ) -> None:
        if not factors:
            raise StudyError("factors: found none, expected at least one kind of factor.")
        self._notes = Notes(
            files=files, column=column, encoding=encoding, date=date, date_in_name=date_in_name,
            date_format=date_format, index_date=index_date, index_format=index_format,
            max_characters=0, known_identifiers=known_identifiers, scrub=scrub,
        )  # fmt: skip
        self._server = LanguageServer.of_settings(llm, where="llm") if llm else None
        self._dropped = 0
        self._kinds = tuple(dict.fromkeys(factors))
        self._uncertain: Uncertain = uncertain
        self._least = min_patients
        self._scaling: Scaling = scaling
        self._imputation: Imputation = imputation
        self._indicators = indicators
        self._numeric: tuple[str, ...] = ()
        self._categorical: tuple[str, ...] = ()
        self._table: Table | None = None

    @property
    def pattern(self) -> str:
        """Pattern of the files of notes; "none" where they stand in a column."""
        return self._notes.pattern

    @property
    def columns(self) -> tuple[str, ...]:
        """The column of the cohort table that holds the notes."""
        return self._notes.columns

    @property
    def origins(self) -> tuple[str, ...]:
        """Factor that each feature comes from."""
        return self._fitted().origins

    def read(self, cohort: Cohort, *, name: str, cache: Cache) -> MeasuredFactors:
        """Read the notes of every row; factors are found when they are first asked for.

        Raises:
            InputError: A column is absent, or cells are no text or no date.
        """
        read = self._notes.read(cohort, name=name, cache=cache)
        own = {entry.name: getattr(read, entry.name) for entry in fields(MeasuredNotes)}
        return MeasuredFactors(**own, extract=self._extract, uncertain=self._uncertain)

    def fit(self, measured: Measured, rows: Ints, *, weight: Floats) -> ArraySpec:
        """Choose the columns of the training notes, and fit scales, fill values and categories.

        Raises:
            InputError: No factor is stated in the notes of enough training patients.
        """
        notes = _factors(measured)
        patients: dict[str, set[str]] = {}
        numeric: set[str] = set()
        for row in rows[notes.present[rows]].tolist():
            cells = notes.cells[row]
            numeric |= set(cells.numbers)
            for column in (*cells.numbers, *cells.categories):
                patients.setdefault(column, set()).add(notes.patient_id[row])
        kept = sorted(column for column, own in patients.items() if len(own) >= self._least)
        if not kept:
            raise InputError(
                f"{notes.name}: no clinical factor stands in the notes of "
                f"{counted(self._least, 'training patient')}. Lower modalities.{notes.name}."
                "min_patients, or check the notes with `tumorboard factors`."
            )
        self._numeric = tuple(column for column in kept if column in numeric)
        self._categorical = tuple(column for column in kept if column not in numeric)
        self._table = self._new_table()
        return self._table.fit(self._measured_table(notes), rows, weight=weight)

    def arrays(self, measured: Measured, rows: Ints) -> NDArray[Any]:
        """(rows, features) float32 in the order of `rows` and of the specification's names."""
        return self._fitted().arrays(self._measured_table(_factors(measured)), rows)

    def unimputed(self, measured: Measured, rows: Ints) -> NDArray[Any]:
        """The same with NaN wherever a note does not mention the factor."""
        return self._fitted().unimputed(self._measured_table(_factors(measured)), rows)

    def notes(self, measured: Measured, rows: Ints) -> tuple[str, ...]:
        """How many notes state no factor, and where they are unlike those of the training rows."""
        factors = _factors(measured)
        own = rows[factors.present[rows]]
        silent = [
            row
            for row in own.tolist()
            if not (factors.cells[row].numbers or factors.cells[row].categories)
        ]
        said = counted(len(silent), "note states", "notes state")
        sentences = [f"{said} no clinical factor."] if silent else []
        if self._dropped:
            said = counted(self._dropped, "answer")
            sentences.append(f"{said} of the language model dropped: not quoted from the note.")
        return (*sentences, *self._fitted().notes(self._measured_table(factors), own))

    def state(self) -> FittedState:
        """Columns, and their scales, fill values, categories and indicators."""
        table = self._fitted().state()
        columns = {"numeric": list(self._numeric), "categorical": list(self._categorical)}
        return FittedState({**columns, "table": dict(table.values)})

    def restore(self, state: FittedState) -> ArraySpec:
        """Take up a fitted state; see `state`.

        Raises:
            InputError: The state is not of clinical factors.
        """
        if not {"numeric", "categorical", "table"} <= set(state.values):
            raise InputError(
                "Fitted state of clinical factors: columns are absent. The model folder does not "
                "match its study."
            )
        self._numeric = tuple(state.values["numeric"])
        self._categorical = tuple(state.values["categorical"])
        self._table = self._new_table()
        return self._table.restore(FittedState(state.values["table"]))

    def _extract(self, text: str) -> tuple[Factor, ...]:
        found = extract_factors(text, kinds=self._kinds)
        if self._server is None or not text.strip():
            return found
        asked = ask_factors(text, self._server, kinds=self._kinds)
        self._dropped += asked.n_not_quoted + asked.n_malformed
        return joined(found, asked.factors)

    def _new_table(self) -> Table:
        return Table(
            numeric=self._numeric, categorical=self._categorical, scaling=self._scaling,
            imputation=self._imputation, indicators=self._indicators,
        )  # fmt: skip

    def _measured_table(self, notes: MeasuredFactors) -> MeasuredTable:
        return notes.table(self._numeric, self._categorical)

    def _fitted(self) -> Table:
        if self._table is None:
            raise ValueError("clinical factors are used before they are fitted")
        return self._table


def _factors(measured: Measured) -> MeasuredFactors:
    if not isinstance(measured, MeasuredFactors):
        raise TypeError(f"a modality of clinical factors was given {type(measured).__name__}")
    return measured
