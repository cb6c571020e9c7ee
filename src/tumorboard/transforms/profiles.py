"""Long profiles (genes, ready features): which columns are kept, filled and standardised.

Everything is fitted on training patients, each of whom has one profile and counts once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError
from tumorboard.formats.messages import counted, listed
from tumorboard.records import Floats, Ints

#: Standard deviations that one value of one patient counts for at most.
MOST_DEVIATIONS = 10.0
#: A spread below this share of the mean is rounding, not variation.
_FLAT = 1e-6
_NO_COUNTS: Mapping[str, int] = {}


def bounded(standard: Floats) -> Floats:
    """Standardised values, at most `MOST_DEVIATIONS` from the mean; NaN stays.

    A gene that hardly varies in the training patients can lie hundreds of their deviations off in
    one patient, and would be all that a network or a score sees of that patient.
    """
    return np.clip(standard, -MOST_DEVIATIONS, MOST_DEVIATIONS)


@dataclass(frozen=True)
class ProfileScaling:
    """The columns that models see and how their numbers are filled and scaled.

    Args:
        names: Names of the columns.
        fill: Training median of each: what a missing value becomes.
        mean: Training mean.
        deviation: Training standard deviation (population), never 0.
        n_sparse: Columns left out because too many training patients lack them.
        n_flat: Columns left out because they are constant in training.
        n_filled: Values of the kept columns that training patients lack.
    """

    names: tuple[str, ...]
    fill: Floats
    mean: Floats
    deviation: Floats
    n_sparse: int = 0
    n_flat: int = 0
    n_filled: int = 0

    @classmethod
    def fit(
        cls, values: NDArray[Any], names: Sequence[str], *, where: str, most_missing: float,
        top: int = 0,
    ) -> ProfileScaling:  # fmt: skip
        """Fit on the profiles of training patients.

        Args:
            values: (patients, columns) NaN where missing.
            names: One per column.
            where: Name of the modality, for messages.
            most_missing: Columns that a larger share of the patients lacks are left out.
            top: Keep so many columns of the largest variance; 0 keeps all.

        Raises:
            InputError: No column is left.
        """
        missing = np.isnan(values)
        is_dense = (missing.mean(axis=0) <= most_missing) & ~missing.all(axis=0)
        dense = np.flatnonzero(is_dense)
        filled = values[:, dense].astype(np.float64)
        fill = np.nanmedian(filled, axis=0) if len(dense) else np.empty(0)
        filled = np.where(missing[:, dense], fill, filled)
        mean, deviation = filled.mean(axis=0), filled.std(axis=0)
        varies = deviation > _FLAT * np.maximum(np.abs(mean), 1e-12)
        kept = np.flatnonzero(varies)
        if not len(kept):
            raise InputError(
                f"{where}: of {counted(len(names), 'column')} none varies over the "
                f"{counted(len(values), 'training patient')} that have it."
            )
        if top and len(kept) > top:
            # ties keep the order of the table, chosen columns as well
            kept = np.sort(kept[np.argsort(-deviation[kept], kind="stable")[:top]])
        return cls(
            names=tuple(names[int(i)] for i in dense[kept]),
            fill=fill[kept],
            mean=mean[kept],
            deviation=deviation[kept],
            n_sparse=len(names) - len(dense),
            n_flat=len(dense) - int(varies.sum()),
            n_filled=int(missing[:, dense[kept]].sum()),
        )

    def scaled(self, values: NDArray[Any]) -> Floats:
        """Profiles (patients, columns of `names`), standardised; NaN where missing."""
        return (values - self.mean) / self.deviation

    def filled(self, values: NDArray[Any]) -> Floats:
        """The same with every missing value at its training median."""
        return self.scaled(np.where(np.isnan(values), self.fill, values))

    def take(self, columns: Ints) -> ProfileScaling:
        """The same for some of the columns."""
        return ProfileScaling(
            tuple(self.names[int(i)] for i in columns), self.fill[columns], self.mean[columns],
            self.deviation[columns], self.n_sparse, self.n_flat, self.n_filled,
        )  # fmt: skip

    def arrays(self) -> dict[str, Floats]:
        """What is fitted of each column, as plain data; see `from_state`."""
        return {"fill": self.fill, "mean": self.mean, "deviation": self.deviation}

    @classmethod
    def from_state(
        cls, names: Sequence[str], arrays: Mapping[str, NDArray[Any]], *, prefix: str = "",
        counts: Mapping[str, Any] = _NO_COUNTS,
    ) -> ProfileScaling:  # fmt: skip
        """What `arrays` and `counts` gave, from the state of a modality that holds them."""
        fill, mean, deviation = (arrays[f"{prefix}{key}"] for key in ("fill", "mean", "deviation"))
        numbers = {k: int(counts[k]) for k in ("n_sparse", "n_flat", "n_filled") if k in counts}
        return cls(tuple(names), fill, mean, deviation, **numbers)

    def counts(self) -> dict[str, int]:
        """What was left out and filled in, as plain data."""
        return {"n_sparse": self.n_sparse, "n_flat": self.n_flat, "n_filled": self.n_filled}


def aligned(
    values: NDArray[Any], names: Sequence[str], wanted: Sequence[str]
) -> NDArray[np.float64]:
    """Columns of `values` in the order of `wanted`, NaN where there is no such column."""
    position = {name: i for i, name in enumerate(names)}
    index = np.asarray([position.get(name, -1) for name in wanted], dtype=np.int64)
    found = np.full((len(values), len(index)), np.nan)
    found[:, index >= 0] = values[:, index[index >= 0]]
    return found


def absent_names(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Names of `wanted` that a table lacks."""
    here = frozenset(names)
    return [name for name in wanted if name not in here]


def refuse_small_overlap(
    names: Sequence[str], wanted: Sequence[str], *, least: float, where: str, what: str
) -> None:
    """Refuse a table that lacks too many of the columns that a model was trained on.

    Raises:
        InputError: The share that is there, the least one, and what is absent.
    """
    absent = absent_names(names, wanted)
    share = 1 - len(absent) / len(wanted)
    if share < least:
        raise InputError(
            f"{where}: the table has {100 * share:.0f} % of the {len(wanted):,} {what} that the "
            f"model was trained on; expected at least {100 * least:g} % (min_overlap). Absent: "
            f"{listed(absent)}."
        )


def scaling_notes(scaling: ProfileScaling, *, what: str, most_missing: float) -> list[str]:
    """Sentences about what fitting left out and filled in."""
    notes: list[str] = []
    if scaling.n_sparse:
        notes.append(
            f"{what} left out: {scaling.n_sparse:,}, missing in more than {100 * most_missing:g} % "
            "of the training patients"
        )
    if scaling.n_flat:
        notes.append(f"{what} left out: {scaling.n_flat:,}, constant in the training patients")
    if scaling.n_filled:
        notes.append(
            f"{counted(scaling.n_filled, 'missing value')} of training patients at the training "
            f"median of the {what.rstrip('s')}"
        )
    return notes
