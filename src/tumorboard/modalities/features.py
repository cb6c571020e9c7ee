"""Features that another program computed: one row of numbers per patient."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tumorboard.cache import Cache
from tumorboard.errors import InputError
from tumorboard.formats.expression_table import ProfileTable, read_profiles
from tumorboard.formats.messages import listed
from tumorboard.formats.number_matrix import refuse_twice
from tumorboard.formats.profile_files import find_profiles, no_profiles, used_files
from tumorboard.modalities import Measured, MeasuredProfiles, Modality
from tumorboard.records import ArraySpec, Cohort, FittedState, Floats, Ints
from tumorboard.transforms.profiles import (
    ProfileScaling,
    absent_names,
    aligned,
    bounded,
    refuse_small_overlap,
    scaling_notes,
)


class Features(Modality):
    """Ready features from a table, such as FMCIB's 4,096 of a CT: one row per patient, z-scored.

    Columns that are constant in the training patients are left out; missing values take the
    column's training median; every column has mean 0 and deviation 1 in the training patients.

    Args:
        table: CSV or TSV (also .gz), relative to the data folder; another cohort's is the one of
            this name beside that cohort's own table.
        id_column: Column that holds the patient's id; "auto" is the first.
        columns: Columns that are features; `*` stands for any text, such as `pred_*`.
        drop_missing_above: Columns that a larger share of the training patients lacks are left out.
        min_overlap: A table with a smaller share of the model's columns is refused; columns that it
            lacks are at their training medians.
    """

    layout = "vector"

    def __init__(
        self,
        *,
        table: str,
        id_column: str = "auto",
        columns: tuple[str, ...] = ("*",),
        drop_missing_above: Annotated[float, Field(ge=0, lt=1)] = 0.2,
        min_overlap: Annotated[float, Field(gt=0, le=1)] = 1.0,
    ) -> None:
        self._file = table
        self._id_column = id_column
        self._patterns = columns
        self._most_missing = drop_missing_above
        self._least_overlap = min_overlap
        self._scaling: ProfileScaling | None = None

    def read(self, cohort: Cohort, *, name: str, cache: Cache) -> MeasuredProfiles:
        """Read the table and find each row's patient in it.

        Raises:
            InputError: The table cannot be read, has a patient or a column twice, infinite values,
                or no column of a pattern.
        """
        path = find_profiles(self._file, cohort)
        if path is None:
            return MeasuredProfiles.nobody(cohort, name=name, note=no_profiles(self._file))
        found = read_profiles(
            path, cohort.patients, orientation="patients_by_genes", id_column=self._id_column
        )
        found = self._chosen(found)
        refuse_twice(found.names, "a column", path.name)
        rows, columns = np.nonzero(np.isinf(found.values))
        if len(rows):
            cells = [
                f"{found.names[c]} of {found.patients[r]}"
                for r, c in zip(rows.tolist(), columns.tolist(), strict=True)
            ]
            raise InputError(f"{path.name}: values are infinite: {listed(cells)}.")
        number = {
            patient: i
            for i, patient in enumerate(found.patients)
            if np.isfinite(found.values[i]).any()
        }
        index = np.asarray([number.get(p, -1) for p in cohort.patient_id], dtype=np.int64)
        return MeasuredProfiles(
            present=index >= 0,
            records=used_files(cohort.root, path, modality=name),
            name=name,
            table=path,
            names=found.names,
            profiles=found.values.astype(np.float32),
            index=index,
            patient_id=cohort.patient_id,
            notes=found.notes,
            root=cohort.root,
        )

    def fit(self, measured: Measured, rows: Ints, *, weight: Floats) -> ArraySpec:
        """Choose and scale columns on the training patients, each of whom has one profile.

        Raises:
            InputError: No column varies.
        """
        profiles = _profiles(measured)
        self._scaling = ProfileScaling.fit(
            profiles.of_patients(rows), profiles.names, where=profiles.name,
            most_missing=self._most_missing,
        )  # fmt: skip
        return self._spec()

    def arrays(self, measured: Measured, rows: Ints) -> NDArray[Any]:
        """(rows, features) float32 in the order of the specification's names.

        Raises:
            InputError: The table lacks columns that the model was trained on.
        """
        scaling, own = self._aligned(measured, rows)
        found = bounded(scaling.filled(own)).astype(np.float32)
        found[_profiles(measured).index[rows] < 0] = 0.0
        return found

    def unimputed(self, measured: Measured, rows: Ints) -> NDArray[Any]:
        """The same with NaN wherever a value is missing."""
        scaling, own = self._aligned(measured, rows)
        return bounded(scaling.scaled(own)).astype(np.float32)

    def notes(self, measured: Measured, rows: Ints) -> tuple[str, ...]:
        """What was read, what fitting left out, and columns that the table lacks."""
        profiles = _profiles(measured)
        if self._scaling is None or profiles.is_nobodys:
            return profiles.notes
        fitted = scaling_notes(self._scaling, what="columns", most_missing=self._most_missing)
        sentences = [*profiles.notes, *(f"{profiles.name}: {s}" for s in fitted)]
        absent = absent_names(profiles.names, self._scaling.names)
        if absent:
            sentences.append(
                f"{profiles.table.name}: lacks columns that the model was trained on, filled with "
                f"their training medians: {listed(absent)}"
            )
        return tuple(sentences)

    def state(self) -> FittedState:
        """Columns with their fill values and scales."""
        own = self._fitted()
        return FittedState({"columns": list(own.names), **own.counts()}, own.arrays())

    def restore(self, state: FittedState) -> ArraySpec:
        """Take up a fitted state; see `state`."""
        self._scaling = ProfileScaling.from_state(
            state.values["columns"], state.arrays, counts=state.values
        )
        return self._spec()

    def _chosen(self, found: ProfileTable) -> ProfileTable:
        """The columns that a pattern names."""
        kept = [
            i
            for i, column in enumerate(found.names)
            if any(fnmatchcase(column, pattern) for pattern in self._patterns)
        ]
        idle = [p for p in self._patterns if not any(fnmatchcase(name, p) for name in found.names)]
        if idle:
            raise InputError(
                f"{found.path.name}: no column of numbers is called {listed(idle)} (columns). "
                f"There are {listed(found.names)}."
            )
        names = tuple(found.names[i] for i in kept)
        return replace(found, names=names, values=found.values[:, kept])

    def _aligned(self, measured: Measured, rows: Ints) -> tuple[ProfileScaling, Floats]:
        """Profiles of rows in the columns of the model, NaN where missing."""
        profiles, scaling = _profiles(measured), self._fitted()
        if profiles.is_nobodys:
            return scaling, np.full((len(rows), len(scaling.names)), np.nan)
        refuse_small_overlap(
            profiles.names, scaling.names, least=self._least_overlap, where=profiles.table.name,
            what="columns",
        )  # fmt: skip
        return scaling, aligned(profiles.values[rows], profiles.names, scaling.names)

    def _fitted(self) -> ProfileScaling:
        if self._scaling is None:
            raise ValueError("features are used before they are fitted")
        return self._scaling

    def _spec(self) -> ArraySpec:
        names = self._fitted().names
        return ArraySpec("vector", (len(names),), names)


def _profiles(measured: Measured) -> MeasuredProfiles:
    if not isinstance(measured, MeasuredProfiles):
        raise TypeError(f"a modality of features was given {type(measured).__name__}")
    return measured
