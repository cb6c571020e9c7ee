"""What the report of survival times, of masks or of other numbers reads from a run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tumorboard.evaluation.outcome_comparison import mean_values
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.report.run_contents import RunContents


@dataclass(frozen=True)
class NumbersContents(RunContents):
    """A run folder of survival times or of other numbers, read.

    Args:
        everything: Validation and test predictions with a known outcome.
        predictions: Test predictions with a known outcome.
    """

    everything: OutcomeTable
    predictions: OutcomeTable

    @property
    def primary_metric(self) -> str:
        """The metric of the first line; the first of all where there is nothing to compare."""
        if self.differences or not self.arms:
            return super().primary_metric
        return next(iter(self.metrics[self.arms[0]]))

    @property
    def tested(self) -> OutcomeTable:
        """Test predictions with a known outcome."""
        return self.predictions

    @property
    def n_units(self) -> Mapping[str, int]:
        """Units with the event and censored; with and without a label; all of a regression."""
        _, first = np.unique(self.predictions.unit_id, return_index=True)
        if self.predictions.kind == "segmentation":
            n = int((self.predictions.outcome[first] > 0).any(axis=1).sum())
            rest = {"without a lesion": len(first) - n} if n < len(first) else {}
            return {"with a lesion": n, **rest}
        if self.predictions.kind != "survival":
            return {"known": len(first)}
        n_events = int(self.predictions.outcome[first, 1].sum())
        return {"event": n_events, "censored": len(first) - n_events}

    @property
    def fold_means(self) -> Mapping[tuple[str, str], tuple[float, float]]:
        """(arm, metric) -> means of the arm and of the reference: what a difference is made of."""
        return {
            (row.arm, row.metric): mean_values(self.predictions, row.arm, row.reference, row.metric)
            for row in self.differences
        }
