"""Permutation importance of columns and of whole modalities."""

from __future__ import annotations

from typing import Literal

import numpy as np

from tumorboard.errors import InputError
from tumorboard.explain import Asked, Explainer, Explanation, Importance
from tumorboard.models.setting_types import Count
from tumorboard.prediction.features import vector_modalities
from tumorboard.prediction.permutation import Units, exchanged, fall
from tumorboard.prediction.vector_model import VectorModel
from tumorboard.records import Floats, Ints
from tumorboard.training.fitted import FittedArm


class PermutationImportance(Explainer):
    """Permutation importance: how much a metric falls when patients exchange one input.

    An input is a column of a table (its categories and its missing indicator move together) and,
    where the arm has several, a whole modality (exchanged among the patients who have it). Columns
    that tell the same share their importance: each alone may seem to matter little.

    Args:
        metric: `auroc` (of several classes the mean, each against the rest) or `log_loss`, whose
            rise is then the fall.
        repeats: Permutations of each input.
        replicates: Resamples of the patients for the interval.

    Source:
        Breiman, Random forests, 2001, section 10; Fisher et al., JMLR 2019 (any model).
    """

    question = "How much does the arm rely on each input?"
    asks_all = True

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
        fitted = asked.fitted
        model = VectorModel(fitted, asked.measured, rows, target=asked.target)
        _, patient = np.unique(_ids(asked, rows), return_inverse=True)
        numbers = np.arange(len(rows))
        before = self._units(asked, units, model.probabilities(model.vectors, numbers))
        seed = int(asked.rng.integers(2**31))
        inputs = _inputs(model)
        found: list[tuple[float, float, float]] = []
        for modality, _, index in inputs:
            has = asked.measured[modality].present[rows]
            sources = [exchanged(patient, has, asked.rng) for _ in range(self.repeats)]
            changed = [_after(model, modality, source, index) for source in sources]
            after = [self._units(asked, units, each) for each in changed]
            found.append(
                fall(units, self.metric, before, after, n_replicates=self.replicates, seed=seed)
            )
        drop, low, high = np.asarray(found, dtype=np.float64).T
        remarks = (
            (f"{units.n_patients} patients: too few for an interval.",)
            if units.n_patients < 10
            else ()
        )
        return Explanation(
            importance=Importance(
                tuple(modality for modality, _, _ in inputs),
                tuple(name for _, name, _ in inputs),
                drop,
                low,
                high,
                self.metric,
            ),
            remarks=remarks,
        )

    @staticmethod
    def _units(asked: Asked, units: Units, probabilities: Floats) -> Floats:
        return asked.fitted.calibrate(units.mean(probabilities))


def _known(asked: Asked) -> tuple[Ints, Units]:
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
    unit_id = [asked.cohort.unit_id[int(row)] for row in rows]
    target = asked.outcomes.target[rows].astype(np.int64)
    return rows, Units.of(unit_id, patient.astype(np.int64), target)


def _ids(asked: Asked, rows: Ints) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    return np.asarray([asked.cohort.patient_id[int(row)] for row in rows], dtype=np.str_)


def _inputs(model: VectorModel) -> list[tuple[str, str, Ints]]:
    """(modality, name, derived features) of every input; no features for a whole image."""
    found = [(modality, name, index) for (modality, name), index in model.features.groups.items()]
    names = model.fitted.arm.modalities
    if len(names) > 1:
        found += [(name, name, model.features.of(name)) for name in names]
    return found


def _after(model: VectorModel, modality: str, source: Ints, index: Ints) -> Floats:
    """Probabilities of every row with these features, or with the image, of `source`."""
    numbers = np.arange(len(source))
    if not len(index):
        return model.probabilities(model.vectors, numbers, held={modality: source})
    x = model.vectors.copy()
    x[:, index] = model.vectors[np.ix_(source, index)]
    return model.probabilities(x, numbers)
