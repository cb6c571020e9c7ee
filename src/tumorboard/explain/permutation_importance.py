"""Permutation importance of columns and of whole modalities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal

import numpy as np

from tumorboard.errors import InputError
from tumorboard.explain import Asked, Explainer, Explanation, Importance, target_names
from tumorboard.models.setting_types import Count
from tumorboard.prediction.features import vector_modalities
from tumorboard.prediction.permutation import NumberUnits, Units, exchanged, fall
from tumorboard.prediction.vector_model import VectorModel
from tumorboard.records import Floats, Ints
from tumorboard.training.fitted import FittedArm

#: Modalities of more columns move only as a whole: each column costs `repeats` predictions of all.
MOST_COLUMNS = 200
#: Task of numbers -> the metric that falls.
_METRIC = {"survival": "c_index", "regression": "r2"}


class PermutationImportance(Explainer):
    """Permutation importance: how much a metric falls when patients exchange one input.

    An input is a column of a table (its categories and its missing indicator move together) and,
    where the arm has several, a whole modality (exchanged among the patients who have it). Columns
    that tell the same share their importance: each alone may seem to matter little. Of survival
    the c-index falls, of other numbers R2. A modality of more than 200 columns, such as genes, is
    exchanged as a whole only: hardly one gene of thousands matters by itself.

    Args:
        metric: Of classes: `auroc` (of several the mean, each against the rest) or `log_loss`,
            whose rise is then the fall.
        repeats: Permutations of each input.
        replicates: Resamples of the patients for the interval.

    Source:
        Breiman, Random forests, 2001, section 10; Fisher et al., JMLR 2019 (any model).
    """

    question = "How much does the arm rely on each input?"
    asks_all = True
    of_numbers = True

    def __init__(
        self,
        *,
        metric: Literal["auroc", "log_loss"] = "auroc",
        repeats: Count = 5,
        replicates: Count = 200,
    ) -> None:
        self.metric: Literal["auroc", "log_loss"] = metric
        self.repeats = repeats
        self.replicates = replicates

    def refuses(self, fitted: FittedArm) -> str:
        """An arm of one image alone: without its only input nothing is left to compare."""
        if vector_modalities(fitted) or len(fitted.arm.modalities) > 1:
            return ""
        return f"{fitted.arm.name} reads one image alone: its whole answer comes from it."

    def explain(self, asked: Asked) -> Explanation:
        """Importance of every column and modality over the rows with a known outcome."""
        rows, units = _known(asked)
        metric = self.metric if asked.fitted.classes else _METRIC[asked.fitted.study.keys.task.kind]
        model = VectorModel(asked.fitted, asked.measured, rows, target=asked.target)
        _, patient = np.unique(_ids(asked, rows), return_inverse=True)

        def judged(x: Floats, held: Mapping[str, Ints]) -> Floats:
            return _predicted(asked, units, model, x, held)

        before = judged(model.vectors, {})
        seed = int(asked.rng.integers(2**31))
        inputs = _inputs(model)
        found: list[tuple[float, float, float]] = []
        for modality, _, index in inputs:
            has = asked.measured[modality].present[rows]
            sources = [exchanged(patient, has, asked.rng) for _ in range(self.repeats)]
            after = [judged(*_changed(model, modality, source, index)) for source in sources]
            found.append(
                fall(units, metric, before, after, n_replicates=self.replicates, seed=seed)
            )
        drop, low, high = np.asarray(found, dtype=np.float64).T
        few = f"{units.n_patients} patients: too few for an interval."
        return Explanation(
            importance=Importance(
                tuple(modality for modality, _, _ in inputs),
                tuple(name for _, name, _ in inputs),
                drop,
                low,
                high,
                metric,
            ),
            remarks=(few,) if units.n_patients < 10 else (),
        )


def _known(asked: Asked) -> tuple[Ints, Units | NumberUnits]:
    """Rows with a known outcome, and their units.

    Raises:
        InputError: No outcome is known.
    """
    rows = asked.rows[:0]
    if asked.outcomes is not None:
        rows = asked.rows[asked.outcomes.kept[asked.rows]]
    if asked.outcomes is None or not len(rows):
        raise InputError(
            f"{asked.cohort.table.name}: no patient's outcome is known, so no metric can fall. "
            "Give a table with the outcome column, or ask for explanations of single patients."
        )
    _, patient = np.unique(_ids(asked, rows), return_inverse=True)
    patient = patient.astype(np.int64)
    unit_id = [asked.cohort.unit_id[int(row)] for row in rows]
    target = asked.outcomes.target[rows]
    if asked.fitted.classes:
        return rows, Units.of(unit_id, patient, target.astype(np.int64))
    outcome = np.asarray(target, dtype=np.float64).reshape(len(rows), -1)
    names = tuple(asked.outcomes.columns)
    if asked.fitted.study.keys.task.kind != "survival":
        outcome, names = outcome[:, [asked.target]], names[asked.target : asked.target + 1]
    said = target_names(asked.fitted)[asked.target : asked.target + 1]
    return rows, NumberUnits.of(unit_id, patient, outcome, outcome_names=names, names=said)


def _predicted(
    asked: Asked, units: Units | NumberUnits, model: VectorModel, x: Floats,
    held: Mapping[str, Ints],
) -> Floats:  # fmt: skip
    """(units, K) probabilities of units, or (units, 1) the number that is explained."""
    fitted, numbers = asked.fitted, np.arange(len(x))
    if fitted.classes:
        return fitted.calibrate(units.mean(model.probabilities(x, numbers, held=held)))
    said = fitted.as_numbers(model.outputs(x, numbers, held=held))
    return units.mean(said[:, asked.target : asked.target + 1])


def _ids(asked: Asked, rows: Ints) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    return np.asarray([asked.cohort.patient_id[int(row)] for row in rows], dtype=np.str_)


def _inputs(model: VectorModel) -> list[tuple[str, str, Ints]]:
    """(modality, name, derived features) of every input; no features for a whole image."""
    groups = model.features.groups
    n_columns = Counter(modality for modality, _ in groups)
    found = [
        (modality, name, index)
        for (modality, name), index in groups.items()
        if n_columns[modality] <= MOST_COLUMNS
    ]
    names = model.fitted.arm.modalities
    if len(names) > 1 or not found:
        found += [(name, name, model.features.of(name)) for name in names]
    return found


def _changed(
    model: VectorModel, modality: str, source: Ints, index: Ints
) -> tuple[Floats, dict[str, Ints]]:
    """Features with these, or else the image, of `source`: (features, image -> whose it is)."""
    if not len(index):
        return model.vectors, {modality: source}
    x = model.vectors.copy()
    x[:, index] = model.vectors[np.ix_(source, index)]
    return x, {}
