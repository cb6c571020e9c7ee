"""Scores of masks by case and label, and what they say together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tumorboard.evaluation.bootstrap import bootstrap, percentile_interval
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.evaluation.mask_metrics import MaskMeasures, Status
from tumorboard.records import Floats

#: `no_prediction`: the file is absent; `rejected`: it cannot be scored. Both count as the worst,
#: but for a reference that cannot be read, which has no numbers.
RowStatus = Status | Literal["no_prediction", "rejected"]
#: Numbers of a row, in the order of the file.
MEASURES = (
    "dice", "iou", "sensitivity", "specificity", "precision", "hd95_mm", "nsd", "volume_error_ml",
)  # fmt: skip
HEADER = ("file", "label", *MEASURES, "status")
N_BOOTSTRAP = 2000
_NAN = float("nan")


@dataclass(frozen=True)
class MaskRow:
    """One case and label.

    Args:
        file: Name of the reference's file.
        label: Number of the structure.
        values: Measure -> its value; NaN where it does not apply.
        status: Which masks are empty, or absent.
    """

    file: str
    label: int
    values: Mapping[str, float]
    status: RowStatus

    def cells(self) -> list[object]:
        """The row of a CSV file, in full precision; empty where a measure does not apply."""
        numbers = [self.values.get(name, _NAN) for name in MEASURES]
        cells = ["" if math.isnan(value) else repr(float(value)) for value in numbers]
        return [self.file, self.label, *cells, self.status]


@dataclass(frozen=True)
class Spread:
    """One measure over the cases of a label.

    Args:
        mean: Over the cases to which it applies.
        ci_low: Lower end of the 95 % bootstrap interval of the mean; NaN under 10 cases,
            and where all replicates are equal.
        ci_high: Upper end.
        median: Over the same cases.
        quartiles: First and third.
        n_cases: Cases to which it applies.
    """

    mean: float
    ci_low: float
    ci_high: float
    median: float
    quartiles: tuple[float, float]
    n_cases: int


def measured_row(file: str, label: int, found: MaskMeasures, *, is_volume: bool = True) -> MaskRow:
    """The row of a measured case; the area of a plane is no volume."""
    values = {name: getattr(found, name.removesuffix("_mm")) for name in MEASURES[:-1]}
    values["volume_error_ml"] = found.volume_error if is_volume else _NAN
    return MaskRow(file, label, values, found.status)


def without_prediction(
    file: str, label: int, *, reference_volume: float, diagonal_mm: float,
    in_reference: bool = True, status: RowStatus = "no_prediction",
) -> MaskRow:  # fmt: skip
    """The worst of every measure, so that leaving a case out never improves a mean.

    Args:
        file: Name of the reference's file.
        label: Number of the structure.
        reference_volume: Of the structure, ml.
        diagonal_mm: Of the image.
        in_reference: Whether the reference has the structure; where not, there is nothing to be
            sensitive to, and no worst volume error: both are left empty.
        status: `no_prediction`, or `rejected` where the file cannot be scored.
    """
    worst = {name: 0.0 for name in MEASURES}
    worst |= {"hd95_mm": diagonal_mm, "volume_error_ml": 0.0 - reference_volume}
    if not in_reference:
        worst |= {"sensitivity": _NAN, "volume_error_ml": _NAN}
    return MaskRow(file, label, worst, status)


def absent_row(file: str, label: int, *, is_volume: bool = True) -> MaskRow:
    """A label that neither mask of a case has."""
    values = {"specificity": 1.0, "volume_error_ml": 0.0 if is_volume else _NAN}
    return MaskRow(file, label, values, "both_empty")


def spread(values: Floats, *, rng: np.random.Generator) -> Spread:
    """Mean with its interval, median and quartiles of the values that are there.

    The bootstrap resamples cases: one file is taken as one patient.
    """
    there = values[~np.isnan(values)]
    if not len(there):
        return Spread(_NAN, _NAN, _NAN, _NAN, (_NAN, _NAN), 0)
    low, high = _NAN, _NAN
    if len(there) >= MIN_PATIENTS:
        n = len(there)
        drawn = bootstrap(
            lambda weights: weights @ there / n, n_patients=n, n_replicates=N_BOOTSTRAP, rng=rng
        )
        low, high, _ = percentile_interval(drawn)
        if low == high:  # an interval without width would look like certainty
            low, high = _NAN, _NAN
    first, median, third = (float(q) for q in np.quantile(there, [0.25, 0.5, 0.75]))
    return Spread(float(there.mean()), low, high, median, (first, third), len(there))


def summary(rows: Sequence[MaskRow], *, seed: int = 0) -> list[str]:
    """Lines to read: for each label how many cases of each kind, then every measure."""
    lines: list[str] = []
    for label in sorted({row.label for row in rows}):
        here = [row for row in rows if row.label == label]
        counts = Counter(row.status for row in here)
        kinds = ", ".join(f"{n} {status}" for status, n in sorted(counts.items()))
        lines.append(f"label {label}: {kinds}")
        if set(counts) == {"both_empty"}:
            lines.append("  in no mask of either folder: is this the number?")
        for name in MEASURES:
            values = np.asarray([row.values.get(name, _NAN) for row in here], dtype=np.float64)
            found = spread(values, rng=np.random.default_rng(seed))
            if found.n_cases:
                lines.append(f"  {name}: {_line(found)}")
    return lines


def _line(found: Spread) -> str:
    interval = ""
    if not math.isnan(found.ci_low):
        interval = f" (95 % interval {found.ci_low:.4g} to {found.ci_high:.4g})"
    return (
        f"mean {found.mean:.4g}{interval}, median {found.median:.4g}, "
        f"quartiles {found.quartiles[0]:.4g} to {found.quartiles[1]:.4g}, n = {found.n_cases}"
    )
