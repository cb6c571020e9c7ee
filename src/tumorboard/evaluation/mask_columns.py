"""Columns of a segmentation's table: which labels and metrics there are, and how each is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tumorboard.errors import StudyError, nearest
from tumorboard.evaluation.ratio import mean_of_defined
from tumorboard.records import Floats

#: Beginning of the outcome columns: volume of the reference mask.
REFERENCE = "reference_"
#: Beginning of the column that every label has.
DICE = "dice_"
#: Columns of a label, in the order of the file; `distance` and `volume` end with their unit.
_COLUMNS = (
    ("dice", ""), ("iou", ""), ("nsd", ""), ("hd95", "distance"), ("sensitivity", ""),
    ("specificity", ""), ("precision", ""), ("pixel_accuracy", ""), ("volume_error", "volume"),
    ("volume", "volume"), ("lesion_sensitivity", ""), ("lesion_precision", ""),
    ("lesion_f1", ""), ("false_lesions", ""), ("predicted_dice", ""), ("uncertainty", ""),
)  # fmt: skip
_UNIT_OF = dict(_COLUMNS)
#: Metrics in the order of the report. The column of `volume_error` is signed (predicted minus
#: reference): as a metric it is the size of the error, and `volume_bias` keeps the sign.
WORDS = (
    "dice", "iou", "nsd", "hd95", "sensitivity", "specificity", "precision", "pixel_accuracy",
    "volume_error", "volume_bias", "lesion_sensitivity", "lesion_precision", "lesion_f1",
    "false_lesions",
)  # fmt: skip
#: Words that read another word's column.
_READS = {"volume_bias": "volume_error"}


@dataclass(frozen=True)
class MaskColumns:
    """Columns of a table of segmentations, found by their names.

    Args:
        names: Columns of the predictions.
        labels: Segmented labels, in order.
        distance: Unit of distances: `mm`, or `px` where the voxel size is not known.
        volume: Unit of volumes: `ml`, or `px`.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    distance: str
    volume: str

    @classmethod
    def of(cls, names: Sequence[str]) -> MaskColumns:
        """The columns of a table with these predictions."""
        labels = tuple(n.removeprefix(DICE) for n in names if n.startswith(DICE))
        distance = "mm" if any(f"hd95_{label}_mm" in names for label in labels) else "px"
        is_ml = any(f"volume_{label}_ml" in names for label in labels)
        is_ml |= any(f"volume_error_{label}_ml" in names for label in labels)
        return cls(tuple(names), labels, distance, "ml" if is_ml else "px")

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of every metric of the table: the mean over labels, then label by label."""
        words = [word for word in WORDS if self._has(word)]
        each = [self._name(word, label) for label in self.labels for word in words]
        return (*(self._name(word) for word in words), *each)

    def resolve(self, metric: str) -> str:
        """A study's word such as `hd95` as the metric's name here, `hd95_mm`.

        Raises:
            StudyError: The table has no such metric.
        """
        name = self._name(metric) if metric in WORDS else metric
        if name not in self.metrics:
            raise StudyError(
                f"{metric!r} is not a metric of this segmentation. {nearest(metric, self.metrics)}"
            )
        return name

    def column(self, word: str, label: str) -> str:
        """Name of the column of a label."""
        return self._name(_READS.get(word, word), label)

    def values(self, predictions: Floats, metric: str) -> Floats:
        """(rows,) of a metric: the mean over the labels that have one, or that of one label."""
        for word in WORDS:
            if metric == self._name(word):
                each = [self._of_label(predictions, word, label) for label in self.labels]
                return mean_of_defined(np.stack(each))
            for label in self.labels:
                if metric == self._name(word, label):
                    return self._of_label(predictions, word, label)
        raise StudyError(f"{metric!r} is not a metric of this segmentation.")

    def of_label(self, predictions: Floats, word: str, label: str) -> Floats:
        """(rows,) of one column as it stands in the table; NaN where the table has none."""
        name = self.column(word, label)
        if name not in self.names:
            return np.full(len(predictions), np.nan)
        return predictions[:, self.names.index(name)]

    def _of_label(self, predictions: Floats, word: str, label: str) -> Floats:
        values = self.of_label(predictions, word, label)
        return np.abs(values) if word == "volume_error" else values

    def _has(self, word: str) -> bool:
        return all(self.column(word, label) in self.names for label in self.labels)

    def _name(self, word: str, label: str = "") -> str:
        unit = {"distance": self.distance, "volume": self.volume}.get(
            _UNIT_OF[_READS.get(word, word)], ""
        )
        return "_".join(part for part in (word, label, unit) if part)


def is_reference(name: str) -> bool:
    """Whether a column is the reference volume of a label."""
    return name.startswith(REFERENCE) and name.endswith(("_ml", "_px"))


def label_of(reference: str) -> str:
    """The label of a column `reference_<label>_ml`."""
    return reference.removeprefix(REFERENCE)[: -len("_ml")]


def is_of_masks(outcomes: Sequence[str], predictions: Sequence[str]) -> bool:
    """Whether a table's columns are those of a segmentation."""
    return bool(outcomes) and all(
        is_reference(name) and f"{DICE}{label_of(name)}" in predictions for name in outcomes
    )


def mask_columns_in(header: Sequence[str]) -> tuple[str, ...]:
    """Columns of predictions of a segmentation among a header; empty where it is of no such."""
    labels = [label_of(name) for name in header if is_reference(name)]
    if not any(f"{DICE}{label}" in header for label in labels):
        return ()
    known = {
        f"{word}_{label}{f'_{unit}' if unit else ''}"
        for label in labels
        for word, kind in _COLUMNS
        for unit in {"": ("",), "distance": ("mm", "px"), "volume": ("ml", "px")}[kind]
    }
    return tuple(name for name in header if name in known)


def without_unit(metric: str) -> str:
    """`hd95_mm` as the study's word `hd95`."""
    for unit in ("_mm", "_ml", "_px"):
        metric = metric.removesuffix(unit)
    return metric
