"""Columns behind the features of an arm's vectors: what explanations of tables are told in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tumorboard.errors import InputError
from tumorboard.modalities import Measured, row_weights
from tumorboard.records import Bools, Cohort, Floats, Ints
from tumorboard.training.fitted import FittedArm

#: What a reader sees of an empty cell, and of a patient without the whole modality.
MISSING, ABSENT = "missing", ""


@dataclass(frozen=True)
class Features:
    """Derived features of an arm's vector modalities, side by side.

    Args:
        modalities: (F,) modality of each.
        names: (F,) names, such as "sex=f" or "age missing".
        columns: (F,) column of the cohort table that each comes from.
    """

    modalities: tuple[str, ...]
    names: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def groups(self) -> dict[tuple[str, str], Ints]:
        """(modality, column) -> its derived features, in the order of the columns."""
        found: dict[tuple[str, str], list[int]] = {}
        for i, key in enumerate(zip(self.modalities, self.columns, strict=True)):
            found.setdefault(key, []).append(i)
        return {key: np.asarray(index, dtype=np.int64) for key, index in found.items()}

    def of(self, modality: str) -> Ints:
        """Features of one modality."""
        return np.flatnonzero(np.asarray(self.modalities) == modality).astype(np.int64)


@dataclass(frozen=True)
class Shares:
    """Attributions of some rows, told by column or by derived feature.

    Args:
        modalities: (C,) modality of each.
        features: (C,) column, or derived feature.
        shown: (rows, C) the patient's own cell, "missing" where it is empty, "" where the patient
            lacks the modality.
        values: (rows, C) attributions.
    """

    modalities: tuple[str, ...]
    features: tuple[str, ...]
    shown: tuple[tuple[str, ...], ...]
    values: Floats


def vector_modalities(fitted: FittedArm) -> tuple[str, ...]:
    """Modalities of the arm that hand over vectors, in its order."""
    return tuple(n for n in fitted.arm.modalities if fitted.specs[n].layout == "vector")


def why_no_table(fitted: FittedArm) -> str:
    """Why no column of this arm can be explained; "" where one can."""
    return "" if vector_modalities(fitted) else f"{fitted.arm.name} reads no table."


def table_features(fitted: FittedArm) -> Features:
    """The derived features of an arm and their columns."""
    modalities: list[str] = []
    names: list[str] = []
    columns: list[str] = []
    for name in vector_modalities(fitted):
        derived = fitted.specs[name].names
        names += derived
        columns += fitted.modalities[name].origins or derived
        modalities += [name] * len(derived)
    return Features(tuple(modalities), tuple(names), tuple(columns))


def table_vectors(fitted: FittedArm, measured: Mapping[str, Measured], rows: Ints) -> Floats:
    """(len(rows), F) what encoders and baselines see of vectors; NaN where a modality is absent."""
    none = np.empty((len(rows), 0))  # an arm of images and notes has no column
    found = [fitted.vector(name, measured, rows) for name in vector_modalities(fitted)]
    return np.concatenate([none, *found], axis=1)


def background_mean(
    fitted: FittedArm, measured: Mapping[str, Measured], cohort: Cohort, background: Ints
) -> Floats:
    """(F,) mean of each feature over the background rows that have it; each patient weighs 1.

    Raises:
        InputError: No background rows, or none that has one of the modalities.
    """
    vectors = require_background(fitted, measured, background)
    weight = row_weights(cohort.patient_id, background)[:, None]
    has = np.isfinite(vectors)
    return np.where(has, vectors * weight, 0.0).sum(axis=0) / (has * weight).sum(axis=0)


def background_sample(
    fitted: FittedArm,
    measured: Mapping[str, Measured],
    background: Ints,
    *,
    n: int,
    rng: np.random.Generator,
) -> Floats:
    """(at most n, F) features of background rows that have every vector, drawn without repetition.

    Raises:
        InputError: No background rows, or none that has all of the modalities.
    """
    vectors = require_background(fitted, measured, background)
    vectors = vectors[_present(fitted, measured, background).all(axis=1)]
    if not len(vectors):
        raise InputError(
            f"arm {fitted.arm.name}: no training patient has all of "
            f"{', '.join(vector_modalities(fitted))}, so nothing can stand for a value that is "
            "not known. Explain the arms of one table."
        )
    return vectors[np.sort(rng.permutation(len(vectors))[:n])]


def _present(fitted: FittedArm, measured: Mapping[str, Measured], rows: Ints) -> Bools:
    """(len(rows), vector modalities) which of them each row has."""
    return np.stack([measured[n].present[rows] for n in vector_modalities(fitted)], axis=1)


def require_background(
    fitted: FittedArm, measured: Mapping[str, Measured], background: Ints
) -> Floats:
    """(n, F) vectors of the background rows, which must have each modality at least once.

    Raises:
        InputError: No background row has one of the modalities.
    """
    vectors = table_vectors(fitted, measured, background)
    for name in vector_modalities(fitted):
        if not measured[name].present[background].any():
            raise InputError(
                f"arm {fitted.arm.name}: no training patient with {name} is at hand, whose mean "
                "would stand for a value that is not known. Explain the model with the cohort that "
                "it was trained on, or ask tree_shap, lrp or modality_contribution."
            )
    return vectors


def shares(
    fitted: FittedArm,
    measured: Mapping[str, Measured],
    cohort: Cohort,
    rows: Ints,
    values: Floats,
    *,
    by: str,
) -> Shares:
    """Attributions of derived features, summed by the column that they come from.

    Args:
        fitted: The arm.
        measured: Its measurements.
        cohort: The patients.
        rows: The rows explained.
        values: (len(rows), F) one per derived feature, NaN where it is absent.
        by: "column", or "derived" to leave them as they are.
    """
    features = table_features(fitted)
    groups = features.groups
    if by == "derived":
        keys = list(zip(features.modalities, features.columns, strict=True))
        return Shares(
            features.modalities,
            features.names,
            shown_cells(measured, cohort, rows, keys),
            values,
        )
    summed = np.stack([values[:, index].sum(axis=1) for index in groups.values()], axis=1)
    return Shares(
        tuple(modality for modality, _ in groups),
        tuple(column for _, column in groups),
        shown_cells(measured, cohort, rows, list(groups)),
        summed,
    )


def shown_cells(
    measured: Mapping[str, Measured], cohort: Cohort, rows: Ints, keys: list[tuple[str, str]]
) -> tuple[tuple[str, ...], ...]:
    """Text of each row's cells; keys are (modality, column).

    "" for what is no column of the cohort table, such as a gene: its cell is elsewhere.
    """

    def cell(row: int, modality: str, column: str) -> str:
        if not measured[modality].present[row]:
            return ABSENT
        if column not in cohort.columns:
            return ""
        return (cohort.columns[column][row] or "").strip() or MISSING

    return tuple(tuple(cell(int(row), *key) for key in keys) for row in rows)
