"""Every metric of a segmentation as a function of its patients' weights, for many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tumorboard.evaluation.mask_columns import MaskColumns, label_of
from tumorboard.evaluation.outcome_table import OutcomeUnits
from tumorboard.evaluation.ratio import mean_of_defined, ratio
from tumorboard.records import Floats

#: What an empty mask of an image without the label has, beside an arm that invented one.
_FULL_MARKS: Mapping[str, float] = {
    "dice": 1.0, "iou": 1.0, "nsd": 1.0, "hd95": 0.0, "precision": 1.0, "lesion_precision": 1.0,
    "lesion_f1": 1.0,
}  # fmt: skip


class SegmentationStatistic:
    """Metrics of one arm for many weightings of its patients at once.

    A case's labels are averaged, then a patient's cases, then the repeats: every patient has one
    value of each metric, whatever the number of images, and the metric is their weighted mean.
    Where both masks are empty a metric is not applicable: such a case is left out of its patient,
    and a patient without any other case out of the mean. `n_excluded` counts those patients.

    Args:
        units: What was scored.
        metrics: Names wanted; empty for all.
    """

    def __init__(self, units: OutcomeUnits, metrics: Sequence[str] = ()) -> None:
        columns = MaskColumns.of(units.names)
        self.names: tuple[str, ...] = (
            tuple(columns.resolve(metric) for metric in metrics) or columns.metrics
        )
        #: (patients, names) NaN where not applicable
        self.values: Floats = patient_values(units, self.names)
        self._defined = ~np.isnan(self.values)
        self._filled = np.where(self._defined, self.values, 0.0)

    def __call__(self, weights: Floats) -> Floats:
        """Values (replicates, names) of weights (replicates, patients)."""
        return ratio(weights @ self._filled, weights @ self._defined.astype(np.float64))

    def n_defined(self, k: int) -> int:
        """Patients behind metric `k`."""
        return int(self._defined[:, k].sum())

    def n_excluded(self, k: int) -> int:
        """Patients to whom metric `k` does not apply."""
        return len(self.values) - self.n_defined(k)


def patient_values(units: OutcomeUnits, metrics: Sequence[str]) -> Floats:
    """(patients, metrics) each patient's value: cases averaged, then repeats; NaN without any."""
    columns = MaskColumns.of(units.names)
    values = np.stack([columns.values(units.predictions, name) for name in metrics], axis=1)
    repeats, repeat = np.unique(units.repeat, return_inverse=True)
    n, r = len(units.patients), len(repeats)
    group = units.patient * r + repeat
    found = np.empty((n, r, len(metrics)))
    for k in range(len(metrics)):
        is_known = ~np.isnan(values[:, k])
        total = np.bincount(group[is_known], weights=values[is_known, k], minlength=n * r)
        count = np.bincount(group[is_known], minlength=n * r).astype(np.float64)
        found[:, :, k] = ratio(total.astype(np.float64), count).reshape(n, r)
    return mean_of_defined(found, axis=1)


def where_both(first: OutcomeUnits, second: OutcomeUnits) -> tuple[OutcomeUnits, OutcomeUnits]:
    """The same units of two arms, each with a value where the other has one.

    By itself an arm that rightly finds nothing is not scored on that image, while one that invents
    a lesion there has 0. Against each other the first gets full marks: a difference that left such
    images out would never see what is invented. Any other value that one of the two does not have
    is left out of both.
    """
    sides = [np.array(side.predictions) for side in (first, second)]
    columns = MaskColumns.of(first.names)
    outcomes = [label_of(name) for name in first.outcome_names]
    for label in columns.labels:
        is_empty = first.outcome[:, outcomes.index(label)] == 0
        for word, best in _FULL_MARKS.items():
            if (name := columns.column(word, label)) not in columns.names:
                continue
            k = columns.names.index(name)
            one, two = (np.isnan(side[:, k]) for side in sides)
            for values, is_silent in zip(sides, (one & ~two, two & ~one), strict=True):
                values[is_silent & is_empty, k] = best
    is_missing = np.isnan(sides[0]) | np.isnan(sides[1])
    own = [np.where(is_missing, np.nan, values) for values in sides]
    return replace(first, predictions=own[0]), replace(second, predictions=own[1])
