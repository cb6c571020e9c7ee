"""Every metric of a segmentation as a function of its patients' weights, for many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tumorboard.evaluation.mask_columns import MaskColumns
from tumorboard.evaluation.outcome_table import OutcomeUnits
from tumorboard.evaluation.ratio import mean_of_defined, ratio
from tumorboard.records import Floats


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
    """The same units of two arms, without the values that one of the two does not have.

    An arm that finds nothing in an image without a lesion is not scored there, and one that finds
    something is: a difference takes the cases that both were scored on.
    """
    is_missing = np.isnan(first.predictions) | np.isnan(second.predictions)
    one, two = (
        replace(side, predictions=np.where(is_missing, np.nan, side.predictions))
        for side in (first, second)
    )
    return one, two
