"""Profiles of gene expression: the declared unit checked, in the logarithms that models see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.expression_table import ExpressionTable, Scale
from tumorboard.formats.messages import counted, listed
from tumorboard.transforms.expression_scale import disagreement, stated, to_log2, unlike_patients


@dataclass(frozen=True)
class ExpressionProfiles:
    """Profiles of every patient of a table.

    Args:
        log2: (patients, genes) log2(TPM + 1), log2(CPM + 1) or z-scores, NaN where missing.
        number: Patient -> row of the profile, of those who have one.
        without: Patient -> why there is no profile, such as a library without a read.
        notes: Sentences for the report.
    """

    log2: NDArray[np.float32]
    number: Mapping[str, int]
    without: Mapping[str, str]
    notes: tuple[str, ...]


def to_profiles(table: ExpressionTable, scale: Scale) -> ExpressionProfiles:
    """Check that a table is in the unit that it is declared to be, and take logarithms.

    Raises:
        InputError: The table, or some of its patients, are in another unit.
    """
    name = table.path.name
    problem = disagreement(table.values, scale)
    if problem:
        raise InputError(f"{name}: {problem}. Set scale to what the table holds.")
    unlike = unlike_patients(table.values, scale)
    if unlike:
        listing = listed([f"{table.patients[i]} ({why})" for i, why in unlike.items()])
        raise InputError(
            f"{name}: {counted(len(unlike), 'patient is', 'patients are')} in another unit than "
            f"the others, which are {scale}: {listing}. Bring every patient to one unit, or leave "
            "these out of the table."
        )
    without = _without_reads(table, scale)
    is_empty = np.asarray([patient in without for patient in table.patients], dtype=np.bool_)
    log2 = to_log2(np.where(is_empty[:, None], np.nan, table.values), scale)
    return ExpressionProfiles(
        log2=log2.astype(np.float32),
        number={p: i for i, p in enumerate(table.patients) if p not in without},
        without=without,
        notes=(*table.notes, f"{name}: {stated(table.values, scale)}"),
    )


def _without_reads(table: ExpressionTable, scale: Scale) -> dict[str, str]:
    """Patients without a single read or value."""
    has_value = np.asarray(np.isfinite(table.values).any(axis=1))
    is_empty = ~has_value
    if scale != "z":
        is_empty = is_empty | ~(table.values > 0).any(axis=1)
    return {
        table.patients[i]: f"{table.path.name}: every gene of this patient is "
        f"{'zero' if has_value[i] else 'missing'}; no library has that."
        for i in np.flatnonzero(is_empty).tolist()
    }
