"""Whom `tumorboard explain` gives a page: whom the user names, or some of every class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tumorboard.errors import InputError, nearest
from tumorboard.evaluation.chosen_cases import choose_cases
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.statistic import decide
from tumorboard.prediction.predictions import Predictions
from tumorboard.records import Ints

#: Units of each class that are explained where the study explains none of its own.
PER_CLASS = 12
#: All are explained up to so many times the number of each class: about a minute's work.
_ALL_UP_TO = 4


def explained_units(
    predictions: Predictions, named: Sequence[str], table: Path, *, per_class: int, word: str,
    rng: np.random.Generator,
) -> tuple[tuple[str, ...], tuple[str, ...]]:  # fmt: skip
    """Units that get a page, in the order of the table, and sentences about those that get none.

    A table of thousands of patches would take hours and give pages that nobody reads. So of many
    units, right and wrong calls of every class are chosen by turns, as in a run; of a named
    patient's many units as well. A unit that is named itself is always explained.

    Args:
        predictions: Predictions of the table.
        named: Patients or units; all where empty.
        table: The table, for messages.
        per_class: Units of each class where there are too many for all.
        word: What one unit is called.
        rng: Source of the draws.

    Raises:
        InputError: A name that no prediction has, or no prediction at all.
    """
    _refuse_strangers(predictions, named, table)
    every = np.arange(len(predictions.unit_id))
    wanted = set(named)
    groups = [every]
    if wanted:
        units, patients = np.asarray(predictions.unit_id), np.asarray(predictions.patient_id)
        own = np.isin(units, named)
        of_patients = [every[(patients == name) & ~own] for name in dict.fromkeys(named)]
        groups = [every[own][i : i + 1] for i in range(int(own.sum()))] + of_patients
    chosen = [_chosen(predictions, group, per_class, rng) for group in groups]
    n_asked, n_chosen = sum(map(len, groups)), sum(map(len, chosen))
    picked = np.sort(np.concatenate(chosen))
    said: tuple[str, ...] = ()
    if n_chosen < n_asked:
        example = predictions.unit_id[int(picked[0])]
        said = (
            f"{n_chosen:,} of {n_asked:,} {word}s are explained one by one: at most {per_class} of "
            "each class, right and wrong calls by turns. Explain others with "
            f"--patients ID, a name such as {example}.",
        )
    return tuple(predictions.unit_id[i] for i in picked.tolist()), said


def _refuse_strangers(predictions: Predictions, named: Sequence[str], table: Path) -> None:
    known = {*predictions.patient_id, *predictions.unit_id}
    for name in named:
        if name not in known:
            raise InputError(
                f"--patients {name}: not among the patients of {table} that can be predicted. "
                f"{nearest(name, sorted(known))}"
            )
    if not known:
        raise InputError(f"{table}: no patient that can be predicted, so nothing to explain.")


def _chosen(predictions: Predictions, rows: Ints, per_class: int, rng: np.random.Generator) -> Ints:
    """All of some predictions, or some of every class where they are too many.

    The class of a unit whose outcome is not known is the one that it is called.
    """
    n_classes = len(predictions.classes)
    if len(rows) <= per_class * max(_ALL_UP_TO, n_classes):
        return rows
    called = decide(predictions.probabilities, predictions.threshold)
    number = {name: k for k, name in enumerate(predictions.classes)}
    truth = [number.get(name, int(k)) for name, k in zip(predictions.outcome, called, strict=True)]
    n = predictions.probabilities.shape[0]
    one = np.ones(n, dtype=np.int64)
    table = PredictionTable(
        patient_id=np.asarray(predictions.patient_id, dtype=np.str_),
        unit_id=np.asarray(predictions.unit_id, dtype=np.str_),
        arm=np.full(n, "model", dtype=np.str_),
        repeat=one,
        fold=one,
        part=np.full(n, "test", dtype=np.str_),
        modalities=np.asarray(predictions.modalities, dtype=np.str_),
        outcome=np.asarray(truth, dtype=np.int64),
        outcome_name=predictions.outcome_name,
        classes=predictions.classes,
        probabilities=predictions.probabilities,
    )
    units: list[str] = []
    for k in range(n_classes):
        of_class = rows[table.outcome[rows] == k]
        units += choose_cases(
            table.take(of_class), threshold=predictions.threshold, n=per_class, first=0, rng=rng
        )
    return rows[np.isin(table.unit_id[rows], units)]
